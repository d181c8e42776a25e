"""The frame of `forge`: what verbs of any game share. Slow imports stand inside the verbs that need them.

main (the entry point, and how errors are printed), app (all verbs), status (exit statuses), options,
screen (output), filling (writing into a store), doctor and bench (verbs of no game).
"""
