"""The flywheel: new deals, more rows, a network that starts from the champion, a gate; and again.

state (what is asked and how far it is, a file in the store), steps (what an iteration runs, one run of
Dagster each), progress (told to the UI and to MLflow), turn (what comes next, from the state and from the
runs there are), sensor (turns it as long as it is switched on), by_hand (turns it once, in this process):
each uses only what stands before it.
"""
