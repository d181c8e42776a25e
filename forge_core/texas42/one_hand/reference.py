"""The features of the one-hand network, slow and readable: from a view, with the rules of `rules`.

Sets of domino ids take the place of masks. A view holds no hidden hand, so the features cannot either.
"""

from __future__ import annotations

from dataclasses import dataclass

from forge_core.texas42.declarations import has_trump_power, is_called
from forge_core.texas42.dominoes import COUNT, N_DOMINOES, N_SEATS, PIPS, is_double
from forge_core.texas42.rules import follows, led_suit, legal_plays, trick_rank, trick_winner
from forge_core.texas42.views import Views

Ids = frozenset[int]
Features = dict[str, float]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The knowledge of one mover, as sets of domino ids."""

    decl: int
    bidder: int
    """offset from the mover, clockwise"""
    hand: Ids
    """dominoes still held"""
    trick: tuple[int, ...]
    """the trick so far, lead first"""
    unseen: Ids
    may_hold: tuple[Ids, Ids, Ids]
    """unseen dominoes that the next seat, the partner and the last seat may hold"""

    @classmethod
    def of(cls, views: Views, game: int) -> Knowledge:
        """Return the knowledge in one of N views."""
        seen, seat = views.seen, int(views.seat[game])
        decl, plays = int(seen.decl[game]), [int(domino) for domino in seen.plays[game]]
        hand = frozenset(int(domino) for domino in views.hand[game]) - set(plays)
        unseen = frozenset(range(N_DOMINOES)) - set(plays) - hand
        barred: dict[int, set[int]] = {player: set() for player in range(N_SEATS)}
        for t, (domino, player) in enumerate(zip(plays, seen.players[game], strict=True)):
            suit = led_suit(plays[t - t % N_SEATS], decl)
            if not follows(domino, suit, decl):
                barred[int(player)] |= {other for other in range(N_DOMINOES) if follows(other, suit, decl)}
        others = [(seat + offset) % N_SEATS for offset in (1, 2, 3)]
        may_hold = tuple(unseen - barred[other] for other in others)
        trick = tuple(int(domino) for domino in seen.trick[game])
        bidder = (int(seen.bidder[game]) - seat) % N_SEATS
        return cls(decl, bidder, hand, trick, unseen, may_hold)  # pyright: ignore[reportArgumentType]

    @property
    def legal(self) -> list[int]:
        """The legal plays."""
        return legal_plays(sorted(self.hand), self.trick, self.decl)

    @property
    def suit(self) -> int:
        """The led suit."""
        return led_suit(self.trick[0], self.decl)

    @property
    def trumps(self) -> Ids:
        """All trumps of the declaration."""
        return frozenset(
            domino
            for domino in range(N_DOMINOES)
            if has_trump_power(self.decl) and is_called(domino, self.decl)
        )

    @property
    def opponents_to_come(self) -> int:
        """The number of opponents who play after the mover in this trick."""
        return (2, 1, 1, 0)[len(self.trick)]

    def following(self, dominoes: Ids, suit: int) -> Ids:
        """Return those of some dominoes that follow a suit."""
        return frozenset(domino for domino in dominoes if follows(domino, suit, self.decl))

    def beating(self, domino: int, suit: int, others: Ids) -> Ids:
        """Return those of `others` that outrank a domino when `suit` is led."""
        rank = trick_rank(domino, suit, self.decl)
        return frozenset(other for other in others if trick_rank(other, suit, self.decl) > rank)

    def stands(self, domino: int, suit: int, n_opponents: int, surely: bool = False) -> bool:
        """Return True if a domino cannot be beaten; see the words in `features`."""
        for held in (self.may_hold[0], self.may_hold[2])[:n_opponents]:
            following = self.following(held, suit)
            threats = held if surely or not following else following
            if self.beating(domino, suit, threats):
                return False
        return True


def features_of_view(views: Views, game: int) -> tuple[Features, dict[int, Features]]:
    """Return the features of the situation in one view, and those of each legal play, by domino id."""
    known = Knowledge.of(views, game)
    plays = {domino: _domino(known, domino) | _in_trick(known, domino) for domino in known.legal}
    return _context(known, plays), plays


def _count(dominoes: Ids | tuple[int, ...]) -> int:
    return sum(COUNT[domino] for domino in dominoes)


def _tens(dominoes: Ids) -> int:
    return sum(COUNT[domino] == 10 for domino in dominoes)


def _rank(domino: int) -> int:
    return 14 if is_double(domino) else sum(PIPS[domino])


def _context(known: Knowledge, plays: dict[int, Features]) -> Features:
    """Return the features of the situation. plays: the features of each legal play."""
    place, trumps = len(known.trick), known.trumps
    next_seat, partner, last_seat = known.may_hold
    context: Features = {
        "first": place == 0,
        "second": place == 1,
        "third": place == 2,
        "fourth": place == 3,
        "bids": known.bidder == 0,
        "partner_bids": known.bidder == 2,
        "next_bids": known.bidder == 1,
        "hand": len(known.hand) / 7,
        "has_trumps": bool(trumps),
        "own_trumps": len(known.hand & trumps) / 4,
        "unseen_trumps": len(known.unseen & trumps) / 4,
        "next_no_trumps": bool(trumps) and not next_seat & trumps,
        "partner_no_trumps": bool(trumps) and not partner & trumps,
        "last_no_trumps": bool(trumps) and not last_seat & trumps,
        "no_trumps_unseen": not known.unseen & trumps,
        "unseen_count": _count(known.unseen) / 20,
        "own_count": _count(known.hand) / 20,
        "unseen_tens": _tens(known.unseen) / 2,
        "own_tens": _tens(known.hand) / 2,
        "spare": 0,
    }
    if not place:
        exposed = sum(COUNT[domino] for domino, of_play in plays.items() if not of_play["led_stands"])
        return context | {
            "leads_standing": sum(of_play["led_stands"] for of_play in plays.values()) / 4,
            "leads_sure": sum(of_play["led_sure"] for of_play in plays.values()) / 4,
            "exposed_count": exposed / 10,
        }
    suit, winner = known.suit, trick_winner(known.trick, known.decl)
    holder, partner_holds = known.trick[winner], place >= 2 and winner == place - 2
    n_opponents = known.opponents_to_come
    can_win = known.following(known.beating(holder, suit, partner), suit)
    every_follower = known.following(frozenset(range(N_DOMINOES)), suit)
    return context | {
        "partner_holds": partner_holds,
        "partner_stands": partner_holds and known.stands(holder, suit, n_opponents),
        "partner_sure": partner_holds and known.stands(holder, suit, n_opponents, surely=True),
        "trick_count": _count(known.trick) / 10,
        "trumped": holder in trumps,
        "follows": bool(known.following(known.hand, suit)),
        "threats": len(known.beating(holder, suit, known.unseen)) / 4,
        "trumps_led": every_follower <= trumps,
        "partner_can_win": place == 1 and bool(can_win),
    }


def _domino(known: Knowledge, domino: int) -> Features:
    """Return the features of a play that do not depend on the trick."""
    suit, trumps = led_suit(domino, known.decl), known.trumps
    next_seat, partner, last_seat = (known.following(held, suit) for held in known.may_hold)
    own, unseen = known.following(known.hand, suit), known.following(known.unseen, suit)
    better = known.beating(domino, suit, unseen)
    features: Features = {
        "trump": domino in trumps,
        "double": is_double(domino),
        "five": COUNT[domino] == 5,
        "ten": COUNT[domino] == 10,
        "rank": _rank(domino) / 14,
        "better_unseen": len(better) / 4,
        "best_of_suit": not better,
        "led_stands": known.stands(domino, suit, 2),
        "led_sure": known.stands(domino, suit, 2, surely=True),
        "suit_in_hand": len(own) / 4,
        "alone": len(own) == 1,
        "suit_unseen": len(unseen) / 4,
        "lower_unseen": len(unseen - better) / 4,
        "better_in_hand": len(known.beating(domino, suit, known.hand)) / 4,
        "partner_void": not partner,
        "next_void": not next_seat,
        "last_void": not last_seat,
        "draws_ten": _tens(unseen) > 0,
        "suit_gone": not unseen,
    }
    if domino not in trumps and not is_double(domino):
        low_suit = PIPS[domino][1]
        low_better = known.beating(domino, low_suit, known.following(known.unseen, low_suit))
        features |= {
            "low_in_hand": len(known.following(known.hand, low_suit)) / 4,
            "low_better": len(low_better) / 4,
            "low_best": not low_better,
        }
    return features


def _in_trick(known: Knowledge, domino: int) -> Features:
    """Return the features of a play in the trick so far, or as a lead."""
    next_seat, partner, _ = known.may_hold
    if not known.trick:
        suit = led_suit(domino, known.decl)
        return {
            "partner_beats": bool(known.following(known.beating(domino, suit, partner), suit)),
            "suit_count": _count(known.following(known.unseen, suit)) / 10,
        }
    suit, place = known.suit, len(known.trick)
    winner = trick_winner(known.trick, known.decl)
    wins = bool(known.beating(known.trick[winner], suit, frozenset({domino})))
    follows_suit, is_trump = follows(domino, suit, known.decl), domino in known.trumps
    n_opponents = known.opponents_to_come
    partner_holds = place >= 2 and winner == place - 2
    features: Features = {
        "wins": wins,
        "trumps_in": is_trump and not follows_suit,
        "discard": not is_trump and not follows_suit,
    }
    if wins:
        features |= {
            "stands": known.stands(domino, suit, n_opponents),
            "sure": known.stands(domino, suit, n_opponents, surely=True),
            "takes": (COUNT[domino] + _count(known.trick)) / 10,
        }
    if wins and n_opponents:
        features["next_beats"] = len(known.beating(domino, suit, next_seat)) / 4
    if partner_holds and not wins:
        features["gives"] = COUNT[domino] / 10
    return features
