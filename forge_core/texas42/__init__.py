"""Texas 42, from its rules up. Each module imports only modules to its left:

dominoes, declarations, rules, deals, benchmark, tables, state, views, tricks, notation, domino_art,
oracle, auction, games, game, worlds, tokens, eq, players, bidding, arena, cli.
"""
