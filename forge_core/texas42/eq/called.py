"""The likelihood of an auction: how often seats with certain hands would have called and declared so.

Calls are of one of eight kinds (KINDS). A kind has probability (1 - mix) x softmax of its logit over legal
kinds + mix / number of legal kinds. The logit is bias + spread x (weights . features of the hand), where bias
and spread depend on the situation: who holds the highest bid, and how high it is. The score in marks is left
out. The declaration has the same form, over ten declarations with logit trumps x of_trump + sure winners x
of_sure + shift. The numbers were fitted to auctions of three kinds of bidders, so that they mislead about
none of them.
Letters: K = 8 kinds, C = 12 situations, F = 7 features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forge_core.kernels import kernel
from forge_core.texas42.auction import LOWEST_BID, MARK, PASS
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.declaring import count_sure, declaration_scores
from forge_core.texas42.dominoes import HAND_SIZE, N_SEATS
from forge_core.texas42.eq.declared import TRUMPS, count_hand
from forge_core.texas42.tables import BEATEN_BY, COUNTS, HIGH_PIP, LED_SUIT, LOW_PIP, Bytes
from forge_core.texas42.views import Seen

CALLED_VERSION = "c1"
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
N_KINDS, N_FEATURES, _N_PIPS = len(KINDS), len(FEATURES), 7
N_SITUATIONS = 12
"""nobody has bid: 0..3, by place; an opponent holds the highest bid: 4..7, the partner: 8..11, each by the
bid: 30, 31, other points, marks"""

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


class AuctionModel(NamedTuple):
    """The numbers of the likelihood. A pass has logit 0, and a pip as trumps has shift 0."""

    bias: Floats
    """[C, K]"""
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
            [0.0, -5.83, -11.22, -14.56, -13.55, -11.19, -8.7, -15.73],
            [0.0, -6.6, -12.18, -15.01, -15.31, -13.35, -10.41, -16.68],
            [0.0, -5.07, -10.91, -12.7, -12.98, -11.68, -8.8, -14.3],
            [0.0, -6.34, -11.9, -13.14, -13.75, -12.28, -8.97, -15.52],
            [0.0, -11.06, -12.22, -18.65, -18.58, -16.44, -12.56, -21.68],
            [0.0, -10.15, -13.19, -13.48, -15.84, -15.11, -12.06, -19.64],
            [0.0, -7.46, -9.4, -9.56, -11.05, -10.8, -9.8, -14.04],
            [0.0, -5.03, -6.2, -6.76, -7.03, -6.31, -4.84, -10.06],
            [0.0, -11.41, -12.46, -18.7, -18.4, -16.32, -12.64, -21.78],
            [0.0, -9.15, -11.96, -11.13, -14.45, -13.6, -10.5, -17.62],
            [0.0, -6.54, -8.87, -8.39, -9.49, -8.59, -6.92, -14.92],
            [0.0, -1.66, -2.34, -2.67, -2.83, -2.4, -1.54, -3.32],
        ]
    ),
    spread=np.array([1.14, 1.09, 0.95, 1.0, 1.46, 1.23, 0.79, 0.47, 1.46, 1.14, 0.95, 0.28]),
    weights=np.array(
        [
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.44, 0.3, 0.19, 0.86, -0.19, 0.77, 0.28],
            [0.48, 0.34, 0.22, 0.49, -0.08, 1.44, 0.34],
            [0.46, 0.28, 0.34, 0.45, -0.06, 1.83, 0.32],
            [0.62, 0.46, 0.15, -0.13, -0.09, 1.82, 0.26],
            [0.91, 0.29, -0.13, -0.73, -0.12, 1.38, 0.28],
            [0.5, 0.52, 0.03, -0.45, -0.16, 0.68, 0.04],
            [0.99, 0.54, 0.49, -0.06, -0.31, 1.68, 0.4],
        ]
    ),
    of_trump=2.88,
    of_sure=0.83,
    shift=np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -5.78, 5.48, 5.72]),
)
"""fitted to 10,000 auctions by the bidder `learned`, 2,000 by `rollout:worlds=100` and 1,000 by `rule`, on
deals of the train split (`python benchmarks/fit_auction.py`)"""


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
    shows = (high[:, :, None] == np.arange(_N_PIPS)) | (low[:, :, None] == np.arange(_N_PIPS))
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


def log_likelihood_of_call(
    hands: Bytes, earlier: Sequence[int], call: int, mix: float, model: AuctionModel = AUCTION_MODEL
) -> Floats:
    """Return [D]: the log probability of the kind of a call after 0..3 earlier ones, with D hands [D, 7].

    The readable version; `log_likelihood_of_auctions` sums it over the calls of games.
    """
    situation, legal = situation_of(earlier), legal_kinds(max(earlier, default=PASS))
    strength = hand_features(hands) @ model.weights.T  # [D, K]
    odds = np.exp(model.bias[situation] + model.spread[situation] * strength) * legal
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


def log_likelihood_of_auctions(
    seen: Seen, hands: Bytes, game: Numbers, mix: float, model: AuctionModel = AUCTION_MODEL
) -> Floats:
    """Return [D]: the log likelihood of the calls and the declaration of hidden seats in D deals [D, 4, 7].

    seen: N games; those without an auction get 0, and so does the call of a dealer who had to bid. game: [D],
    the game of each deal. mix: share of calls and declarations that are assumed to be random.
    """
    log_p = np.zeros(len(hands))
    if seen.had_auction.any():
        movers, callers = seen.turn.astype(np.int64), seen.callers.astype(np.int64)
        calls, bidders, decls = (one.astype(np.int64) for one in (seen.calls, seen.bidder, seen.decl))
        auctions = callers, calls, seen.forced, bidders, decls
        _add_auctions(HAND_TABLES, KINDS, model, hands, game, movers, *auctions, mix, log_p)
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
    for pip in range(_N_PIPS):
        longest = max(longest, pips[pip])
        voids += pips[pip] == 0
    found[0], found[1], found[2], found[3] = best, second, doubles, tens
    found[4], found[5], found[6] = fives, longest, voids


@kernel
def _add_auctions(
    tables, kinds, model, deals, games, movers, callers, calls, forced, bidders, decls, mix, log_p
):
    """Add the log likelihood to log_p [D]; see `log_likelihood_of_auctions`.

    deals: [D, 4, 7]. games: [D]. movers, forced, bidders, decls: [N]. callers, calls: [N, 4], as in `Seen`.
    """
    features, pips = np.zeros(N_FEATURES), np.zeros(_N_PIPS, np.int64)
    counted = np.zeros((N_DECLARATIONS, 2), np.int64)
    for row in range(len(deals)):
        game = games[row]
        if calls[game, 0] < PASS:
            continue
        high, holder = np.int64(PASS), np.int64(0)
        for place in range(N_SEATS):
            seat, call = callers[game, place], calls[game, place]
            must_bid = forced[game] and place == N_SEATS - 1 and high == PASS
            if seat != movers[game]:
                fill_hand_features(tables, deals[row, seat], counted, pips, features)
            if seat != movers[game] and not must_bid:
                situation = np.int64(place)
                if high > PASS:
                    level = min(high, LOWEST_BID + 2) - LOWEST_BID if high < MARK else 3
                    situation = N_SEATS * (2 if place - holder == 2 else 1) + level
                total = chosen = 0.0
                n_legal = 0
                for kind in range(N_KINDS):
                    is_last = kind == N_KINDS - 1
                    # legal: a pass; bids of points or one mark over less; two or more marks always
                    if kind and not is_last and (high >= MARK or kinds[kind + 1] - 1 <= high):
                        continue
                    n_legal += 1
                    logit = 0.0
                    for k in range(N_FEATURES):
                        logit += model.weights[kind, k] * features[k]
                    odds = np.exp(model.bias[situation, kind] + model.spread[situation] * logit)
                    total += odds
                    if call >= kinds[kind] and (is_last or call < kinds[kind + 1]):
                        chosen = odds
                log_p[row] += np.log((1 - mix) * chosen / total + mix / n_legal)
            if seat != movers[game] and seat == bidders[game]:
                total = chosen = 0.0
                for decl in range(N_DECLARATIONS):
                    logit = model.of_trump * counted[decl, 0] + model.of_sure * counted[decl, 1]
                    odds = np.exp(logit + model.shift[decl])
                    total += odds
                    if decl == decls[game]:
                        chosen = odds
                log_p[row] += np.log((1 - mix) * chosen / total + mix / N_DECLARATIONS)
            if call > high:
                high, holder = call, np.int64(place)
