"""Keyed randomness: every draw comes from a stream that is named by a seed and a key."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput

_ONE, _GOLDEN = np.uint64(1), np.uint64(0x9E3779B97F4A7C15)


def stream(seed: int, *key: int | str) -> np.random.Generator:
    """Return a repeatable generator for `seed` and a key of ints and strings.

    The same arguments give the same draws in every process and on every machine; different arguments
    give independent streams (a PCG64 seeded with 128 bits of BLAKE2b). The encoding is prefix-free,
    so ("ab", 1) and ("a", "b1") differ.

    Raises BadInput for a key part that is neither int nor str.
    """
    digest = hashlib.blake2b(digest_size=16, person=b"forge-stream-1")
    for part in (seed, *key):
        if isinstance(part, bool) or not isinstance(part, (int, str, np.integer)):
            raise BadInput(f"stream key part {part!r} is neither an int nor a string: pass one of these")
        tag = "s" if isinstance(part, str) else "i"
        text = str(part).encode()
        digest.update(f"{tag}{len(text)}:".encode() + text)
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest.digest(), "little")))


def mix(keys: npt.ArrayLike, counters: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """Return draw number `counters` of each of the streams `keys`, uint64; the arguments broadcast.

    Each draw is 64 random bits from splitmix64 and depends only on the two arguments, so the draws of
    a game do not depend on which other games are in the batch. Keys come from `stream`, or from `mix`
    itself for a stream within a stream.
    """
    with np.errstate(over="ignore"):
        z = np.asarray(keys, dtype=np.uint64) + (np.asarray(counters).astype(np.uint64) + _ONE) * _GOLDEN
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        return z ^ z >> np.uint64(31)


def keys_from(source: np.random.Generator | npt.ArrayLike, n: int) -> npt.NDArray[np.uint64]:
    """Return n keys for `mix`, contiguous: drawn from a generator, or the given ones.

    Raises BadInput for another number of keys.
    """
    if isinstance(source, np.random.Generator):
        return source.integers(2**64, size=n, dtype=np.uint64)
    keys = np.ascontiguousarray(source, np.uint64)  # a single key becomes an array of one
    if keys.shape != (n,):
        raise BadInput(f"keys of shape {keys.shape} for {n} rows: give one per row")
    return keys


def uniform(draws: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Convert the draws of `mix` to numbers in [0, 1)."""
    return (draws >> np.uint64(11)).astype(np.float64) * 2.0**-53
