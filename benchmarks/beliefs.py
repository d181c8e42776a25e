"""Measure beliefs about hidden hands: how much likelier the true deal becomes, in nats.

    python benchmarks/beliefs.py --games 60 --players eq:oracle=playout heuristic network --declare hand
    python benchmarks/beliefs.py --games 200 --players network --declare learned --beliefs both auction all

A player plays all seats. After certain plies, worlds are sampled and weighted, and so is the true deal. The
score is log w(true deal) - log of the mean w over the sampled worlds: the gain over equal weights. It is a
proper score, so its maximum is the honest choice of tau and mix. They are chosen on train seeds and confirmed
on held-out ones (val), whose figures are printed: means over games with their standard errors.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from itertools import product

import numpy as np
import torch

from forge_core.streams import stream
from forge_core.texas42.arena import held_out_seeds
from forge_core.texas42.arena.duplicate import Conditions, deal_contracts, play_out
from forge_core.texas42.bidding.names import parse_bidder
from forge_core.texas42.eq.beliefs import AuctionBelief, Belief, DeclarationBelief, JointBelief, PlayBelief
from forge_core.texas42.eq.generate import game_keys
from forge_core.texas42.eq.positions import Table, deal_out
from forge_core.texas42.games import Games, replay
from forge_core.texas42.one_hand.choose import load_policy
from forge_core.texas42.one_hand.network import PLAYS_MODEL
from forge_core.texas42.players import parse_player
from forge_core.texas42.settings.games import BELIEF_MIX, BELIEF_TAU, CALLED_MIX, DECLARED_TEMPERATURE
from forge_core.texas42.settings.matches import DECLARE
from forge_core.texas42.worlds import Worlds
from forge_core.texas42.worlds.voids import unseen

TAUS, MIXES = (0.4, 0.5, 0.7, 1.0), (0.01, 0.02)
CALL_MIXES = (0.02, 0.05, 0.1, 0.3)
TEMPERATURES = (0.2, 0.3, 0.5, 1.0)
EARLY, PLIES = (1, 2, 3, 5), (7, 9, 11, 13, 15, 18, 21)
"""plies: those of the mean are PLIES; EARLY shows what is known at once"""


def main() -> None:
    """Measure and print one line of JSON per player and belief."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--games", type=int, default=60, help="train seeds, and as many held-out ones")
    parser.add_argument("--worlds", type=int, default=100)
    parser.add_argument("--players", nargs="+", default=["eq:oracle=playout", "heuristic", "network"])
    parser.add_argument(
        "--declare", default="hand", help="hand, seed, auction, or a bidder, four of whom hold the auctions"
    )
    parser.add_argument("--beliefs", nargs="+", choices=list(candidates()), help="default: all of them")
    asked = parser.parse_args()
    for name in asked.players:
        for kind, beliefs in candidates().items():
            if asked.beliefs and kind not in asked.beliefs:
                continue
            print(json.dumps({"player": name, "belief": kind, **measure(name, beliefs, asked)}), flush=True)


def candidates() -> dict[str, dict[str, Belief]]:
    """Return the beliefs among which to choose, by name."""
    policy = load_policy(PLAYS_MODEL)
    plays = PlayBelief(policy)
    return {
        "plays": {f"tau {t} mix {m}": PlayBelief(policy, t, m) for t, m in product(TAUS, MIXES)},
        "declaration": {f"temperature {t}": DeclarationBelief(t) for t in TEMPERATURES},
        "both": {f"temperature {t}": JointBelief((plays, DeclarationBelief(t))) for t in (0.3, 0.5)},
        "auction": {f"mix {mix}": AuctionBelief(mix) for mix in CALL_MIXES},
        "all": {f"mix {mix}": JointBelief((plays, AuctionBelief(mix))) for mix in CALL_MIXES},
    }


def measure(name: str, beliefs: dict[str, Belief], asked: argparse.Namespace) -> dict:
    """Choose a belief on train seeds, and return its score on held-out seeds."""
    chosen_by = scores(name, list(range(asked.games)), beliefs, asked)
    best = max(beliefs, key=lambda key: mean_of(chosen_by[key]).mean())
    confirmed = scores(name, held_out_seeds(asked.games), beliefs, asked)
    by_game = mean_of(confirmed[best])
    defaults = (
        f"tau {BELIEF_TAU} mix {BELIEF_MIX}",
        f"temperature {DECLARED_TEMPERATURE}",
        f"mix {CALLED_MIX}",
    )
    by_default = next(confirmed[default] for default in defaults if default in beliefs)
    return {
        "declare": asked.declare,
        "games": asked.games,
        "chosen": best,
        "nats": round(float(by_game.mean()), 3),
        "standard_error": round(float(by_game.std(ddof=1) / np.sqrt(len(by_game))), 3),
        "nats_of_defaults": round(float(mean_of(by_default).mean()), 3),
        "by_ply": {ply: round(float(row.mean()), 2) for ply, row in confirmed[best].items()},
    }


def mean_of(by_ply: dict[int, np.ndarray]) -> np.ndarray:
    """Return [N]: the mean score of each game over PLIES."""
    return np.mean([by_ply[ply] for ply in PLIES], axis=0)


def scores(
    name: str, seeds: Sequence[int], beliefs: dict[str, Belief], asked: argparse.Namespace
) -> dict[str, dict[int, np.ndarray]]:
    """Return the score in nats by belief and ply: [N] games each."""
    if asked.declare in DECLARE:
        games = Conditions(declare=asked.declare).deal(seeds)
    else:
        games = deal_contracts(seeds, parse_bidder(asked.declare))
    sides = np.zeros((len(games), 2), dtype=np.int64)
    over = play_out(games, (parse_player(name, "cpu"),), sides, game_keys(games, 0))
    found: dict[str, dict[int, np.ndarray]] = {key: {} for key in beliefs}
    for position in replay(games, over.seen.plays):
        if (ply := position.seen.step) in (*EARLY, *PLIES):
            game, hands = draw(position, asked.worlds)
            for key, belief in beliefs.items():
                log_w = belief.log_prior(position.seen, game, hands).numpy()
                drawn = log_w[len(games) :].reshape(len(games), -1)
                mean = np.logaddexp.reduce(drawn, axis=1) - np.log(asked.worlds)
                found[key][ply] = log_w[: len(games)] - mean
    return found


def draw(games: Games, n_worlds: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the game of each deal, and deals: the true one of each game, then its sampled worlds."""
    views, n = games.views, len(games)
    hidden, everyone = unseen(views), np.arange(n)
    keys = stream(0, "beliefs", games.seen.step).integers(2**64, size=n, dtype=np.uint64)
    worlds = Worlds(hidden, keys)
    owner = worlds.owner(everyone, worlds.ranks(everyone, 0, n_worlds, np.zeros(n, dtype=bool)))
    of_worlds = torch.arange(n).repeat_interleave(n_worlds)
    dealt = deal_out(Table.of(views, hidden, "cpu"), of_worlds, owner.flatten(0, 1))
    return torch.cat([torch.arange(n), of_worlds]), torch.cat([torch.from_numpy(games.hands), dealt])


if __name__ == "__main__":
    main()
