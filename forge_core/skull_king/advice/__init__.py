"""Advice: what a search over worlds, or a network, expects of each bid and each play of a seat."""
