"""Whole games to seven marks between sides, each a bidder and a player, in pairs with exchanged seats.

Both games of a pair have the same deals and dealers, hand by hand; in the first one side a has seats 0 and
2, in the second one side b. In each hand four bidders hold an auction, which is repeated with new dominoes
if all pass, and two players play the contract until it is made or set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from forge_core.arena.ratings import PairScores
from forge_core.arena.settings import DEFAULT_BATCH
from forge_core.errors import BadInput
from forge_core.stats import Difference, mean_interval
from forge_core.streams import stream
from forge_core.texas42.arena.duplicate import play_step, start_contracts
from forge_core.texas42.auction import PASS, Auction, Contract, Score
from forge_core.texas42.bidding.advice import Best, Situation
from forge_core.texas42.bidding.bidders import Caller, CallsSoFar, HeldAuction, call, hold_auction
from forge_core.texas42.bidding.names import AnyBidder, parse_bidder
from forge_core.texas42.deals import Hands
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.eq.generate import game_keys
from forge_core.texas42.games import Games
from forge_core.texas42.players import AnyPlayer, ask, parse_player

GAMES_PER_PAIR = 2


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """A bidder and a player, which together take two seats."""

    name: str
    bidder: AnyBidder
    player: AnyPlayer

    def describe(self) -> dict[str, Any]:
        """Return everything its calls and plays depend on, as JSON types."""
        return {"bidder": self.bidder.describe(), "player": self.player.describe()}


def parse_side(text: str, device: str = "auto") -> Side:
    """Return the side `BIDDER+PLAYER`, such as `rule+eq:worlds=50`. Raises BadInput and DeviceUnavailable."""
    bidder, plus, player = text.partition("+")
    if not plus:
        raise BadInput(f"side {text!r}: write BIDDER+PLAYER, such as rule+eq or rollout+strong")
    return Side(text.strip(), parse_bidder(bidder, device), parse_player(player, device))


@dataclass(frozen=True, slots=True)
class PlayedHand:
    """A hand of a whole game: its auction and its result."""

    seed: int
    """the seed of the pair of games"""
    game: int
    """0 if side a has seats 0 and 2, 1 if side b has them"""
    deal: int
    """the number of the deal in the game, from 0; deals that all passed are numbered but not played"""
    score: tuple[int, int]
    """the marks of sides a and b before the hand"""
    auction: Auction
    decl: int
    p_make: float
    """the bidder's estimate of the chance to make the bid"""
    side: int
    """0 if side a holds the contract, 1 for side b"""
    made: bool

    @property
    def contract(self) -> Contract:
        """The contract."""
        assert self.auction.contract is not None
        return self.auction.contract

    @property
    def place(self) -> int:
        """The bidder's place in the order of calling, 0..3; 3 is the dealer."""
        return self.auction.calls.index(self.contract.bid)

    @property
    def gained(self) -> int:
        """The marks that side a gains, negative if side b gains them."""
        return self.contract.marks if self.made == (self.side == 0) else -self.contract.marks


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of one side in all its games, over all threads."""

    bidding: float
    playing: float


@dataclass(frozen=True, slots=True, eq=False)
class PairedGames:
    """The pairs of games of two sides."""

    a: str
    b: str
    seed: npt.NDArray[np.int64]
    """[D] one seed for each pair of games, ascending"""
    won: npt.NDArray[np.bool_]
    """[D, 2] True where side a won"""
    hands: tuple[PlayedHand, ...]
    """the hands that were played, in order of seed, game and deal"""
    costs: tuple[Cost, Cost]
    """of sides a and b"""

    @property
    def score(self) -> npt.NDArray[np.float64]:
        """[D] The share of the two games that side a won."""
        return self.won.mean(axis=1)

    @property
    def share(self) -> Difference:
        """The share of games that side a won, with its interval over pairs, within 0 to 1."""
        share = mean_interval(self.score)
        return replace(share, low=max(share.low, 0.0), high=min(share.high, 1.0))

    @property
    def pair_scores(self) -> PairScores:
        """The same, as ratings are fitted to them."""
        return PairScores(self.a, self.b, self.seed, self.score, GAMES_PER_PAIR)


def play_pairs(
    a: Side,
    b: Side,
    seeds: Sequence[int],
    seed: int = 0,
    forced: bool = False,
    batch: int = DEFAULT_BATCH,
    on_games: Callable[[int], None] | None = None,
) -> PairedGames:
    """Play a pair of games for each of `seeds`.

    seed: of the players' random draws. forced: the dealer must bid if all others pass. batch: pairs in
    lockstep; it does not change the result. on_games: called with numbers of finished games. Raises
    BadInput if there are fewer than two seeds or one repeats.
    """
    if len(seeds) < 2 or len(set(seeds)) != len(seeds):
        raise BadInput(f"{len(seeds)} pairs of games: use at least two seeds, each one once")
    table = _Table((a, b), seed, forced)
    games = [_Game(one, half) for one in sorted(seeds) for half in range(GAMES_PER_PAIR)]
    for first in range(0, len(games), GAMES_PER_PAIR * batch):
        live = games[first : first + GAMES_PER_PAIR * batch]
        while live:
            table.play_hands(live)
            left = [game for game in live if game.winner is None]
            if on_games and len(left) < len(live):
                on_games(len(live) - len(left))
            live = left
    return PairedGames(
        a.name,
        b.name,
        np.array(sorted(seeds), dtype=np.int64),
        np.array([game.winner == 0 for game in games]).reshape(-1, GAMES_PER_PAIR),
        tuple(hand for game in games for hand in game.hands),
        table.costs,
    )


def deal_hand(seed: int, deal: int) -> Hands:
    """Deal hand number `deal` of the games of a seed: four sorted hands."""
    dominoes = stream(seed, "whole-game", deal).permutation(N_DOMINOES)
    return np.sort(dominoes.reshape(N_SEATS, HAND_SIZE), axis=1).tolist()


@dataclass(slots=True)
class _Game:
    """A game in progress."""

    seed: int
    half: int
    score: Score = field(default_factory=Score)
    """the marks of seats 0 and 2, and of seats 1 and 3"""
    deals: int = 0
    hands: list[PlayedHand] = field(default_factory=list)

    def side_of(self, team: int) -> int:
        """Return the side that has the seats of a team."""
        return team ^ self.half

    @property
    def winner(self) -> int | None:
        """The side that has won, or None."""
        return None if self.score.winner is None else self.side_of(self.score.winner)


class _Clock:
    """A bidder as a Caller, with the CPU seconds that it has taken."""

    def __init__(self, bidder: AnyBidder):
        self.bidder, self.seconds = bidder, 0.0
        self.last = Best(PASS, None)

    @property
    def name(self) -> str:
        return self.bidder.name

    def describe(self) -> dict[str, Any]:
        return self.bidder.describe()

    def call(self, hand: Sequence[int], situation: Situation) -> Best:
        begun = time.process_time()
        called = call(self.bidder, hand, situation)
        self.seconds += time.process_time() - begun
        if called.call != PASS:
            self.last = called
        return called

    def declare(self, hand: Sequence[int], known: CallsSoFar) -> Best:
        if not isinstance(self.bidder, Caller):
            return self.last  # the higher of the side's bids, which is the contract
        begun = time.process_time()
        declared = self.bidder.declare(hand, known)
        self.seconds += time.process_time() - begun
        return declared


class _Table:
    """Two sides and the rules of their games."""

    def __init__(self, sides: tuple[Side, Side], seed: int, forced: bool):
        self.sides, self.seed, self.forced = sides, seed, forced
        self.bidders = tuple(_Clock(side.bidder) for side in sides)
        self.playing = [0.0, 0.0]

    @property
    def costs(self) -> tuple[Cost, Cost]:
        """The CPU seconds of both sides so far."""
        one, other = (
            Cost(clock.seconds, seconds) for clock, seconds in zip(self.bidders, self.playing, strict=True)
        )
        return one, other

    def play_hands(self, games: Sequence[_Game]) -> None:
        """Play one hand of each game, and add it to the game."""
        held = [self._hold(game) for game in games]
        made = self._play(games, held)
        for game, (_, one), is_made in zip(games, held, made.tolist(), strict=True):
            assert one.contract is not None and one.decl is not None and one.p_make is not None
            marks = game.score.marks
            game.hands.append(
                PlayedHand(
                    game.seed,
                    game.half,
                    game.deals - 1,
                    (marks[game.half], marks[1 - game.half]),
                    one.auction,
                    one.decl,
                    one.p_make,
                    game.side_of(one.contract.team),
                    is_made,
                )
            )
            game.score = game.score.after(one.contract, is_made)

    def _hold(self, game: _Game) -> tuple[Hands, HeldAuction]:
        """Deal and hold auctions until somebody bids."""
        while True:
            hands, dealer = deal_hand(game.seed, game.deals), game.deals % N_SEATS
            seats = [self.bidders[game.side_of(seat % 2)] for seat in range(N_SEATS)]
            held = hold_auction(hands, seats, dealer, game.score, self.forced)
            game.deals += 1
            if held.contract:
                return hands, held

    def _play(
        self, games: Sequence[_Game], held: Sequence[tuple[Hands, HeldAuction]]
    ) -> npt.NDArray[np.bool_]:
        """Play the contracts in lockstep until each is decided; return [N]: True if it is made."""
        contracts = [one.contract for _, one in held if one.contract]
        holder = [game.side_of(contract.team) for game, contract in zip(games, contracts, strict=True)]
        sides = np.array(holder)[:, None] ^ np.arange(2)  # [N, 2] by team as seen from the bidder
        needed = np.array([contract.needed for contract in contracts])
        playing = start_contracts(held)
        keys, rows = game_keys(playing, self.seed), np.arange(len(games))
        made = np.zeros(len(games), dtype=np.bool_)
        while len(rows):
            playing = self._step(playing, sides[rows], keys[rows])
            points = playing.seen.points.astype(np.int64)
            won, lost = points[:, 0] >= needed[rows], points[:, 1] > HAND_POINTS - needed[rows]
            made[rows[won]] = True
            going = ~won & ~lost
            if not going.all():
                playing, rows = playing.take(going), rows[going]
        return made

    def _step(self, playing: Games, sides: npt.NDArray[np.int64], keys: npt.NDArray[np.uint64]) -> Games:
        """Make one play in each game."""

        def timed(side: int, own: Games, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            begun = time.process_time()
            slots = ask(self.sides[side].player, own, keys[rows])
            self.playing[side] += time.process_time() - begun
            return slots

        return play_step(playing, sides, timed)
