"""The gate of a game: a challenger that passes it replaces the champion in MLflow's registry.

Modules, in dependency order: networks (networks loaded from folders), cards (the model card of a champion),
champion (the gate, which carries out the game's ruling), figures (the gate of games whose networks are judged
by play, with the figures that earlier runs recorded of them).
"""
