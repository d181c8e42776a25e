"""Stage 2 networks with and without the features that follow from a transcript.

    python benchmarks/transcript_features.py DATA FOLDER --size 73k --steps 3000 --deals 1000

DATA is a store with rows of games (`forge tokenize --stage 2`). The network `all` reads the tokens of
`tokens.inferences`; for the network `none` the inferred features are 0, so it reads the transcript alone.
Both learn from the same batches, and meet each other, the heuristic player and the shipped one-hand network
in duplicate deals. FOLDER keeps the runs, so that an interrupted one continues.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from forge_core.arena.settings import held_out_seeds
from forge_core.device import resolve_device
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.config import Recipe, TrainConfig, learning_rate_for
from forge_core.learning.labelled.job import TrainingJob
from forge_core.learning.labelled.metrics import GOAL
from forge_core.learning.labelled.rows import Rows, RowSource
from forge_core.learning.labelled.train import train
from forge_core.learning.networks.sizes import SIZES, ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.learning.runs import CHECKPOINT, MODEL, Point
from forge_core.texas42.arena import Conditions, play_match
from forge_core.texas42.arena.report import Comparison
from forge_core.texas42.players import parse_player
from forge_core.texas42.players.network import best_play
from forge_core.texas42.players.protocol import Keys, Player, Slots
from forge_core.texas42.sources import GameRows
from forge_core.texas42.tokens.encoder import Tokens
from forge_core.texas42.tokens.inferences import STAGE2_SPEC, encode_views
from forge_core.texas42.tokens.transcript import N_FEATURES as N_OF_TRANSCRIPT
from forge_core.texas42.views import Views

VARIANTS = ("all", "none")


def blank(tokens: Any) -> Any:
    """Return tokens [N, 36, 12] with zeros instead of the inferred features."""
    tokens = tokens.copy()
    tokens[:, :, N_OF_TRANSCRIPT:] = 0
    return tokens


def blank_rows(rows: Rows) -> Rows:
    """Return rows without the inferred features."""
    return replace(rows, tokens=blank(rows.tokens))


class TranscriptsAlone:
    """A row source without the inferred features."""

    spec = STAGE2_SPEC

    def __init__(self, source: RowSource) -> None:
        self.source = source

    def batch(self, k: int) -> Rows:
        """See RowSource."""
        return blank_rows(self.source.batch(k))


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """The Stage 2 player of a network that reads all features, or those of the transcript alone."""

    name: str
    model: TokenTransformer

    def describe(self) -> dict[str, Any]:
        """See Player."""
        return {"player": self.name}

    def slots(self, views: Views, keys: Keys) -> Slots:
        """Return the network's best play in each of N games."""
        seen = encode_views(views)
        tokens = seen.tokens if self.name == "all" else blank(seen.tokens)
        return best_play(self.model, Tokens(tokens, seen.mask, seen.legal), self.name)


def main() -> None:
    """Train, play and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="73k")
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--evaluate-every", type=int, default=500)
    parser.add_argument("--minutes", type=float, help="of each run; another call continues it")
    parser.add_argument("--deals", type=int, default=1_000, help="of each match; 0 for none")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    for variant in VARIANTS:
        teach(given, variant)
    for first, second in pairs(given) if given.deals else ():
        points = Comparison.of(play_match(first, second, held_out_seeds(given.deals), Conditions())).swing
        text = f"{points.mean:+.2f} ({points.low:+.2f} to {points.high:+.2f})"
        print(f"{first.name} against {second.name}, {given.deals:,} deals: {text}", flush=True)


def teach(given: argparse.Namespace, variant: str) -> None:
    """Train a network, or continue its run."""
    source = GameRows.describe(Store(given.data), given.batch_size, 0)
    rows, val_rows = source.open(0)
    if variant == "none":
        rows, val_rows = TranscriptsAlone(rows), blank_rows(val_rows)
    model = ModelConfig.from_dict(SIZES[given.size].to_dict() | {"objective": "eq"})
    recipe = Recipe(given.steps, learning_rate_for(model))
    config = TrainConfig(model, recipe, evaluate_every=given.evaluate_every, device=given.device)
    folder = given.folder / variant

    def print_point(point: Point) -> None:
        print(f"{variant}: step {point['step']:,}, points lost per decision {point[GOAL]:.3f}", flush=True)

    train(
        TrainingJob(config, rows, val_rows, folder, dict(source.record)),
        resume=(folder / CHECKPOINT).exists(),
        minutes=given.minutes,
        on_point=print_point,
    )


def pairs(given: argparse.Namespace) -> Iterator[tuple[Player, Player]]:
    """Return the pairs of players to compare."""
    device = resolve_device(given.device)
    readers = [Reader(name, load_model(str(given.folder / name / MODEL), device)) for name in VARIANTS]
    yield readers[0], readers[1]
    for reader in readers:
        for opponent in ("heuristic", "network"):
            yield reader, parse_player(opponent)  # pyright: ignore[reportReturnType]


if __name__ == "__main__":
    main()
