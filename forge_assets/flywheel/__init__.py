"""The flywheel of a game: new data, a network that starts from the champion, a gate; and again.

state (settings and progress of a flywheel), steps (one run of Dagster each), flywheel (the part that a game
contributes), champions (pieces of it that games share), storage (the state as a file of the store), runs
(what Dagster knows about the runs of steps), progress (reports to the UI and to MLflow), turn (the next step,
by state and runs), sensor (turns the flywheel while it is switched on), runner (turns it once, in this
process): each uses only what stands before it.
"""
