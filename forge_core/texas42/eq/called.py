"""The likelihood of an auction: how often seats with certain hands would have called and declared so.

Calls are of one of eight kinds (KINDS). A kind has probability (1 - mix) x softmax of its logit over legal
kinds + mix / number of legal kinds. The logit is bias + by_score + spread x (weights . features of the hand).
Bias and spread depend on the situation: who holds the highest bid, and how high it is; by_score depends on
the score in marks, which may be unknown. The declaration has the same form, over ten declarations with logit
trumps x of_trump + sure winners x of_sure + shift. The numbers were fitted to auctions of three kinds of
bidders, so that they mislead about none of them. Players and bidders weigh worlds by the likelihood, and the
bidder by rollouts draws the calls of later seats from the odds of kinds.
Letters: K = 8 kinds, C = 12 situations, S = 10 scores, F = 7 features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forge_core.kernels import kernel
from forge_core.texas42.auction import LOWEST_BID, MARK, MARKS_TO_WIN, NO_CALL, PASS
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.declaring import count_sure, declaration_scores
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.eq.declared import TRUMPS, count_hand
from forge_core.texas42.tables import BEATEN_BY, COUNTS, HIGH_PIP, LED_SUIT, LOW_PIP, Bytes
from forge_core.texas42.views import Seen

CALLED_VERSION = "c2"
"""Raised when the likelihood of a call changes."""
KINDS = np.array((PASS, LOWEST_BID, 31, 32, 34, 36, MARK, 2 * MARK), dtype=np.int64)
"""[K] the lowest call of each kind, ascending; the last one has all bids of two or more marks"""
FEATURES = {
    "best": "trumps plus sure winners under the declaration with most of them",
    "second": "the same under the next best declaration",
    "doubles": "doubles",
    "tens": "dominoes of 10 points",
    "fives": "dominoes of 5 points",
    "longest": "most dominoes with one pip",
    "voids": "pips that no domino of the hand shows",
}
"""the features of a hand: name -> meaning"""
N_KINDS, N_FEATURES, N_PIPS = len(KINDS), len(FEATURES), 7
N_SCORES = 10
"""by the marks that the caller's team and the other team need to win: 1, 2 or more; the last is unknown"""
N_SITUATIONS = 12
"""nobody has bid: 0..3, by place; an opponent holds the highest bid: 4..7, the partner: 8..11, each by the
bid: 30, 31, other points, marks"""

NO_SEAT = -1
"""the bidder of an auction that has not ended"""
NO_MARKS = -1
"""the marks of a team if the score is unknown, as it is in the play of a hand"""

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


class AuctionModel(NamedTuple):
    """The numbers of the likelihood. A pass has logit 0, and a pip as trumps has shift 0."""

    bias: Floats
    """[C, K]"""
    by_score: Floats
    """[S, K]"""
    spread: Floats
    """[C]"""
    weights: Floats
    """[K, F]"""
    of_trump: float
    of_sure: float
    shift: Floats
    """[10] by declaration"""


AUCTION_MODEL = AuctionModel(
    bias=np.array(
        [
            [0.0, -5.01, -9.18, -10.42, -11.23, -9.34, -6.25, -13.23],
            [0.0, -6.55, -11.65, -12.8, -14.34, -13.35, -8.96, -15.5],
            [0.0, -7.78, -14.39, -14.81, -17.82, -16.19, -10.33, -19.81],
            [0.0, -8.65, -16.05, -15.98, -18.81, -17.24, -10.86, -21.76],
            [0.0, -8.81, -10.42, -13.96, -16.31, -14.55, -9.64, -18.95],
            [0.0, -8.36, -11.48, -10.03, -13.93, -13.82, -9.41, -17.59],
            [0.0, -6.26, -8.38, -7.45, -9.56, -9.85, -7.48, -13.16],
            [0.0, -4.47, -5.83, -5.94, -6.87, -6.26, -4.26, -9.47],
            [0.0, -8.76, -10.31, -13.33, -15.27, -13.75, -9.41, -18.37],
            [0.0, -7.48, -10.31, -8.25, -13.02, -12.54, -8.24, -15.86],
            [0.0, -4.67, -6.98, -6.27, -7.69, -6.86, -4.66, -12.44],
            [0.0, -1.45, -2.36, -2.43, -3.05, -2.64, -1.3, -3.25],
        ]
    ),
    by_score=np.array(
        [
            [0.0, -0.07, -0.71, -1.21, -1.65, -1.98, -1.96, -2.09],
            [0.0, -0.15, -0.21, -1.1, -1.11, 0.06, -1.21, -1.95],
            [0.0, -0.58, -0.94, -1.5, -2.23, -0.52, -0.16, -3.88],
            [0.0, -1.5, -1.45, -1.51, -1.96, -2.47, -2.01, -0.14],
            [0.0, -0.27, -0.29, -1.25, -1.56, -2.06, -2.03, -2.42],
            [0.0, -0.45, -0.82, -1.54, -1.83, -2.35, -2.81, -3.87],
            [0.0, -0.59, -0.92, -1.77, -2.41, -3.23, -2.69, 0.24],
            [0.0, 0.02, -0.56, -1.23, -1.55, -2.73, -2.75, -1.12],
            [0.0, -0.11, -0.63, -1.46, -1.73, -2.62, -3.61, -2.9],
            [0.0, -0.21, -0.63, -1.43, -1.73, -2.14, -2.11, -1.75],
        ]
    ),
    spread=np.array([1.08, 1.14, 1.5, 1.59, 1.47, 1.27, 0.87, 0.55, 1.39, 1.16, 0.94, 0.37]),
    weights=np.array(
        [
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.6, 0.2, 0.2, 0.6, -0.14, 0.46, 0.16],
            [0.62, 0.29, 0.16, 0.44, -0.07, 1.11, 0.26],
            [0.49, 0.23, 0.23, 0.26, -0.01, 1.38, 0.24],
            [0.72, 0.36, 0.18, -0.36, -0.09, 1.6, 0.21],
            [1.11, 0.23, -0.16, -0.89, -0.19, 1.14, 0.27],
            [0.56, 0.54, -0.05, -0.67, -0.16, 0.43, -0.01],
            [1.16, 0.57, 0.5, -0.14, -0.3, 1.28, 0.28],
        ]
    ),
    of_trump=2.64,
    of_sure=1.01,
    shift=np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -4.32, 4.74, 4.88]),
)
"""fitted to 6,000 auctions by the bidder `learned`, 2,000 by `rule` and 1,500 by `rollout:worlds=100` (with
the numbers of an earlier fit), on deals of the train split (`python benchmarks/fit_auction.py`)"""


class HandTables(NamedTuple):
    """The tables of the domino set from which the features of a hand are counted."""

    trumps: npt.NDArray[np.bool_]
    led_suit: Bytes
    beaten_by: npt.NDArray[np.int32]
    high_pip: Bytes
    low_pip: Bytes
    counts: Bytes


HAND_TABLES = HandTables(TRUMPS, LED_SUIT, BEATEN_BY, HIGH_PIP, LOW_PIP, COUNTS)


def hand_features(hands: Bytes) -> Numbers:
    """Return the FEATURES of N hands [N, 7]: [N, F]."""
    scores = np.sort(declaration_scores(hands), axis=1)
    high, low = HIGH_PIP[hands], LOW_PIP[hands]
    shows = (high[:, :, None] == np.arange(N_PIPS)) | (low[:, :, None] == np.arange(N_PIPS))
    of_pip = shows.sum(axis=1)  # [N, 7]
    points = COUNTS[hands]
    columns = (
        scores[:, -1],
        scores[:, -2],
        (high == low).sum(axis=1),
        (points == 10).sum(axis=1),
        (points == 5).sum(axis=1),
        of_pip.max(axis=1),
        (of_pip == 0).sum(axis=1),
    )
    return np.stack(columns, axis=1)


def kind_of(call: int) -> int:
    """Return the kind of a call: an index into KINDS."""
    return int(np.searchsorted(KINDS, call, side="right")) - 1


def legal_kinds(high: int) -> npt.NDArray[np.bool_]:
    """Return [K]: True for kinds with a legal call over the highest bid (PASS if there is none)."""
    last = KINDS[1:] - 1  # the last call of every kind but the last one, which has no end
    legal = np.append((last > high) & (high < MARK), True)
    legal[0] = True
    return legal


def situation_of(earlier: Sequence[int]) -> int:
    """Return the number of the situation after 0..3 earlier calls."""
    place, high = len(earlier), max(earlier, default=PASS)
    if high == PASS:
        return place
    by_partner = (place - list(earlier).index(high)) % N_SEATS == 2
    return N_SEATS * (2 if by_partner else 1) + (min(high, LOWEST_BID + 2) - LOWEST_BID if high < MARK else 3)


def score_of(marks: tuple[int, int] | None) -> int:
    """Return the number of a score, 0..S - 1. marks: of the caller's team and the other; None if unknown."""
    if marks is None:
        return N_SCORES - 1
    own, other = (min(MARKS_TO_WIN - one, 3) - 1 for one in marks)
    return 3 * own + other


def log_likelihood_of_call(
    hands: Bytes,
    earlier: Sequence[int],
    call: int,
    mix: float,
    marks: tuple[int, int] | None = None,
    model: AuctionModel = AUCTION_MODEL,
) -> Floats:
    """Return [D]: the log probability of the kind of a call after 0..3 earlier ones, with D hands [D, 7].

    The readable version; `log_likelihood_of_auctions` sums it over the calls of games. marks: see `score_of`.
    """
    situation, legal = situation_of(earlier), legal_kinds(max(earlier, default=PASS))
    strength = hand_features(hands) @ model.weights.T  # [D, K]
    bias = model.bias[situation] + model.by_score[score_of(marks)]
    odds = np.exp(bias + model.spread[situation] * strength) * legal
    return np.log((1 - mix) * odds[:, kind_of(call)] / odds.sum(axis=1) + mix / legal.sum())


def log_likelihood_of_declaration(
    hands: Bytes, decl: int, mix: float, model: AuctionModel = AUCTION_MODEL
) -> Floats:
    """Return [D]: the log probability that a bidder declares so after the auction, with D hands [D, 7].

    The readable version, like `log_likelihood_of_call`.
    """
    trumps, sure = count_sure(hands)
    odds = np.exp(model.of_trump * trumps + model.of_sure * sure + model.shift)
    return np.log((1 - mix) * odds[:, decl] / odds.sum(axis=1) + mix / N_DECLARATIONS)


class Auctions(NamedTuple):
    """The calls of N auctions as one seat of each knows them; int64."""

    movers: Numbers
    """[N] the seat that knows its own hand"""
    callers: Numbers
    """[N, 4] the seats in the order of calling"""
    calls: Numbers
    """[N, 4] their calls, NO_CALL where nobody has called yet"""
    forced: npt.NDArray[np.bool_]
    """[N] True where the dealer must bid after three passes"""
    bidders: Numbers
    """[N] the seat that has declared; NO_SEAT before"""
    decls: Numbers
    """[N] its declaration"""
    marks: Numbers
    """[N, 2] marks of the mover's team and of the other; NO_MARKS if unknown"""

    @classmethod
    def of(cls, seen: Seen) -> Auctions:
        """Return the auctions of N games in play; games without one have no call."""
        columns = seen.turn, seen.callers, seen.calls, seen.bidder, seen.decl
        movers, callers, calls, bidders, decls = (one.astype(np.int64) for one in columns)
        unknown = np.full((len(movers), 2), NO_MARKS)
        return cls(movers, callers, calls, seen.forced, bidders, decls, unknown)


def log_likelihood_of_auctions(
    auctions: Auctions, hands: Bytes, game: Numbers, mix: float, model: AuctionModel = AUCTION_MODEL
) -> Floats:
    """Return [D]: the log likelihood of the calls and the declaration of hidden seats in D deals [D, 4, 7].

    Games without an auction get 0, and so does the call of a dealer who had to bid. game: [D], the auction of
    each deal. mix: share of calls and declarations that are assumed to be random.
    """
    log_p = np.zeros(len(hands))
    if (auctions.calls[:, 0] != NO_CALL).any():
        _add_auctions(HAND_TABLES, KINDS, model, hands, game, auctions, mix, log_p)
    return log_p


@kernel
def fill_hand_features(tables, hand, counted, pips, found):
    """Fill counted [10, 2] with trumps and sure winners, and found [F] as `hand_features` does.

    hand: [7]. pips: [7] scratch.
    """
    best = second = np.int64(0)
    for decl in range(N_DECLARATIONS):
        n_trumps, n_sure = count_hand(tables.trumps, tables.led_suit, tables.beaten_by, hand, decl)
        counted[decl, 0], counted[decl, 1] = n_trumps, n_sure
        score = n_trumps + n_sure
        if score > best:
            best, second = score, best
        elif score > second:
            second = score
    doubles = tens = fives = np.int64(0)
    pips[:] = 0
    for slot in range(HAND_SIZE):
        domino = hand[slot]
        high, low, points = tables.high_pip[domino], tables.low_pip[domino], tables.counts[domino]
        pips[high] += 1
        if high == low:
            doubles += 1
        else:
            pips[low] += 1
        tens += points == 10
        fives += points == 5
    longest = voids = np.int64(0)
    for pip in range(N_PIPS):
        longest = max(longest, pips[pip])
        voids += pips[pip] == 0
    found[0], found[1], found[2], found[3] = best, second, doubles, tens
    found[4], found[5], found[6] = fives, longest, voids


@kernel
def fill_odds_of_kinds(kinds, model, features, place, high, holder, own, other, odds):
    """Fill odds [K] of the kinds of calls of a hand, 0 for illegal ones. Returns the number of legal kinds.

    features: [F] of the hand. place: of the caller. high, holder: the highest bid so far, PASS if there is
    none, and its place. own, other: marks of the caller's team and of the other team, or NO_MARKS.
    """
    situation = np.int64(place)
    if high > PASS:
        level = min(high, LOWEST_BID + 2) - LOWEST_BID if high < MARK else 3
        situation = N_SEATS * (2 if place - holder == 2 else 1) + level
    score = N_SCORES - 1
    if own != NO_MARKS:
        score = 3 * (min(MARKS_TO_WIN - own, 3) - 1) + min(MARKS_TO_WIN - other, 3) - 1
    n_legal = 0
    for kind in range(N_KINDS):
        odds[kind] = 0.0
        # legal: a pass; bids of points or one mark over less; two or more marks always
        if kind and kind < N_KINDS - 1 and (high >= MARK or kinds[kind + 1] - 1 <= high):
            continue
        n_legal += 1
        logit = 0.0
        for k in range(N_FEATURES):
            logit += model.weights[kind, k] * features[k]
        bias = model.bias[situation, kind] + model.by_score[score, kind]
        odds[kind] = np.exp(bias + model.spread[situation] * logit)
    return n_legal


@kernel
def fill_odds_of_declarations(model, counted, odds):
    """Fill odds [10] of the declarations of a hand. counted: [10, 2], see `fill_hand_features`."""
    for decl in range(N_DECLARATIONS):
        logit = model.of_trump * counted[decl, 0] + model.of_sure * counted[decl, 1]
        odds[decl] = np.exp(logit + model.shift[decl])


@kernel
def draw_by_odds(draw, odds):
    """Return an index with a chance in proportion to its odds. draw: a number in [0, 1)."""
    left = draw * odds.sum()
    for k in range(len(odds)):
        if left < odds[k]:
            return k
        left -= odds[k]
    return odds.argmax()  # only by rounding


@kernel
def lowest_call(kinds, kind, high):
    """Return the lowest call of a legal kind over the highest bid so far (PASS if there is none)."""
    if kind == N_KINDS - 1 and high >= MARK:
        return high + MARK
    return max(kinds[kind], high + 1) if kind else np.int64(PASS)


@kernel
def _add_auctions(tables, kinds, model, deals, games, auctions, mix, log_p):
    """Add the log likelihood to log_p [D]; see `log_likelihood_of_auctions`. deals: [D, 4, 7]. games: [D]."""
    features, pips = np.zeros(N_FEATURES), np.zeros(N_PIPS, np.int64)
    counted = np.zeros((N_DECLARATIONS, 2), np.int64)
    of_kind, of_decl = np.zeros(N_KINDS), np.zeros(N_DECLARATIONS)
    for row in range(len(deals)):
        game = games[row]
        high, holder = np.int64(PASS), np.int64(0)
        for place in range(N_SEATS):
            seat, call = auctions.callers[game, place], auctions.calls[game, place]
            if call < PASS:
                break
            must_bid = auctions.forced[game] and place == N_SEATS - 1 and high == PASS
            if seat != auctions.movers[game]:
                fill_hand_features(tables, deals[row, seat], counted, pips, features)
                if not must_bid:
                    own = (seat - auctions.movers[game]) & 1
                    score = auctions.marks[game, own], auctions.marks[game, 1 - own]
                    n_legal = fill_odds_of_kinds(
                        kinds, model, features, place, high, holder, score[0], score[1], of_kind
                    )
                    kind = np.searchsorted(kinds, call, side="right") - 1
                    log_p[row] += np.log((1 - mix) * of_kind[kind] / of_kind.sum() + mix / n_legal)
                if seat == auctions.bidders[game]:
                    fill_odds_of_declarations(model, counted, of_decl)
                    share = of_decl[auctions.decls[game]] / of_decl.sum()
                    log_p[row] += np.log((1 - mix) * share + mix / N_DECLARATIONS)
            if call > high:
                high, holder = call, np.int64(place)
