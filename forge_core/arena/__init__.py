"""Matches between players of any game.

settings (what users choose), players (the protocol of a player), names (players as the command line
writes them), seats (who sits where, so that no seat and no deal favours anyone), play (games of the
protocol in lockstep), loop (seed by seed: stored games are found, missing ones played, until
a test is decided), match (a match of any game), scores (games won, drawn and lost), ratings (Elo),
standings (who is best, as records and tables), pictures. Each uses only what stands before it.
"""
