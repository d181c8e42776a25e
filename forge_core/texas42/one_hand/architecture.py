"""The name and the objective of the one-hand network, for code that must not load torch."""

ARCHITECTURE = "texas42-one-hand"
"""its name in the registry of architectures; it must never change"""
OBJECTIVE = "one-hand"
"""the kind of network, as in the names of registered models"""
