"""User settings of Texas 42 for verbs and assets, with defaults and help (see `forge_core.settings`).

Modules: shards, tokens, games (E[Q]), matches, bidding, scores and gate; training settings are in
`forge_core.learning.labelled.settings`. These modules are fast to import. The modules that use the
settings, such as `eq.configuration` for games, check and interpret them.
"""
