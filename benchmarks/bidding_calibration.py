"""Calibration of bids: predicted P(make) against the share of other deals in which E[Q] players make the bid.

    python benchmarks/bidding_calibration.py --plot docs/pictures/bidding-calibration.png

The hands are those of seat 0 in deals of val seeds, from which no network has learnt; a simple
rule chooses one declaration for each. P(make) of the bids 30..42 is predicted from deals 0..49 of
a hand by `eq` playouts of 20 worlds, and from the same deals by `oracle` and `policy`. The
outcome is the share of deals 50..69, used by no prediction, in which the E[Q] players of
`forge match` (50 worlds) take the points.

Brier: mean squared difference between prediction and outcome. ECE: mean difference between the
predicted and the actual share in each tenth of the predictions. 95 % intervals are bootstrapped
over hands. `by chance`: the expected ECE if outcomes were drawn from the predictions. `settled`:
the ECE after shrinking each prediction towards the mean of its bid, which removes the sampling
noise of its few deals.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from forge_core.arena.settings import held_out_seeds
from forge_core.cli.screen import progress_bar
from forge_core.pictures import BLUE, INK, ORANGE, SOFT
from forge_core.streams import stream
from forge_core.texas42.bidding.playouts import Playout, open_playout
from forge_core.texas42.bidding.table import BIDDING_VERSION, BIDS, draw_deals, makes
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.declaring import suits

TENTHS = 10
REDRAWS = 1_000
_HANDS_AT_ONCE = 10
_COLORS = {"eq": BLUE, "policy": "#8d6bab", "oracle": ORANGE}

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration of one kind of playout, in shares of 1; intervals are (low, high) at 95 %."""

    playout: str
    version: str
    predicted: float
    """mean over hands and bids"""
    excess: float
    """mean predicted less made: optimism"""
    excess_interval: tuple[float, float]
    ece: float
    ece_interval: tuple[float, float]
    ece_by_chance: float
    ece_settled: float
    brier: float
    brier_interval: tuple[float, float]
    bins: dict[str, list[float]]
    """by tenth of the predictions, where there are any: their share, mean predicted, made, low, high"""


def main() -> None:
    """Play, print the figures and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--hands", type=int, default=300)
    parser.add_argument("--deals", type=int, default=50, help="of a hand, to predict from")
    parser.add_argument("--held-out", type=int, default=20, help="further deals of it, to hold it to")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    predictors = [open_playout("eq", "cpu"), open_playout("policy", "cpu"), open_playout("oracle")]
    players = open_playout("eq", "cpu", worlds=50)
    seeds = held_out_seeds(asked.hands)
    taken = {p.name: play(p, seeds, 0, asked.deals) for p in predictors}
    real = play(players, seeds, asked.deals, asked.held_out)
    found = [calibrate(p, taken[p.name], real) for p in predictors]
    report(found, real, players, asked)
    if asked.plot:
        draw(found, taken, real, players, asked.plot)


def play(playout: Playout, seeds: list[int], first: int, n: int) -> npt.NDArray[np.int8]:
    """Return the points of deals first .. first + n - 1 of each seed's hand: int8 [hands, n]."""
    hands = np.array([deal_from_seed(seed)[0] for seed in seeds], dtype=np.int8)
    decls, parts = suits(hands), []
    with progress_bar("playing deals", len(seeds) * n) as advance:
        for start in range(0, len(seeds), _HANDS_AT_ONCE):
            some = range(start, min(start + _HANDS_AT_ONCE, len(seeds)))
            deals = [draw_deals(hands[k], int(decls[k]), seeds[k], first, n) for k in some]
            parts.append(playout.points(np.concatenate(deals), np.repeat(decls[list(some)], n)))
            advance(n * len(some))
    return np.concatenate(parts).reshape(-1, n)


def calibrate(playout: Playout, taken: npt.NDArray[np.int8], real: npt.NDArray[np.int8]) -> Calibration:
    """Compare predictions from the points `taken` [hands, n] with the points `real` [hands, m]."""
    predicted, made = shares(taken), shares(real)
    rng = stream(0, "calibration", playout.name)
    hands = rng.integers(len(real), size=(REDRAWS, len(real)))
    chance = rng.integers(taken.shape[1], size=(REDRAWS // 10, *real.shape))
    by_chance = [
        tenths_of(predicted, shares(np.take_along_axis(taken, drawn, axis=1))).ece for drawn in chance
    ]

    def interval(figure: Callable[[Floats, Floats], float]) -> tuple[float, float]:
        low, high = np.quantile([figure(predicted[drawn], made[drawn]) for drawn in hands], (0.025, 0.975))
        return float(low), float(high)

    tenths = tenths_of(predicted, made)
    some = tenths.share > 0
    redrawn = np.stack([tenths_of(predicted[drawn], made[drawn]).made[some] for drawn in hands])
    low, high = np.nanquantile(redrawn, (0.025, 0.975), axis=0)
    bins = {"share": tenths.share[some], "predicted": tenths.predicted[some], "made": tenths.made[some]}
    return Calibration(
        playout=playout.name,
        version=playout.version,
        predicted=float(predicted.mean()),
        excess=excess(predicted, made),
        excess_interval=interval(excess),
        ece=tenths.ece,
        ece_interval=interval(lambda said, then: tenths_of(said, then).ece),
        ece_by_chance=float(np.mean(by_chance)),
        ece_settled=tenths_of(settle(predicted, taken.shape[1]), made).ece,
        brier=brier(predicted, made),
        brier_interval=interval(brier),
        bins={name: column.tolist() for name, column in (bins | {"low": low, "high": high}).items()},
    )


def shares(points: npt.NDArray[np.int8]) -> Floats:
    """Return the share of deals in which each hand makes each bid [hands, 13], from points [hands, n]."""
    return makes(points) / points.shape[1]


def settle(predicted: Floats, n: int) -> Floats:
    """Shrink predictions [hands, 13], each a share of n deals, towards the mean of their bid.

    The factor is the share of their variance over hands that is sampling noise; outcomes are not used.
    """
    mean = predicted.mean(axis=0)
    noise = (predicted * (1 - predicted)).mean(axis=0) / max(n - 1, 1)
    kept = np.clip(1 - noise / predicted.var(axis=0, ddof=1), 0, 1)
    return mean + kept * (predicted - mean)


def excess(predicted: Floats, made: Floats) -> float:
    """Return the mean of the predicted less the actual share."""
    return float((predicted - made).mean())


def brier(predicted: Floats, made: Floats) -> float:
    """Return the mean squared difference from outcomes of 0 or 1, whose means are `made`."""
    return float((predicted**2 - 2 * predicted * made + made).mean())


@dataclass(frozen=True, slots=True, eq=False)
class Tenths:
    """Predictions by tenth: [10] each, NaN for an empty tenth."""

    share: Floats
    predicted: Floats
    made: Floats

    @property
    def ece(self) -> float:
        """Return the expected calibration error."""
        return float(np.nansum(self.share * np.abs(self.predicted - self.made)))


def tenths_of(predicted: Floats, made: Floats) -> Tenths:
    """Group predictions into tenths: 0 to 0.1, ..., 0.9 to 1."""
    tenth = np.minimum((predicted * TENTHS).astype(np.int64), TENTHS - 1).ravel()
    n = np.bincount(tenth, minlength=TENTHS)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(tenth, cells.ravel(), TENTHS) / n for cells in (predicted, made)]
    return Tenths(n / len(tenth), *means)


def report(
    found: list[Calibration], real: npt.NDArray[np.int8], players: Playout, asked: argparse.Namespace
) -> None:
    """Print the figures of each kind of playout."""
    made = shares(real)
    base = brier(np.broadcast_to(made.mean(axis=0), made.shape), made)
    print(
        f"{len(real)} hands, {asked.deals} deals to predict from, {real.shape[1]} others to hold it to; "
        f"bidding {BIDDING_VERSION}"
    )
    print(f"made by eq {players.version}: {made.mean():.4f} of hands and bids; 30: {made[:, 0].mean():.3f}")
    print(f"Brier of one prediction for all hands, the mean of each bid: {base:.4f}")
    for one in found:
        ends = [
            "[{:.4f}, {:.4f}]".format(*pair)
            for pair in (one.excess_interval, one.ece_interval, one.brier_interval)
        ]
        print(
            f"{one.playout:7} predicted {one.predicted:.4f}  too much {one.excess:+.4f} {ends[0]}  ECE "
            f"{one.ece:.4f} {ends[1]} (by chance {one.ece_by_chance:.4f}, settled {one.ece_settled:.4f})  "
            f"Brier {one.brier:.4f} {ends[2]}"
        )
    if asked.json:
        told = {"hands": len(real), "deals": asked.deals, "held_out": real.shape[1], "base_brier": base}
        told |= {"players": players.version, "made": made.mean(axis=0).tolist()}
        asked.json.write_text(json.dumps({**told, "playouts": [asdict(one) for one in found]}, indent=2))


def draw(
    found: list[Calibration],
    taken: dict[str, npt.NDArray[np.int8]],
    real: npt.NDArray[np.int8],
    players: Playout,
    path: Path,
) -> None:
    """Draw the actual against the predicted share (left) and both by bid (right)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 6.4), dpi=110, facecolor="white")
    figure.text(0.055, 0.935, "Is a bid made as often as playouts say?", fontsize=17, color=INK)
    figure.text(
        0.055,
        0.015,
        f"{len(real)} hands of val seeds, one declaration each; predicted from {taken['eq'].shape[1]} deals "
        f"of each, made in {real.shape[1]} others by eq players ({players.version}). Bars and band: 95 %.",
        fontsize=8,
        color=SOFT,
    )
    left, right = figure.add_axes((0.055, 0.125, 0.42, 0.74)), figure.add_axes((0.56, 0.125, 0.42, 0.74))
    left.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle="--")
    for one in found:
        bins = {name: np.array(column) for name, column in one.bins.items()}
        color = _COLORS[one.playout]
        spread = np.abs(np.stack([bins["low"], bins["high"]]) - bins["made"])
        left.errorbar(
            bins["predicted"], bins["made"], yerr=spread, color=color, linewidth=1.4, elinewidth=1, capsize=2
        )
        sees = "own hand seen" if one.playout == "eq" else "all hands seen"
        left.scatter(
            bins["predicted"],
            bins["made"],
            s=15 + 500 * bins["share"],
            color=color,
            alpha=0.75,
            label=f"{one.playout}, {sees}: ECE {one.ece:.3f} "
            f"({one.ece_interval[0]:.3f}-{one.ece_interval[1]:.3f}), Brier {one.brier:.3f}",
        )
        says = shares(taken[one.playout]).mean(axis=0)
        right.plot(BIDS, says, "o-", color=color, label=f"{one.playout} says")
    made = shares(real)
    hands = stream(0, "calibration", "made").integers(len(made), size=(REDRAWS, len(made)))
    low, high = np.quantile(made[hands].mean(axis=1), (0.025, 0.975), axis=0)
    right.fill_between(BIDS, low, high, color=INK, alpha=0.15, linewidth=0)
    right.plot(BIDS, made.mean(axis=0), color=INK, linewidth=2, label="made by eq players")
    left.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="predicted P(make)", ylabel="made")
    left.set_title("By tenth of the predictions; areas: how many", loc="left", fontsize=11, color=INK)
    right.set(ylim=(0, 1), xlabel="bid", xticks=BIDS, ylabel="of the hands")
    right.set_title("All hands together, by bid", loc="left", fontsize=11, color=INK)
    left.legend(fontsize=8.5, loc="upper left", frameon=False, markerscale=0.6)
    right.legend(fontsize=8.5, loc="upper right", frameon=False, markerscale=0.6)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="#eeeeee")
        axes.set_axisbelow(True)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
