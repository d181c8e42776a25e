"""Settings of the verbs and assets of Texas 42, with defaults and help (see `forge_core.settings`).

shards, tokens, games (of E[Q]), matches, bidding, scores; how networks are trained is in
`forge_core.learning.labelled.settings`. Nothing here takes time to import. What the settings
mean is told by the module that takes them, such as `eq.configuration` for games.
"""
