"""The gate of a game: a challenger that passes it replaces the champion in MLflow's registry.

Modules, in dependency order: networks (networks loaded from folders), cards (the model card of a champion),
figures (what earlier runs recorded of a network), champion (the gate, which carries out the game's ruling).
"""
