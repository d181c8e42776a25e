"""The verbs of Texas 42, one file each: `forge VERB`, and also `forge texas42 VERB`."""
