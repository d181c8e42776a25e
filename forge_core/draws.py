"""The draws of `forge_core.streams` inside kernels: one number at a time, by key and counter."""

from __future__ import annotations

from numba import int64, uint64

from forge_core.kernels import inlined

GOLDEN_RATIO = 0x9E3779B97F4A7C15


@inlined
def mix(key, counter):
    """Return `streams.mix(key, counter)`: 64 random bits. key: uint64."""
    z = uint64(key) + (uint64(counter) + uint64(1)) * uint64(GOLDEN_RATIO)
    z = (z ^ (z >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@inlined
def uniform(draw):
    """Return `streams.uniform(draw)`: a number in [0, 1)."""
    return float(draw >> uint64(11)) * 2.0**-53


@inlined
def draw_below(draw, n):
    """Return a number 0..n - 1 from the upper 32 bits of a draw."""
    return int64(((draw >> uint64(32)) * uint64(n)) >> uint64(32))
