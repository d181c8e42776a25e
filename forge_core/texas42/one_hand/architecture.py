"""The name and the size of the one-hand network, for code that must not load torch."""

ARCHITECTURE = "texas42-one-hand"
"""its name in the registry of architectures; it must never change"""
HIDDEN = 32
"""hidden units; a constant, so that the loops of the kernels have a fixed length"""
