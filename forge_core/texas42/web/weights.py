"""Write the weights of the one-hand network for the page: `python -m forge_core.texas42.web.weights FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from forge_core.texas42.one_hand.network import ONE_HAND_MODEL, load_weights


def weights_file() -> bytes:
    """Return the weights of the shipped network as one WEIGHTS record."""
    return load_weights(ONE_HAND_MODEL).tobytes()


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_bytes(weights_file())
    print(f"{file}: {file.stat().st_size} bytes")
