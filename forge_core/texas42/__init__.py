"""Texas 42, from its rules up. Each module uses only those listed above it:

dominoes, declarations, rules, deals, splits, tables, state, notation, oracle, tokens.
"""
