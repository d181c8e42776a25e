"""Settings of the verbs and assets of Skull King, with defaults and help (see `forge_core.settings`).

Nothing here takes time to import.
"""
