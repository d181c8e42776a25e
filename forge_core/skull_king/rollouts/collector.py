"""A part of the tables of a run, which a thread plays with the current network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forge_core.device import core_count
from forge_core.learning.threads import Pieces
from forge_core.skull_king.actions import MOST_CARDS
from forge_core.skull_king.bots import BOT_NAMES, LEARNER
from forge_core.skull_king.network import BidAndPlayNet
from forge_core.skull_king.rollouts import kernels, records
from forge_core.skull_king.rollouts.records import PAST, Collected, Requests, Staged, Tables
from forge_core.skull_king.rollouts.teacher import Taught, Teacher, join
from forge_core.skull_king.settings import learning
from forge_core.skull_king.settings.learning import LearningSettings
from forge_core.skull_king.settings.network import TableSpec
from forge_core.skull_king.state.layout import options_of
from forge_core.streams import mix, stream

Floats = npt.NDArray[np.float32 | np.float64]
Answers = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""points of bids [N, 11], logits of plays [M, 75] and values of plays [M]"""
_NOTHING = (np.empty((0, 0), np.float32), np.empty((0, 0), np.float32), np.empty(0, np.float32))

LEAST_TABLES = 16
"""tables per thread: they take some 50 µs, about as long as handing them to the thread"""

PLAYER_NUMBERS = {
    learning.SELF: LEARNER,
    learning.PAST: PAST,
    **{name: i for i, name in enumerate(BOT_NAMES)},
}


@dataclass(frozen=True, slots=True)
class Share:
    """Successive tables that a thread advances, and room for what that yields."""

    first: int
    """number of its first table"""
    tables: Tables
    staged: Staged
    own: Requests
    past: Requests
    collected: Collected


class Collector:
    """Tables at which a network plays rounds, and what it can learn from the finished ones.

    Deals and draws depend on the seed and the number of the table only. Several threads may share the tables;
    decisions that wait and finished rounds are kept in the order of one thread, so that results are the same.
    """

    def __init__(
        self,
        settings: LearningSettings,
        spec: TableSpec,
        part: int,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        """part: 0..parts - 1. device: of the networks. threads: that share the tables, each LEAST_TABLES or
        more; by default one on a CPU, where each part has a thread, and else one per core."""
        self.settings, self.device = settings, device
        n_parts, seats = settings.parts, spec.seats
        numbers = np.arange(settings.tables * part // n_parts, settings.tables * (part + 1) // n_parts)
        self._goal = settings.batch * (part + 1) // n_parts - settings.batch * part // n_parts
        self._options = options_of(spec.rules, seats)
        self._seat_opponents(0)
        widths = spec.bid_width, spec.play_width, spec.hidden_width if settings.hidden_critic else 0
        n, most_bids = len(numbers), len(numbers) * seats
        self.tables = records.new_tables(
            n,
            seats,
            mix(_key(settings.seed, "draws"), numbers),
            mix(_key(settings.seed, "deals"), numbers),
        )
        self._staged = records.new_staged(n, seats, widths)
        self.own, self.past = (records.new_requests(n, widths) for _ in range(2))
        """decisions that wait for the learner's network, and for the older one"""
        most_plays = self._staged.action.size
        self._collected = records.new_collected(self._goal + most_plays, self._goal + most_bids, widths)
        self._share_tables(threads or (1 if device == "cpu" else core_count()), widths)
        self._teacher = Teacher(settings.teacher_worlds, self._options)
        self.taught: Taught[npt.NDArray] | None = None
        """decisions of the last batch with the answers of a search, if the settings have a teacher"""
        self._has_begun = False
        self.decisions = 0
        """decisions of learners so far"""

    def collect(
        self, network: BidAndPlayNet, past: BidAndPlayNet | None, decisions: int, precision: str
    ) -> Collected:
        """Play until a batch of plays or bids is complete; return the arrays, cut to what was collected.

        past: plays seats of PAST. decisions: decisions of the whole run so far, for the schedules. The arrays
        are overwritten by the next call.
        """
        settings = self.settings
        is_policy = settings.bid_head == "policy"
        temperature = 1.0 if is_policy else settings.temperature_at(decisions)
        only_bids = settings.learns_only_bids_at(decisions)
        random_share = 0.0 if is_policy or only_bids else settings.random_bids
        self._seat_opponents(decisions)
        mix_of_rounds = np.cumsum(settings.chances_at(decisions))
        self._collected.n[:] = 0
        given: list[Taught[npt.NDArray]] = []
        taught_share, _ = settings.teacher_at(decisions)
        while self._collected.n.max() < self._goal:
            self.advance(mix_of_rounds)
            if taught_share:
                given.append(self.teach(taught_share))
            for player, requests in ((network, self.own), (past, self.past)):
                if player is not None:
                    answers = self.answer(player, requests, precision)
                    self.take(requests, answers, temperature, random_share, only_bids)
        self.taught = join(given) if given else None
        return cut(self._collected)

    def _share_tables(self, threads: int, widths: tuple[int, int, int]) -> None:
        """Divide the tables among threads. widths: B, D and H."""
        n, seats = self.tables.players.shape
        n_shares = max(1, min(threads, n // LEAST_TABLES))
        self.pieces = Pieces(n_shares)
        """one per thread"""
        if n_shares == 1:
            self._shares = [Share(0, self.tables, self._staged, self.own, self.past, self._collected)]
            return
        self._shares = []
        for begin, end in pairwise(split(n, n_shares)):
            most_rounds = (end - begin) * seats  # a table collects at most one in an advance
            self._shares.append(
                Share(
                    begin,
                    records.slice_tables(self.tables, begin, end),
                    records.slice_tables(self._staged, begin, end),
                    records.new_requests(end - begin, widths),
                    records.new_requests(end - begin, widths),
                    records.new_collected(most_rounds * MOST_CARDS, most_rounds, widths),
                )
            )

    def _seat_opponents(self, decisions: int) -> None:
        """Choose the opponents of rounds that are dealt from now on."""
        shares = self.settings.opponents_at(decisions)
        self._kinds = np.array([PLAYER_NUMBERS[name] for name in shares])
        self._mix_of_players = np.cumsum(list(shares.values()))

    def advance(self, mix_of_rounds: Floats) -> None:
        """Bring every table to a decision of a network, and write the observations to `own` and `past`.

        mix_of_rounds: [10] cumulative probabilities of the rounds.
        """
        shares = self._shares
        self.pieces.run([partial(self._advance, share, mix_of_rounds) for share in shares])
        if len(shares) > 1:
            firsts = [share.first for share in shares]
            self.own.n[:] = self.past.n[:] = 0
            records.append_all(self.own, [share.own for share in shares], firsts, self.pieces)
            records.append_all(self.past, [share.past for share in shares], firsts, self.pieces)
            records.append_all(self._collected, [share.collected for share in shares], firsts, self.pieces)
            for share in shares:
                share.collected.n[:] = 0
        self._has_begun = True
        self.decisions += int(self.own.n.sum())

    def _advance(self, share: Share, mix_of_rounds: Floats) -> None:
        kernels.advance(
            share.tables,
            share.staged,
            share.collected,
            share.own,
            share.past,
            self._options,
            mix_of_rounds,
            self._mix_of_players,
            self._kinds,
            self.settings.trace,
            not self._has_begun,
        )

    def teach(self, share: float) -> Taught[npt.NDArray]:
        """Return the answers of a search to a share of the learner's decisions that wait."""
        waiting = [requests for requests, _, _ in self.shares_of(self.own)]
        return join(
            self.pieces.run([partial(self._teacher.answer, self.tables, each, share) for each in waiting])
        )

    def answer(self, network: BidAndPlayNet, requests: Requests, precision: str) -> Answers:
        """Return a network's answers to the decisions that wait."""
        n_bids, n_plays = requests.n
        points, logits, values = _NOTHING
        with (
            torch.no_grad(),
            torch.autocast(torch.device(self.device).type, torch.bfloat16, precision != "32"),
        ):
            if n_bids:
                points = network.bids(self._seen(requests.bid[:n_bids])).points.cpu().numpy()
            if n_plays:
                hidden = self._seen(requests.hidden[:n_plays]) if requests.hidden.shape[1] else None
                plays = network.plays(self._seen(requests.play[:n_plays]), hidden)
                logits, values = plays.logits.cpu().numpy(), plays.value.cpu().numpy()
        return points, logits, values

    def take(
        self,
        requests: Requests,
        answers: Answers,
        temperature: float,
        random_share: float,
        greedy: bool = False,
    ) -> None:
        """Draw the actions of the decisions that wait from a network's answers, and take them.

        greedy: the best plays instead of drawn ones.
        """
        points, logits, values = answers
        works = []
        for waiting, bids, plays in self.shares_of(requests):
            bidding = points[bids], temperature, random_share, self._options
            playing = logits[plays], values[plays], greedy, self._options
            works.append(partial(self._take, waiting, bidding, playing))
        self.pieces.run(works)

    def shares_of(self, requests: Requests) -> Iterator[tuple[Requests, slice, slice]]:
        """Yield the decisions that wait for each thread, and the places of their bids and of their plays."""
        n_bids, n_plays = requests.n.tolist()
        bids, plays = (pairwise(split(n, self.pieces.n)) for n in (n_bids, n_plays))
        for of_bids, of_plays in zip(bids, plays, strict=True):
            places = slice(*of_bids), slice(*of_plays)
            yield records.slice_requests(requests, *places), *places

    def _take(self, waiting: Requests, bidding: tuple[Any, ...], playing: tuple[Any, ...]) -> None:
        """Take decisions that wait. bidding, playing: further arguments of `take_bids` and `take_plays`."""
        n_bids, n_plays = waiting.n
        if n_bids:
            kernels.take_bids(self.tables, self._staged, waiting, *bidding)
        if n_plays:
            kernels.take_plays(self.tables, self._staged, waiting, *playing)

    def _seen(self, observations: np.ndarray) -> Tensor:
        return torch.from_numpy(observations).to(self.device)

    def state_dict(self) -> dict[str, Any]:
        """Return the rounds that are in play, for a checkpoint."""
        return {
            "tables": _tensors(self.tables),
            "staged": _tensors(self._staged),
            "decisions": self.decisions,
            "has_begun": self._has_begun,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a checkpoint."""
        for record, stored in ((self.tables, state["tables"]), (self._staged, state["staged"])):
            for name, array in record._asdict().items():
                array[:] = stored[name].numpy().view(array.dtype)
        self.decisions, self._has_begun = state["decisions"], state["has_begun"]


def split(n: int, shares: int) -> list[int]:
    """Return the first entry of each of several equal shares of n entries, and n."""
    return [n * share // shares for share in range(shares + 1)]


def cut(collected: Collected) -> Collected:
    """Return the records of rounds and plays that were collected."""
    n_rounds, n_plays = collected.n
    return Collected(
        **{
            name: array if name == "n" else array[: n_rounds if records.is_of_bids(name) else n_plays]
            for name, array in collected._asdict().items()
        }
    )


def _key(seed: int, name: str) -> np.uint64:
    return stream(seed, "skull_king", "learning", name).integers(2**64, dtype=np.uint64)


def _tensors(record: Any) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy((array.view(np.int64) if array.dtype == np.uint64 else array).copy())
        for name, array in record._asdict().items()
    }
