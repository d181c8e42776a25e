"""PettingZoo AEC environments for any game: one row of `forge_core.game`, one agent per seat.

    from forge_core.pettingzoo import env
    from forge_core.texas42.game import Texas42

    game = env(Texas42(auction=True))

Requires the extra `pettingzoo`; importing this module without it raises BadInput.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from forge_core.errors import BadInput
from forge_core.game import NOBODY, Game, checked_step, to_numpy
from forge_core.splits import Split, split_of
from forge_core.streams import stream

try:
    from gymnasium import spaces
    from pettingzoo import AECEnv
    from pettingzoo.utils import wrappers
except ModuleNotFoundError as error:
    raise BadInput(
        f"PettingZoo environments need the package {error.name}, which is not installed: "
        "run pip install 'forge[pettingzoo]'"
    ) from error

_SEED_LIMIT = 2**31
"""Random seeds are below this limit, so that they fit in 32 bits."""


def env(game: Game[Any], render_mode: str | None = None) -> AECEnv:
    """Return the environment in PettingZoo's usual wrappers.

    An illegal action ends the game, and the seat that took it gets the lowest possible return. Calls
    in the wrong order raise errors. Raises BadInput for an unknown render mode.
    """
    bare: AECEnv = GameEnvironment(game, render_mode)
    bare = wrappers.TerminateIllegalWrapper(bare, illegal_reward=-game.facts.return_bound)
    bare = wrappers.AssertOutOfBoundsWrapper(bare)
    return wrappers.OrderEnforcingWrapper(bare)


class GameEnvironment(AECEnv[str, Any, Any]):
    """An environment for one game at a time; the agents are `player_0`, `player_1`, ... in seat order.

    An observation is a dict: "observation" is what `game.observe` returns for the agent's seat;
    "action_mask" is [A] int8, all 0 if it is not the agent's turn. Rewards are 0 until the game is
    over, then each seat's return. With render mode `ansi`, `render` returns the whole table as text.
    """

    def __init__(self, game: Game[Any], render_mode: str | None = None) -> None:
        super().__init__()
        facts = game.facts
        self.metadata = {
            "name": f"{facts.name}_v{facts.version}",
            "render_modes": ["ansi"],
            "is_parallelizable": False,
        }
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise BadInput(f"unknown render mode {render_mode!r}: use ansi, or None for no rendering")
        self.game, self.render_mode = game, render_mode
        self.game_seed: int | None = None
        """The seed of the current game; `reset(game_seed)` starts the same game again."""
        self._draws: np.random.Generator | None = None
        self.possible_agents = [f"player_{seat}" for seat in range(facts.n_seats)]
        self.agents = []
        self.action_spaces = {agent: spaces.Discrete(facts.n_actions) for agent in self.possible_agents}
        seen, mask = facts.observation, (facts.n_actions,)
        self.observation_spaces = {
            agent: spaces.Dict(
                {
                    "observation": spaces.Box(seen.low, seen.high, seen.shape, np.dtype(seen.dtype).type),
                    "action_mask": spaces.Box(0, 1, mask, np.int8),
                }
            )
            for agent in self.possible_agents
        }

    def observation_space(self, agent: str) -> spaces.Space:
        """Return the space of an agent's observations; always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space:
        """Return the space of an agent's actions; always the same object."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Start the game of `seed`; without a seed, start a game with a random seed of the train split.

        Random seeds are derived from the last seed that was passed, or else from the operating
        system's randomness. `game_seed` is the seed in use. options: ignored; PettingZoo passes them.
        """
        if seed is None:
            seed = self._next_seed()
        else:
            self._draws = stream(seed, "environment")
        self.game_seed = seed
        self._state = self.game.init([seed])
        self.agents = self.possible_agents[:]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}
        self._select()

    def observe(self, agent: str) -> dict[str, np.ndarray]:
        """Return the observation of an agent, with its action mask."""
        seat = self.possible_agents.index(agent)
        mask = np.zeros(self.game.facts.n_actions, dtype=np.int8)
        if seat == self._to_move:
            mask = to_numpy(self.game.legal(self._state))[0].astype(np.int8)
        seen = to_numpy(self.game.observe(self._state, seat))[0].copy()
        return {"observation": seen, "action_mask": mask}

    def step(self, action: int | None) -> None:
        """Take an action for the selected agent; pass None once its game is over. Raises BadInput."""
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        if action is None:
            raise BadInput(f"{agent} is to act, but action is None: pass one that its action mask allows")
        self._cumulative_rewards[agent] = 0.0
        self._clear_rewards()
        self._state = checked_step(self.game, self._state, [int(action)])
        if self._select():
            returns = to_numpy(self.game.returns(self._state))[0]
            self.rewards = {f"player_{seat}": float(value) for seat, value in enumerate(returns)}
            self.terminations = dict.fromkeys(self.agents, True)
        self._accumulate_rewards()

    def render(self) -> str | None:
        """Return the whole table as text in render mode `ansi`, else None."""
        return self.game.describe(self._state) if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Do nothing: the environment holds no window and no file."""

    def _select(self) -> bool:
        """Select the agent to act, or the first one when the game is over. Return True if it is over."""
        self._to_move = int(to_numpy(self.game.to_move(self._state))[0])
        self.agent_selection = self.possible_agents[max(self._to_move, 0)]
        return self._to_move == NOBODY

    def _next_seed(self) -> int:
        if self._draws is None:
            self._draws = stream(secrets.randbelow(_SEED_LIMIT), "environment")
        while split_of(seed := int(self._draws.integers(_SEED_LIMIT))) is not Split.TRAIN:
            pass
        return seed
