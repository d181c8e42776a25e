"""A round of Skull King in plain Python, one decision at a time: the truth for kernels and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from forge_core.errors import BadInput
from forge_core.skull_king.actions import (
    BET,
    BET_0,
    BETS,
    BID,
    BID_0,
    CANNONBALL,
    DISCARD,
    GRAPESHOT,
    HARRY_0,
    HARRY_MOVES,
    LEAD,
    LOAD,
    MOVE,
    N_ACTIONS,
    OVER,
    PHASE_NAMES,
    PLAY,
    ROSIE_0,
    SCORED,
    TIGRESS_AS_PIRATE,
    action_text,
    card_of_play,
)
from forge_core.skull_king.cards import BENDT, HARRY, JADE, RASCAL, ROGER, ROSIE, TIGRESS, suit_of
from forge_core.skull_king.deals import Deal
from forge_core.skull_king.rules import (
    FREE,
    OPEN,
    Rules,
    TigressMode,
    Trick,
    led_suit,
    legal_actions,
    resolve,
    score_round,
)


@dataclass(slots=True)
class Round:
    """A round in play. `step` changes it."""

    rules: Rules
    starter: int
    dealt: int
    """cards dealt to each seat"""
    hands: list[list[int]]
    """one per seat"""
    ghost: list[int] = field(default_factory=list)
    """cards that the ghost still holds, in the order in which it plays them"""
    stock: list[int] = field(default_factory=list)
    """cards that Bendt's holder would draw"""
    undealt: set[int] = field(default_factory=set)

    phase: int = BID
    actor: int = 0
    leader: int = 0
    """leads the trick; the number of seats stands for the ghost"""
    tricks: int = 0
    """tricks played"""
    table: list[int] = field(default_factory=list)
    tigress: TigressMode | None = None
    """how the Tigress in this trick was played"""
    bids: list[int | None] = field(default_factory=list)
    won: list[int] = field(default_factory=list)
    bonus: list[int] = field(default_factory=list)
    voids: list[set[int]] = field(default_factory=list)
    """suits that a seat has shown not to hold"""
    played: list[set[int]] = field(default_factory=list)
    """cards played by each hand, the ghost's last"""
    loot: list[tuple[int, int]] = field(default_factory=list)
    bets: dict[int, int] = field(default_factory=dict)
    cannonball: dict[int, bool] = field(default_factory=dict)
    harry_seat: int | None = None
    """the seat that may move its bid at the end of the round"""
    discards_due: int = 0
    discarded: set[int] = field(default_factory=set)
    jade_seat: int | None = None
    jade_saw: set[int] = field(default_factory=set)
    delta: list[int] = field(default_factory=list)
    """points of each seat, once the round is scored"""
    last_trick: Trick | None = None
    """result of the last complete trick, offsets in order of play"""

    @classmethod
    def start(cls, deal: Deal, starter: int, rules: Rules) -> Round:
        """Return a round before its first bid."""
        seats = len(deal.hands)
        dealt = {card for hand in (*deal.hands, deal.ghost) for card in hand}
        return cls(
            rules=rules,
            starter=starter,
            dealt=len(deal.hands[0]),
            hands=[sorted(hand) for hand in deal.hands],
            ghost=list(deal.ghost),
            stock=list(deal.stock),
            undealt=set(rules.deck(seats)) - dealt,
            actor=starter,
            leader=starter,
            bids=[None] * seats,
            won=[0] * seats,
            bonus=[0] * seats,
            voids=[set() for _ in range(seats)],
            played=[set() for _ in range(seats + rules.has_ghost(seats))],
        )

    @property
    def seats(self) -> int:
        """Number of seats, without the ghost."""
        return len(self.hands)

    @property
    def led(self) -> int:
        """The suit that the trick asks for, OPEN or FREE."""
        return led_suit(self.table, self.tigress, self.rules)

    def order(self) -> list[int]:
        """Return the hands in order of play in this trick; the number of seats stands for the ghost."""
        seats = self.seats
        if not self.rules.has_ghost(seats):
            return [(self.leader + place) % seats for place in range(seats)]
        if self.leader == seats:
            return [seats, self.starter, 1 - self.starter]
        return [self.leader, seats, 1 - self.leader]

    # --- decisions ----------------------------------------------------------------------------

    def legal(self) -> list[int]:
        """Return the legal actions of the actor, ascending; none once the round is over."""
        hand = self.hands[self.actor]
        if self.phase == BID:
            return [BID_0 + bid for bid in range(len(hand) + 1)]
        if self.phase == LOAD:
            return [GRAPESHOT, CANNONBALL]
        if self.phase == PLAY:
            return legal_actions(hand, self.table, self.tigress, self.rules)
        if self.phase == LEAD:
            return [ROSIE_0 + seat for seat in range(self.seats)]
        if self.phase == DISCARD:
            return [card - 1 for card in hand]
        if self.phase == BET:
            return [BET_0 + i for i in range(len(BETS))]
        if self.phase == MOVE:
            bid = self.bid_of(self.actor)
            return [HARRY_0 + i for i, move in enumerate(HARRY_MOVES) if 0 <= bid + move <= self.dealt]
        return []

    def bid_of(self, seat: int) -> int:
        """Return the bid of a seat that has bid."""
        bid = self.bids[seat]
        assert bid is not None
        return bid

    def step(self, action: int) -> None:
        """Take an action of the actor. Raises BadInput with the reason if it is illegal."""
        self.require_legal(action)
        if self.phase == BID:
            self.bids[self.actor] = action - BID_0
            if self.rules.cannonball:
                self.phase = LOAD
            else:
                self._next_bidder()
        elif self.phase == LOAD:
            self.cannonball[self.actor] = action == CANNONBALL
            self._next_bidder()
        elif self.phase == PLAY:
            self._play(action)
        else:
            self._use_ability(action)

    def require_legal(self, action: int) -> None:
        """Raise BadInput with the card or action, the seat and the reason unless the action is legal."""
        if action not in self.legal():
            raise BadInput(illegal_text(action, self.actor, self.phase, self.hands[self.actor]))

    def _next_bidder(self) -> None:
        self.actor = (self.actor + 1) % self.seats
        self.phase = PLAY if self.actor == self.starter else BID

    def _play(self, action: int) -> None:
        card, seat, led = card_of_play(action), self.actor, self.led
        self.hands[seat].remove(card)
        suit, free_suits = suit_of(card), {None, led, ROGER if self.rules.follow == "engine" else led}
        if led not in (OPEN, FREE) and suit not in free_suits:
            self.voids[seat].add(led)
        self._put(card, seat, "pirate" if action == TIGRESS_AS_PIRATE else "escape")
        self._go_on()

    def _put(self, card: int, hand: int, tigress: TigressMode) -> None:
        """Put a card of a hand on the table."""
        self.table.append(card)
        self.played[hand].add(card)
        if card == TIGRESS:
            self.tigress = tigress

    def _go_on(self) -> None:
        """Let the ghost play if it is its turn, then ask the next seat, or end the trick."""
        order = self.order()
        if len(self.table) < len(order) and order[len(self.table)] == self.seats:
            self._put(self.ghost.pop(0), self.seats, "escape")
        if len(self.table) < len(order):
            self.actor = order[len(self.table)]
        else:
            self._end_trick(order)

    # --- the end of a trick -------------------------------------------------------------------

    def _end_trick(self, order: Sequence[int]) -> None:
        trick = resolve(self.table, self.tigress, self.rules)
        self.last_trick = trick
        self.leader = self.starter if trick.next_leader is None else order[trick.next_leader]
        winning = None
        if trick.winner is not None and order[trick.winner] < self.seats:
            winner, winning = order[trick.winner], self.table[trick.winner]
            self.won[winner] += 1
            self.bonus[winner] += trick.bonus
            self.loot += [(order[player], winner) for player, _ in trick.loot]
        self.table, self.tigress = [], None
        self.tricks += 1
        if winning is not None and self.rules.abilities and self._begin_ability(winning, self.leader):
            return
        self._next_trick()

    def _begin_ability(self, card: int, winner: int) -> bool:
        """Start the ability of the pirate that won a trick; return True if it asks for a decision."""
        is_last = not self.hands[winner]
        if card == HARRY:
            if self.rules.harry == "round_end":
                self.harry_seat = winner
                return False
            return self._ask(MOVE, winner)
        if is_last:
            return False
        if card == JADE:
            self.jade_seat, self.jade_saw = winner, set(self.undealt)
        if card == BENDT and self.stock:
            self.hands[winner] = sorted([*self.hands[winner], *self.stock])
            self.undealt -= set(self.stock)
            self.jade_saw -= set(self.stock)
            self.voids[winner] = set()
            self.discards_due, self.stock = len(self.stock), []
            return self._ask(DISCARD, winner)
        if card == ROSIE:
            return self._ask(LEAD, winner)
        return card == RASCAL and self._ask(BET, winner)

    def _ask(self, phase: int, seat: int) -> bool:
        self.phase, self.actor = phase, seat
        return True

    def _use_ability(self, action: int) -> None:
        if self.phase == LEAD:
            self.leader = (self.actor + action - ROSIE_0) % self.seats
        elif self.phase == DISCARD:
            self.hands[self.actor].remove(card_of_play(action))
            self.discarded.add(card_of_play(action))
            self.discards_due -= 1
            if self.discards_due:
                return
        elif self.phase == BET:
            self.bets[self.actor] = BETS[action - BET_0]
        else:
            self.harry_seat = None
            self.bids[self.actor] = self.bid_of(self.actor) + HARRY_MOVES[action - HARRY_0]
        self._next_trick()

    def _next_trick(self) -> None:
        """Begin the next trick; after the last one, let Harry's holder move its bid and score the round."""
        if any(self.hands):
            self.phase = PLAY
            self._go_on()
        elif self.harry_seat is not None:
            self._ask(MOVE, self.harry_seat)
        else:
            self.phase = SCORED
            self.delta = score_round(
                [self.bid_of(seat) for seat in range(self.seats)],
                self.won,
                self.bonus,
                self.dealt,
                self.loot,
                bets=self.bets,
                cannonball=self.cannonball,
                rules=self.rules,
            )


def illegal_text(action: int, seat: int, phase: int, hand: Sequence[int]) -> str:
    """Return why an action is illegal, with the card or action and the seat; it must be illegal."""
    if not 0 <= action < N_ACTIONS:
        return f"action {action} by seat {seat}: it does not exist; use 0..{N_ACTIONS - 1}"
    text = f"{action_text(action)} by seat {seat}"
    if phase in (SCORED, OVER):
        return f"{text}: the round is over; deal the next one"
    if phase == PLAY and action < BID_0:
        if card_of_play(action) not in hand:
            return f"{text}: the card is not in its hand"
        return f"{text}: it holds the led suit, so it must follow or play a special"
    return f"{text}: not possible in the phase {PHASE_NAMES[phase]}"
