"""Settings of the verbs and assets of Liuzhou, with defaults and help (see `forge_core.settings`).

Nothing here takes time to import.
"""
