"""Stage 2 tokens as networks read them: those of a transcript, and what follows from it.

A network that reads only the transcript has to learn the rules before it can see who is void in a suit or
which dominoes of it are left. These four features state it, without any hidden hand. A feature is 0 where it
does not apply.

    feature  8 hand and plays: 1 for a domino of the called suit, i.e. a trump; context: 2 + how many of
               them are unseen, 0..7
             9 plays: 1 if the player followed the led suit (or led), 2 if not; dominoes still held:
               3 + the unseen dominoes of the domino's own suit that beat it, 0..6
            10 dominoes still held: 1 + bits of the players 1, 2 and 3 (relative to the mover) who have
               failed to follow the domino's own suit; context: the same for the called suit
            11 1 for the domino that is winning the current trick; for legal plays that follow a lead,
               2 = it does not take the trick from that domino, 3 = it does

The own suit of a domino is the one it would lead. Features 0..7, positions, mask and legal slots are those
of `transcript`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forge_core.kernels import kernel
from forge_core.lanes import popcount
from forge_core.learning.spec import TokenSpec
from forge_core.texas42 import tables
from forge_core.texas42.declarations import N_DECLARATIONS
from forge_core.texas42.dominoes import HAND_POINTS, HAND_SIZE, N_DOMINOES, N_SEATS
from forge_core.texas42.rules import CALLED_SUIT
from forge_core.texas42.tokens import transcript
from forge_core.texas42.tokens.encoder import Tokens
from forge_core.texas42.tokens.transcript import CONTEXT, FIRST_OF_HAND, FIRST_PLAY, N_POSITIONS
from forge_core.texas42.views import Views

INFERENCES_VERSION = "t2"
"""Raised when the tokens change; making the encoder faster does not raise it"""

N_FEATURES = transcript.N_FEATURES + 4
VOCABULARY = (*transcript.VOCABULARY, 2 + 8, 3 + HAND_SIZE, 1 + 8, 4)
"""The number of values of each feature"""

STAGE2_SPEC = TokenSpec(
    name="texas42-stage2",
    version=INFERENCES_VERSION,
    n_positions=N_POSITIONS,
    vocabularies=VOCABULARY,
    action_positions=tuple(range(FIRST_OF_HAND, FIRST_PLAY)),
    value_position=CONTEXT,
    value_scale=float(HAND_POINTS),
)


def encode_views(views: Views) -> Tokens:
    """Encode the knowledge of N movers: tokens int8 [N, 36, 12], mask bool [N, 36], legal bool [N, 7]."""
    return infer(transcript.encode_transcripts(views))


def infer(transcripts: Tokens) -> Tokens:
    """Add the features that follow from transcripts: tokens [N, 36, 8] become [N, 36, 12]."""
    tokens = np.zeros((len(transcripts.tokens), N_POSITIONS, N_FEATURES), dtype=np.int8)
    fill_inferences(
        transcripts.tokens,
        transcripts.mask,
        transcripts.legal,
        DOMINO_OF_PIPS,
        tables.CALLED,
        tables.LED_SUIT,
        tables.FOLLOWING,
        tables.BEATEN_BY,
        tables.TRICK_RANK,
        tokens,
    )
    return Tokens(tokens, transcripts.mask, transcripts.legal)


def _domino_of_pips() -> npt.NDArray[np.int8]:
    side = int(tables.HIGH_PIP.max()) + 1
    ids = np.zeros((side, side), dtype=np.int8)
    ids[tables.HIGH_PIP, tables.LOW_PIP] = np.arange(N_DOMINOES)
    return ids


DOMINO_OF_PIPS = _domino_of_pips()
"""[7, 7] int8: the domino with a high and a low pip"""


@kernel
def fill_inferences(told, mask, legal, of_pips, called, led_suit, following, beaten_by, rank, tokens):
    """Fill tokens [N, 36, 12], which must be zeros, from the transcripts told [N, 36, 8].

    Reads mask [N, 36], legal [N, 7], of_pips [7, 7], and the tables of the domino set: called [10, 28],
    led_suit [10, 28], following [10, 8] and beaten_by [10, 8, 28] (28-bit masks), rank [10, 8, 28].
    """
    voids = np.empty(N_SEATS, dtype=np.int64)  # bits of the suits that a player has failed to follow
    for row in range(len(told)):
        # First, the features of the transcript; the dominoes of the hand are not unseen.
        out, called_suit = tokens[row], told[row, CONTEXT, 6]
        n_tokens = np.int64(FIRST_PLAY)
        while n_tokens < N_POSITIONS and mask[row, n_tokens]:
            n_tokens += 1
        unseen = (np.int64(1) << N_DOMINOES) - 1
        for place in range(n_tokens):
            for feature in range(told.shape[2]):
                out[place, feature] = told[row, place, feature]
            if place != CONTEXT:
                domino = of_pips[out[place, 0], out[place, 1]]
                unseen &= ~(np.int64(1) << domino)
                out[place, 8] = called[called_suit, domino]

        # Next, the plays in order: who failed to follow suit, and which domino is winning the trick.
        voids[:] = 0
        n_plays = n_tokens - FIRST_PLAY
        suit, best, winning = np.int64(0), np.int64(-1), np.int64(0)
        for ply in range(n_plays):
            token = out[FIRST_PLAY + ply]
            domino, suit = of_pips[token[0], token[1]], np.int64(token[6] - N_DECLARATIONS)
            if following[called_suit, suit] >> domino & 1:
                token[9] = 1
            else:
                token[9] = 2
                voids[token[4]] |= np.int64(1) << suit
            strength = np.int64(rank[called_suit, suit, domino])
            if ply % N_SEATS == 0 or strength > best:
                best, winning = strength, np.int64(ply)
        in_trick = n_plays % N_SEATS
        if in_trick:
            out[FIRST_PLAY + winning, 11] = 1

        # Last, the hand and the context: what beats a domino, who is void, and who takes the trick.
        for slot in range(HAND_SIZE):
            token = out[FIRST_OF_HAND + slot]
            if token[5] == 0:
                continue
            domino = of_pips[token[0], token[1]]
            own = np.int64(led_suit[called_suit, domino])
            better = beaten_by[called_suit, own, domino] & following[called_suit, own] & unseen
            token[9] = 3 + popcount(np.int64(better))
            token[10] = 1 + _void_bits(voids, own)
            if in_trick and legal[row, slot]:
                token[11] = 3 if rank[called_suit, suit, domino] > best else 2
        out[CONTEXT, 8] = 2 + popcount(np.int64(following[called_suit, CALLED_SUIT]) & unseen)
        out[CONTEXT, 10] = 1 + _void_bits(voids, np.int64(CALLED_SUIT))


@kernel
def _void_bits(voids, suit):
    """Return bits of the players 1, 2 and 3 who have failed to follow a suit."""
    return (voids[1] >> suit & 1) | (voids[2] >> suit & 1) << 1 | (voids[3] >> suit & 1) << 2
