"""Write the weights of the networks of one hand for the page, as files of a folder.

python -m forge_core.texas42.web.weights FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.one_hand.network import ONE_HAND_MODEL, PLAYS_MODEL, load_weights

FILES = {"one_hand.bin": ONE_HAND_MODEL, "plays.bin": PLAYS_MODEL}
"""the files, each one WEIGHTS record in half precision, and their networks: of playouts, and of beliefs"""


def weights_file(name: str) -> bytes:
    """Return the content of one of FILES. Raises BadInput if half precision would change a weight."""
    weights = load_weights(FILES[name]).view(np.float32)
    halves = weights.astype("<f2")
    if (halves != weights).any():
        raise BadInput(
            f"{FILES[name]} has weights that half precision changes: train it with this version of Forge"
        )
    return halves.tobytes()


if __name__ == "__main__":
    for name in FILES:
        file = Path(sys.argv[1]) / name
        file.write_bytes(weights_file(name))
        print(f"{file}: {file.stat().st_size} bytes")
