"""Matches between players of any game.

Modules: settings (what users can choose), players (the player protocol), names (parsing player names
such as `playouts:256`), seats (seat arrangements that favour no player), play (games in lockstep), loop
(finds stored games and plays missing ones until a test is decided), match (a match of any game), scores
(games won, drawn and lost), ratings (Elo), standings (rankings, as records and tables) and pictures.
Each module uses only those listed before it.
"""
