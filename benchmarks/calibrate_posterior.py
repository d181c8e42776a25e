"""Choose tau and mix of the posterior: the values under which others' plays make the true deal most likely.

    python benchmarks/calibrate_posterior.py --games 60 --worlds 100 --plot posterior.png

Held-out deals (val seeds outside the benchmark) are played by E[Q] with the exact oracle. At
certain plies of each game, worlds are sampled, and the last plays weight these worlds and the true
deal. The score, in nats, is log w(true deal) less the log of the mean w over the sampled worlds: the
gain over uniform weights. It is a proper score, so its maximum is the honest choice. Each figure is
a mean over games with its standard error. One half of the games chooses, the other half confirms.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq import ExactOracle, generate_games
from forge_core.texas42.eq.oracles import Positions
from forge_core.texas42.eq.positions import Table, deal_out, replay, uninformative
from forge_core.texas42.eq.records import start_again
from forge_core.texas42.games import replay as play_again
from forge_core.texas42.state import ILLEGAL
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.posterior import log_likelihood
from forge_core.texas42.worlds.voids import unseen

TAUS = (0.1, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 40.0)
MIXES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
WINDOWS = (2, 4, 8, 12, 28)
PLIES = (7, 9, 11, 13, 15, 18, 21)
FIRST_SEED = 920


def main() -> None:
    """Measure, print the figures and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--games", type=int, default=60)
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    oracle = ExactOracle()
    seeds = [1000 * (k // 30) + FIRST_SEED + k % 30 for k in range(asked.games)]
    records = generate_games(
        oracle, [deal_from_seed(s) for s in seeds], [s % 10 for s in seeds], points=False, device="cpu"
    )
    scores: list[np.ndarray] = []  # a position: [game, window, tau, mix]
    for games in play_again(start_again(records), np.stack([record.plays for record in records])):
        if games.seen.step in PLIES:
            scores.append(score(oracle, games, asked.worlds))
    by_game = np.mean(scores, axis=0)  # [game, window, tau, mix]
    report(by_game, np.stack(scores), asked)


def score(oracle: ExactOracle, games, n_worlds: int) -> np.ndarray:
    """Return log w(true deal) - log mean w over sampled worlds: [N, window, tau, mix] nats."""
    n, views = len(games), games.views
    hidden = unseen(views)
    keys = stream(0, "calibrate", games.seen.step).integers(2**64, size=n, dtype=np.uint64)
    worlds = Worlds(hidden, keys)
    everyone = np.arange(n)
    owner = worlds.owner(everyone, worlds.ranks(everyone, 0, n_worlds, np.zeros(n, dtype=bool)))
    table = Table.of(views, hidden, "cpu")
    dealt = deal_out(table, torch.arange(n).repeat_interleave(n_worlds), owner.flatten(0, 1))
    hands = torch.cat([torch.from_numpy(games.hands), dealt])
    game = torch.cat([torch.arange(n), torch.arange(n).repeat_interleave(n_worlds)])
    past = replay(table, game, hands, max(WINDOWS))
    asked = ~uninformative(past)
    asked[:, -1] = False
    j = asked.shape[1]
    flat = asked.flatten().nonzero().squeeze(1)
    said = torch.full((len(hands) * j, 7), float(ILLEGAL))
    said[flat] = oracle.q(Positions(hands, past.decl, past.states.flatten()[flat], flat // j))
    said, observed = said.view(-1, j, 7), torch.where(asked, past.played, -1)
    out = np.zeros((n, len(WINDOWS), len(TAUS), len(MIXES)))
    for w, window in enumerate(WINDOWS):
        last = slice(max(0, j - 1 - window), j - 1)
        for t, tau in enumerate(TAUS):
            for m, mix in enumerate(MIXES):
                log_w = log_likelihood(said[:, last], past.legal[:, last], observed[:, last], tau, mix)
                drawn = log_w[n:].view(n, n_worlds)
                mean = torch.logsumexp(drawn, dim=1) - np.log(n_worlds)
                out[:, w, t, m] = (log_w[:n] - mean).numpy()
    return out


def report(by_game: np.ndarray, by_position: np.ndarray, asked: argparse.Namespace) -> None:
    """Print the best values in the first half of the games, and their score in the other half."""
    choose, confirm = by_game[::2], by_game[1::2]
    mean = choose.mean(axis=0)
    at = np.unravel_index(np.nanargmax(mean), mean.shape)
    w, t, m = (int(i) for i in at)
    held = confirm[:, w, t, m]
    error = held.std(ddof=1) / np.sqrt(len(held))
    documented = confirm[:, WINDOWS.index(4), TAUS.index(0.1), MIXES.index(0.1)]
    found = {
        "games": len(by_game),
        "worlds": asked.worlds,
        "plies": PLIES,
        "window": WINDOWS[w],
        "tau": TAUS[t],
        "mix": MIXES[m],
        "nats_chosen": float(mean[at]),
        "nats_confirmed": float(held.mean()),
        "standard_error": float(error),
        "nats_of_window_4_tau_0.1_mix_0.1": float(documented.mean()),
        "by_window": {win: float(by_game[:, i].mean(axis=0).max()) for i, win in enumerate(WINDOWS)},
        "by_tau": {tau: float(by_game[:, w, i].mean(axis=0).max()) for i, tau in enumerate(TAUS)},
        "by_mix": {mix: float(by_game[:, w, t, i].mean()) for i, mix in enumerate(MIXES)},
        "by_ply": dict(zip(PLIES, by_position[:, :, w, t, m].mean(axis=1).tolist(), strict=True)),
    }
    print(json.dumps(found, indent=2))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2))
    if asked.plot:
        draw(by_game, found, asked.plot)


def draw(by_game: np.ndarray, found: dict, path: Path) -> None:
    """Draw the gain in nats against tau at the chosen window, with one line per mix."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=120)
    mean = by_game[:, WINDOWS.index(found["window"])].mean(axis=0)
    for m, mix in enumerate(MIXES):
        axes.plot(TAUS, mean[:, m], marker="o", markersize=3, label=f"mix {mix}")
    axes.axhline(0, color="black", linewidth=0.8)
    star = mean[TAUS.index(found["tau"]), MIXES.index(found["mix"])]
    axes.plot([found["tau"]], [star], "k*", markersize=14)
    axes.set(xscale="log", xlabel="tau, points", ylabel="log-likelihood of the true deal over uniform, nats")
    axes.set_ylim(max(-2.0, mean.min() - 0.1), mean.max() + 0.1)
    axes.set_title(f"Posterior over worlds, last {found['window']} plays, {found['games']} games")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
