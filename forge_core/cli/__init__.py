"""`forge`: one file a verb. Whatever takes time to import is imported inside the verb that needs it.

main (the entry point, and how errors are said), app (all verbs), status (how verbs end), options,
seeds and numbers (what verbs are asked), screen (what they answer), picture (a deal as a table
seen from above).
"""
