"""The flywheel of a game: iterations of new data, a network trained from the champion, and a gate.

Modules, in dependency order: state (settings and progress of a flywheel), steps (one Dagster run each),
flywheel (the part that a game contributes), champions (parts of it that games share), storage (the state as a
file in the store), runs (Dagster's records of the steps' runs), progress (reports to the UI and to MLflow),
turn (chooses the next step from state and runs), sensor (runs iterations while it is switched on), runner
(runs one iteration in this process).
"""
