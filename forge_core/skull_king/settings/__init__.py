"""Settings of the verbs and assets of Skull King, with defaults and help (see `forge_core.settings`), and the
recipes that name combinations of them.

Nothing here takes time to import.
"""
