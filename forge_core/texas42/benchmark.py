"""The seeds of the fixed benchmark and of the validation deals used during training."""

from __future__ import annotations

from forge_core.splits import FIRST_VAL, TEST_SEEDS, Split

GOLDEN_VAL = range(FIRST_VAL, FIRST_VAL + 20)
"""Val seeds of the benchmark. Their rows never affect when training stops."""
GOLDEN_TEST = range(950, 952)
"""Test seeds that `golden_shards` stores."""
GOLDEN_SHARD_SEEDS = (*GOLDEN_VAL, *GOLDEN_TEST)
"""The 22 seeds that `golden_shards` stores, each under every declaration."""
BENCHMARK_SEEDS = {Split.VAL: GOLDEN_VAL, Split.TEST: TEST_SEEDS}
"""The seeds that networks are scored on. The test seeds are sealed: only the final evaluation uses them."""
WATCHED_SEEDS = range(GOLDEN_VAL.stop, TEST_SEEDS.start)
"""The remaining val seeds below 1000. Networks in training are evaluated on them."""
