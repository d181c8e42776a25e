"""The gate of a game: a challenger that passes it replaces the champion in MLflow's registry.

networks (a network that was loaded from a folder), cards (the model card of a champion), champion (the gate:
the game judges, and what follows from its ruling happens here).
"""
