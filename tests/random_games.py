"""Recorded games of random legal play, with invented but consistent estimates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.eq.records import N_POINTS, Decisions, GameRecord
from forge_core.texas42.games import Games, start
from forge_core.texas42.worlds.count import completions
from forge_core.texas42.worlds.voids import unseen

SETTINGS = {
    "oracle": "exact",
    "version": "q0",
    "sampling": {"n_worlds": 50, "adaptive": None},
    "exploration": {"mode": "boltzmann", "temperature": 2.0},
    "criterion": "eq",
    "seed": 0,
    "device": "cpu",
}


def play(seeds, leaders=0, bids=30, draw: int = 0) -> list[Games]:
    """Play the deals of `seeds` at random under seed % 10; yield the games before each play and at the
    end."""
    generator = stream(draw, "random games")
    deals, decls = [deal_from_seed(seed) for seed in seeds], [seed % 10 for seed in seeds]
    games = [start(deals, decls, leaders, None, bids)]
    while not games[-1].over:
        legal = games[-1].views.legal
        games.append(games[-1].play((legal * generator.random(legal.shape)).argmax(axis=1)))
    return games


def record_of(seed: int, leader: int = 0, bid: int = 30, points: bool = True, draw: int = 0) -> GameRecord:
    """Return a game recorded as if E[Q] had played it, with figures counted from real worlds."""
    games = play([seed], leader, bid, draw)
    generator = stream(draw, "random estimates", seed)
    before, end = games[:-1], games[-1]
    legal = np.concatenate([game.views.legal for game in before])
    player = end.seen.players[0]
    rows, own, other = np.arange(28), player % 2, 1 - player % 2
    so_far = np.concatenate([game.seen.points for game in before])
    mine, theirs = so_far[rows, own], so_far[rows, other]
    final = end.seen.points[0]
    slot = (end.hands[0][player] == end.seen.plays[0][:, None]).argmax(axis=1)

    pdf = np.where(legal[:, :, None], generator.random((28, 7, N_POINTS)) ** 8, 0)
    pdf /= np.where(legal, pdf.sum(axis=2), 1)[:, :, None]
    values = np.arange(N_POINTS) - 42
    mean = np.where(legal, pdf @ values, np.nan)
    variance = np.where(legal, pdf @ values**2 - (pdf @ values) ** 2, np.nan)
    n_worlds = generator.integers(1, 50, 28)
    weights = [generator.random(n) for n in n_worlds]
    weights = [w / w.sum() for w in weights]
    spread = np.sqrt(variance)
    decisions = Decisions(
        player=player,
        e_q_mean=mean.astype(np.float32),
        e_q_var=variance.astype(np.float32),
        legal_mask=legal,
        p_make=np.where(legal, generator.random((28, 7)), np.nan).astype(np.float32),
        e_q_pdf=pdf.astype(np.float32) if points else None,
        points_so_far=np.stack([mine, theirs], axis=1),
        action_taken=slot.astype(np.int8),
        q_gap=(np.nanmax(mean, axis=1) - mean[rows, slot]).astype(np.float32),
        exploration_mode=np.ones(28, dtype=np.int8),
        forced=legal.sum(axis=1) == 1,
        u_mean=np.nanmean(spread, axis=1).astype(np.float32),
        u_max=np.nanmax(spread, axis=1).astype(np.float32),
        ess=np.array([1 / (w**2).sum() for w in weights], dtype=np.float32),
        max_w=np.array([w.max() for w in weights], dtype=np.float32),
        entropy=np.array([-(w * np.log(w)).sum() for w in weights], dtype=np.float32),
        n_worlds=n_worlds.astype(np.int32),
        world_count=np.array([completions(unseen(game.views)).counts[0] for game in before], dtype=np.int64),
        converged=generator.random(28) < 0.5,
        oracle=np.zeros(28, dtype=np.int8),
        actual_outcome=(final[own] - mine - final[other] + theirs).astype(np.int8),
    )
    return GameRecord(
        seed=seed,
        decl=seed % 10,
        leader=leader,
        bidder=leader,
        bid=bid,
        hands=end.hands[0],
        plays=end.seen.plays[0],
        decisions=decisions,
        settings={**SETTINGS, "leader": leader, "bidder": leader, "bid": bid},
    )


def changed(record: GameRecord, **columns) -> GameRecord:
    """Return the same game with some columns of its decisions replaced."""
    return replace(record, decisions=replace(record.decisions, **columns))
