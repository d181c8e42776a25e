"""Games as PettingZoo environments: PettingZoo's tests pass, and an episode equals the game."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pettingzoo.test import api_test, render_test, seed_test
from toy_games import Noughts, SealedBids

from forge_core.errors import BadInput
from forge_core.game import checked_step
from forge_core.liuzhou.game import LIUZHOU, Liuzhou
from forge_core.pettingzoo import GameEnvironment, env
from forge_core.skull_king.game import SkullKingGame
from forge_core.splits import Split, split_of
from forge_core.streams import stream
from forge_core.texas42.deals import deal_from_seed
from forge_core.texas42.game import Texas42

GAMES = {
    "texas42": Texas42(),
    "texas42 auction": Texas42(auction=True),
    "liuzhou": LIUZHOU,
    "skull_king": SkullKingGame(3),
    "noughts": Noughts(),
    "sealed bids": SealedBids(),
}


@pytest.fixture(params=GAMES)
def game(request):
    return GAMES[request.param]


# The lowest comes first; those above it make exceptions of it.
@pytest.mark.filterwarnings("ignore:Observation is not a NumPy array")  # it is a dict with a mask
@pytest.mark.filterwarnings("ignore:Observation space for each agent probably should be")
@pytest.mark.filterwarnings("ignore:Action mask numpy array is all zeros")  # the game is over
@pytest.mark.filterwarnings("ignore:Observation numpy array is all zeros")  # an empty board
@pytest.mark.filterwarnings("ignore:The observation contains negative numbers")
@pytest.mark.filterwarnings("error")
def test_its_own_api_test(game, capsys):
    api_test(env(game), num_cycles=60)
    assert "Passed API test" in capsys.readouterr().out


def test_its_own_seed_test(game):
    seed_test(lambda: env(game), num_cycles=60)


def test_its_own_render_test(game):
    def make(render_mode=None):
        return env(game, None if render_mode == "human" else render_mode)

    render_test(make, {"ansi": bool})


def random_episode(environment, seed: int | None = 3) -> dict[str, float]:
    """Play at random by the masks; return the total reward of each agent."""
    environment.reset(seed)
    generator, rewards = stream(0, "episode"), {}
    for agent in environment.agent_iter():
        observation, reward, terminated, truncated, _ = environment.last()
        rewards[agent] = rewards.get(agent, 0) + reward
        done = terminated or truncated
        allowed = np.flatnonzero(observation["action_mask"])
        assert (len(allowed) == 0) == done
        environment.step(None if done else int(generator.choice(allowed)))
    assert not environment.agents
    return rewards


def test_an_episode_is_the_game(game):
    environment, state = env(game), game.init([3])
    environment.reset(3)
    generator = stream(0, "an episode")
    while not game.over(state)[0]:
        seat = int(game.to_move(state)[0])
        assert environment.agent_selection == f"player_{seat}"
        for other in range(game.facts.n_seats):
            seen = environment.observe(f"player_{other}")
            assert (seen["observation"] == np.asarray(game.observe(state, other))[0]).all()
            mask = np.asarray(game.legal(state))[0] * (other == seat)
            assert (seen["action_mask"] == mask).all()
        assert set(environment.rewards.values()) == {0}
        allowed = np.flatnonzero(np.asarray(game.legal(state))[0])
        action = generator.choice(allowed)
        environment.step(action)
        state = checked_step(game, state, [action])
    assert list(environment.rewards.values()) == np.asarray(game.returns(state))[0].tolist()
    assert all(environment.terminations.values()) and not any(environment.truncations.values())


def test_rewards_come_at_the_end(game):
    rewards = random_episode(env(game))
    assert len(rewards) == game.facts.n_seats
    assert any(rewards.values()) or isinstance(game, Noughts | Liuzhou)  # drawn
    assert sum(rewards.values()) == 0 or not game.facts.zero_sum


def test_a_seed_is_a_deal_and_the_next_ones_are_drawn_from_it():
    bare, again = (GameEnvironment(Texas42()) for _ in range(2))
    drawn = []
    for environment in (bare, again):
        environment.reset(seed=7)
        assert environment.game_seed == 7
        hand = environment.observe("player_0")["observation"][:28]
        assert np.flatnonzero(hand).tolist() == deal_from_seed(7)[0]
        seeds = []
        for _ in range(30):
            environment.reset()
            seeds.append(environment.game_seed)
        drawn.append(seeds)
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 30
    assert {split_of(seed) for seed in drawn[0]} == {Split.TRAIN}


def test_without_any_seed_games_differ_and_can_be_played_again():
    first, second = GameEnvironment(Texas42()), GameEnvironment(Texas42())
    first.reset()
    second.reset()
    assert first.game_seed != second.game_seed
    second.reset(first.game_seed)
    for agent in first.agents:
        assert (first.observe(agent)["observation"] == second.observe(agent)["observation"]).all()


@pytest.mark.filterwarnings("ignore")
def test_an_illegal_action_loses_the_game_or_is_refused():
    wrapped, bare = env(Texas42()), GameEnvironment(Texas42())
    for environment in (wrapped, bare):
        environment.reset(seed=1)
    illegal = int(bare.observe("player_0")["action_mask"].argmin())
    with pytest.raises(BadInput, match=rf"action {illegal} .* is illegal for seat 0"):
        bare.step(illegal)
    with pytest.raises(BadInput, match="player_0 is to act, but action is None"):
        bare.step(None)
    wrapped.step(illegal)
    assert wrapped.rewards["player_0"] == -42 and all(wrapped.terminations.values())
    with pytest.raises(AssertionError, match="action space"):
        env_at_start().step(28)


def env_at_start():
    environment = env(Texas42())
    environment.reset(seed=1)
    return environment


def test_the_table_is_rendered_as_text():
    environment = env(Texas42(auction=True), render_mode="ansi")
    assert str(environment) == "texas42_auction_v0"
    environment.reset(seed=2)
    assert "seat 3 deals" in str(environment.render())
    assert GameEnvironment(Texas42()).render_mode is None
    with pytest.raises(BadInput, match="render mode 'human'"):
        env(Texas42(), render_mode="human")


def test_without_the_extra_it_says_what_to_install():
    program = "import sys; sys.modules['pettingzoo'] = None; import forge_core.pettingzoo"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "BadInput" in ran.stderr.splitlines()[-1]
    assert "pip install 'forge[pettingzoo]'" in ran.stderr.splitlines()[-1]


def test_a_game_needs_no_pettingzoo():
    program = "import sys; import forge_core.texas42.game; print({'pettingzoo', 'torch'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
