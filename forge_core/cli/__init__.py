"""The parts of the `forge` command that all games share. Slow imports are inside the verbs that need them.

Modules: main (entry point and error handling), app (all verbs), status (exit statuses), options, screen
(output), filling (writing into a store), doctor and bench (verbs that do not belong to a game).
"""
