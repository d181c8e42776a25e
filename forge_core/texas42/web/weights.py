"""Write the weights of the networks of one hand for the page, as files of a folder.

python -m forge_core.texas42.web.weights FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from forge_core.errors import BadInput
from forge_core.texas42.one_hand.network import ONE_HAND_MODEL, PLAYS_MODEL, WEIGHTS, load_weights
from forge_core.texas42.settings.one_hand import HIDDEN, SECOND

ONE_HAND = "one_hand.bin"
FILES = {ONE_HAND: ONE_HAND_MODEL, "plays.bin": PLAYS_MODEL}
"""the files, each one WEIGHTS record in half precision, and their networks: of plays, and of beliefs"""


def weights_file(folder: str) -> bytes:
    """Return the weights of the network of one hand in a folder, as the page reads them.

    Raises BadInput for a network of another size than the usual one, or if half precision would change a
    weight, and the errors of `load_weights`.
    """
    weights = load_weights(folder)
    if weights.dtype != WEIGHTS:
        hidden, second = weights["bias"].shape[1], weights["out"].shape[1]
        raise BadInput(
            f"{folder} has layers of {hidden} and {second} units: the page needs one with {HIDDEN} "
            f"and {SECOND}"
        )
    singles = weights.view(np.float32)
    halves = singles.astype("<f2")
    if (halves != singles).any():
        raise BadInput(
            f"{folder} has weights that half precision changes: train it with this version of Forge"
        )
    return halves.tobytes()


if __name__ == "__main__":
    for name, model in FILES.items():
        file = Path(sys.argv[1]) / name
        file.write_bytes(weights_file(model))
        print(f"{file}: {file.stat().st_size} bytes")
