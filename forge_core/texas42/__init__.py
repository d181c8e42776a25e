"""Texas 42, from its rules up. Each module uses only those listed above it:

dominoes, declarations, rules, tables, deals, splits, state, notation, oracle.
"""
