"""Loops of kernels over batches of rows [N, WIDTH]."""

from __future__ import annotations

from forge_core.kernels import kernel
from forge_core.skull_king import actions
from forge_core.skull_king.state import layout as at
from forge_core.skull_king.state.dealing import next_round, start_game
from forge_core.skull_king.state.kernels import legal_list, step


@kernel
def start_batch(rows, keys, rounds, options):
    """Begin a game with each of the keys [N] uint64, at the rounds [N]."""
    for n in range(len(rows)):
        start_game(rows[n], keys[n], rounds[n], options)


@kernel
def mask_batch(rows, options, listed, mask):
    """Write the legal actions to `mask` [N, A] bool, which must be all False. listed: room for actions."""
    for n in range(len(rows)):
        for i in range(legal_list(rows[n], options, listed)):
            mask[n, listed[i]] = True


@kernel
def step_batch(rows, taken, options, scored):
    """Take actions [N] where a round is in play; write to `scored` [N] bool which rounds ended."""
    for n in range(len(rows)):
        in_play = rows[n, at.PHASE] < actions.SCORED
        scored[n] = step(rows[n], taken[n], options) if in_play else False


@kernel
def go_on_batch(rows, options):
    """Deal the next round where one was scored; a game whose last round was scored is over."""
    for n in range(len(rows)):
        if rows[n, at.PHASE] == actions.SCORED:
            if rows[n, at.ROUND] < options[at.O_LAST_ROUND]:
                next_round(rows[n], options)
            else:
                rows[n, at.PHASE] = actions.OVER
