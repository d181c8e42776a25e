"""Settings of networks and of learning, and the recipes that name them (see `forge_core.settings`).

Nothing here takes time to import.
"""
