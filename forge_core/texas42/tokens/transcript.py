"""Stage 2 tokens as games store them: one player's knowledge, i.e. its own hand and all plays so far.

Networks read them with the features of `inferences`.

Players are relative to the mover: neither features nor positions reveal the absolute seat. All seven
dominoes of the hand stay, played or not, in slot order, so action a is always read at token 1 + a.
The features of a token include its type and time, so the order of the tokens carries no further
information.

    positions   0 context    1..7 the mover's hand as dealt    8..35 the plays in order

    feature  0 high pip 0..6
             1 low pip 0..6
             2 double 0/1
             3 count class 0/1/2 = 0/5/10
             4 player, relative to the mover 0..3 (hand: 0; context: the leader of the current trick)
             5 status: for hand tokens, 0 = played, 1 = still held; for plays, 2..5 = position in
               the trick; for the context, 0
             6 for the context and the hand, the declaration 0..9; for plays, 10 + the led suit of
               the trick (17 = called)
             7 type: 0 context, 1 hand, 2..8 a play to trick 1..7

`mask` excludes plays that have not been made yet. Features 0..3 of the context are 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.errors import BadInput
from forge_core.kernels import kernel
from forge_core.texas42 import tables
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import HAND_SIZE, N_DOMINOES, N_PLAYS, N_SEATS
from forge_core.texas42.games import replay, start
from forge_core.texas42.rules import N_SUITS
from forge_core.texas42.tokens.encoder import Tokens
from forge_core.texas42.views import Views

TRANSCRIPT_VERSION = "t1"
"""Raised when the tokens change; making the encoder faster does not raise it"""

CONTEXT, FIRST_OF_HAND, FIRST_PLAY = 0, 1, 1 + HAND_SIZE
N_POSITIONS, N_FEATURES = FIRST_PLAY + N_PLAYS, 8
VOCABULARY = (7, 7, 2, 3, N_SEATS, 2 + N_SEATS, N_DECLARATIONS + N_SUITS, 2 + HAND_SIZE)
"""The number of values of each feature"""


def encode_transcripts(views: Views) -> Tokens:
    """Encode the knowledge of N movers: tokens int8 [N, 36, 8], mask bool [N, 36], legal bool [N, 7]."""
    seen, n = views.seen, len(views)
    plays, players = np.zeros((2, n, N_PLAYS), dtype=np.int8)
    plays[:, : seen.step], players[:, : seen.step] = seen.plays, seen.players
    return encode_rows(views.hand, seen.decl, seen.turn, plays, players, np.full(n, seen.step))


def transcripts(hands, decls, leaders, plays) -> Tokens:
    """Encode the mover's knowledge at each of the 28 decisions of N complete games.

    hands: [N, 4, 7] ids as dealt. decls: [N]. leaders: [N] seats that lead the first trick. plays:
    [N, 28] ids in order. Returns tokens int8 [N, 28, 36, 8], mask bool [N, 28, 36], legal bool
    [N, 28, 7]. Raises BadInput for an illegal play.
    """
    plays = np.asarray(plays, dtype=np.int8)
    if plays.ndim != 2 or plays.shape[1] != N_PLAYS:
        raise BadInput(f"plays of shape {plays.shape}: give all {N_PLAYS} plays of each game")
    games = start(hands, decls, leaders)
    for after in replay(games, plays):
        players = after.seen.players
    n = len(games)
    hand = games.hands[np.arange(n)[:, None], players]  # [N, 28, 7]: the mover's hand
    rows = encode_rows(
        hand.reshape(-1, HAND_SIZE),
        np.repeat(games.seen.decl, N_PLAYS),
        players.reshape(-1),
        np.repeat(plays, N_PLAYS, axis=0),
        np.repeat(players, N_PLAYS, axis=0),
        np.tile(np.arange(N_PLAYS), n),
    )
    return Tokens(*(a.reshape(n, N_PLAYS, *a.shape[1:]) for a in (rows.tokens, rows.mask, rows.legal)))


def encode_rows(hand, decl, seat, plays, players, made) -> Tokens:
    """Encode the knowledge of `seat` [N], dealt `hand` [N, 7], after the first `made` [N] plays.

    plays, players: [N, 28] in order. decl: [N]. All int8 except `made`. Returns tokens int8 [N, 36, 8],
    mask bool [N, 36], legal bool [N, 7]. Later plays have no effect; the plays are not checked
    against the rules.
    """
    n = len(hand)
    out = Tokens(
        np.zeros((n, N_POSITIONS, N_FEATURES), dtype=np.int8),
        np.zeros((n, N_POSITIONS), dtype=np.bool_),
        np.zeros((n, HAND_SIZE), dtype=np.bool_),
    )
    led_suit, follows = tables.LED_SUIT, tables.FOLLOWS
    fill_transcripts(
        hand,
        decl,
        seat,
        plays,
        players,
        made,
        TRANSCRIPT_FEATURES,
        led_suit,
        follows,
        out.tokens,
        out.mask,
        out.legal,
    )
    return out


def _domino_features() -> npt.NDArray[np.int8]:
    """Return [28, 4] int8: the fixed features of each domino."""
    double = tables.HIGH_PIP == tables.LOW_PIP
    return np.stack([tables.HIGH_PIP, tables.LOW_PIP, double, tables.COUNTS // 5], axis=1).astype(np.int8)


TRANSCRIPT_FEATURES = _domino_features()
"""[28, 4] int8: fixed features of a domino: high pip, low pip, double, count class"""
_N_DOMINO_FEATURES = TRANSCRIPT_FEATURES.shape[1]


@kernel
def fill_transcripts(hand, decl, seat, plays, players, made, domino, led_suit, follows, tokens, mask, legal):
    """Fill tokens [N, 36, 8], mask [N, 36] and legal [N, 7], which must be zeros.

    Reads hand [N, 7], decl, seat and made [N], plays and players [N, 28], and the tables of the
    domino set: domino [28, 4], led_suit [10, 28], follows [10, 8, 28].
    """
    played = np.empty(N_DOMINOES, dtype=np.bool_)
    for row in range(len(hand)):
        # First, the plays in order. They also give the dominoes played and the led suit of the
        # current trick, which the hand tokens need.
        out, mover, called, n = tokens[row], seat[row], decl[row], made[row]
        mask[row, : FIRST_PLAY + n] = True
        played[:] = False
        suit = 0
        for ply in range(n):
            token, place, which = out[FIRST_PLAY + ply], ply % N_SEATS, plays[row, ply]
            if place == 0:
                suit = led_suit[called, which]
            played[which] = True
            for feature in range(_N_DOMINO_FEATURES):
                token[feature] = domino[which, feature]
            token[4] = (players[row, ply] - mover) % N_SEATS
            token[5] = 2 + place
            token[6] = N_DECLARATIONS + suit
            token[7] = 2 + ply // N_SEATS

        # Next, the context and the hand. Held dominoes count as legal until one is found that
        # follows the led suit; a second loop then removes the others.
        in_trick = n % N_SEATS
        out[CONTEXT, 4] = -in_trick % N_SEATS
        out[CONTEXT, 6] = called
        must_follow = False
        for slot in range(HAND_SIZE):
            token, which = out[FIRST_OF_HAND + slot], hand[row, slot]
            held = not played[which]
            for feature in range(_N_DOMINO_FEATURES):
                token[feature] = domino[which, feature]
            token[5] = held
            token[6] = called
            token[7] = 1
            legal[row, slot] = held
            must_follow |= in_trick > 0 and held and follows[called, suit, which]
        if must_follow:
            for slot in range(HAND_SIZE):
                legal[row, slot] &= follows[called, suit, hand[row, slot]]
