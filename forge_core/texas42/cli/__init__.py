"""The verbs of Texas 42, one per file; each is available as `forge VERB` and `forge texas42 VERB`."""
