"""Settings: one dataclass makes both the options of a verb and the launchpad of an asset."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import dagster as dg
import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from forge_assets.settings import config_of
from forge_assets.texas42.flywheel import FlywheelSettings
from forge_core.cli.options import expand_settings
from forge_core.errors import BadInput
from forge_core.learning.labelled.settings import LiveTeachingSettings
from forge_core.liuzhou.settings.network import parse_size
from forge_core.liuzhou.settings.selfplay import SelfPlaySettings
from forge_core.liuzhou.settings.validation import ValidationSettings
from forge_core.settings import like, setting, settings_of
from forge_core.skull_king.settings.learning import LearningSettings


def read_rows(text: str) -> int | str:
    if text != "all" and not text.isdecimal():
        raise BadInput(f"rows {text!r}: use a number, or all")
    return text if text == "all" else int(text)


@dataclass(frozen=True, slots=True)
class Soup:
    """Settings of every type."""

    rows: int | Literal["all"] = setting(50, "Rows to draw; or all.", read=read_rows)
    size: str | None = setting(None, "A named size.", default_text="817k")
    taste: Literal["sweet", "sour"] = setting("sour", "What it tastes of.")
    side: Literal["bread", "rice"] | None = setting(None, "What comes with it.")
    spoons: int = setting(2, "Spoons.")
    heat: float | None = setting(None, "Heat.", metavar="C", default_text="by size")
    salted: bool = setting(False, "With salt.")
    warm: bool = setting(True, "Served warm.")


@dataclass(frozen=True, slots=True)
class LargeSoup(Soup):
    """More settings, one of them taken from another dataclass."""

    guests: int = setting(4, "Guests.")
    other_heat: float | None = like(Soup, "heat")


@pytest.fixture
def cook():
    """Call the verb with arguments; return the settings it was given, and Typer's result."""
    app, given = typer.Typer(), []

    @app.command()
    @expand_settings
    def cook(
        *,
        cook: Annotated[str, typer.Argument()],
        soup: LargeSoup,
        loud: Annotated[bool, typer.Option("--loud", help="Say more.")] = False,
    ) -> None:
        """Cook."""
        given.append((cook, soup, loud))

    def call(*arguments: str):
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
        return given[-1] if given else None, result

    return call


def test_without_options_the_defaults_are_those_of_the_dataclass(cook):
    assert cook("me")[0] == ("me", LargeSoup(), False)


def test_options_make_the_dataclass(cook):
    given, _ = cook(
        *("me", "--rows", "all", "--size", "73k", "--taste", "Sweet", "--side", "rice", "--spoons", "3"),
        *("--heat", "60.5", "--salted", "--no-warm", "--guests", "1", "--other-heat", "2", "--loud"),
    )
    soup = LargeSoup("all", "73k", "sweet", "rice", 3, 60.5, True, False, guests=1, other_heat=2.0)
    assert given == ("me", soup, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--rows", "few"), "rows 'few': use a number, or all"), (("--taste", "salty"), "use sweet or sour")],
)
def test_bad_values_are_bad_input(cook, arguments, message):
    given, result = cook("me", *arguments)
    assert given is None and isinstance(result.exception, BadInput) and message in str(result.exception)


def test_help_shows_words_and_defaults(cook):
    lines = [line.strip("│ ") for line in cook("--help")[1].stdout.splitlines()]
    found = {line.split()[0]: line for line in lines if line.startswith("--")}
    assert "N  " in found["--spoons"] and found["--spoons"].endswith("Spoons. [default: 2]")
    assert "NAME" in found["--size"] and found["--size"].endswith("A named size. [default: (817k)]")
    assert "C  " in found["--heat"] and found["--other-heat"].endswith("Heat. [default: (by size)]")
    assert found["--rows"].endswith("Rows to draw; or all. [default: 50]")
    assert "--no-warm" in found["--warm"] and "default" not in found["--salted"]


class Launchpad(config_of(LargeSoup, spoons=7)):
    """A launchpad with its own default and its own field."""

    kitchen: str = Field("here", description="where")


def test_a_launchpad_has_the_names_defaults_and_words_of_the_settings():
    fields = Launchpad.to_fields_dict()
    assert set(fields) == {"kitchen"} | {of.name for of in settings_of(LargeSoup)}
    assert fields["rows"].default_value == "50" and fields["spoons"].default_value == 7
    assert fields["size"].description == "A named size. Default: 817k."
    assert fields["taste"].config_type.config_values == ["sweet", "sour"]
    assert fields["warm"].default_value is True and fields["side"].default_value is None


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        (SelfPlaySettings, {"fast_sims": 0}, "fast-sims 0: use at least 1"),
        (parse_size, {"text": "4096x100"}, "size 4096x100: use a width of 1 to"),
        (LiveTeachingSettings, {"lr": float("nan")}, "lr nan: use a number above 0"),
        (FlywheelSettings, {"blocks": 0}, "blocks 0: use at least 1"),
        (FlywheelSettings, {"golden_rows": -1}, "golden-rows -1: use at least 1"),
    ],
)
def test_an_error_names_the_setting_as_it_is_typed(kind, wrong, said):
    with pytest.raises(BadInput, match=f"^{said}"):
        kind(**wrong)


def test_a_launchpad_gives_back_the_settings():
    assert Launchpad().settings() == LargeSoup(spoons=7)
    given = Launchpad(rows="all", size="73k", taste="sweet", side="rice", heat=60.5, salted=True, warm=False)
    soup = LargeSoup("all", "73k", "sweet", "rice", 7, 60.5, True, False)
    assert given.settings() == soup and Launchpad(rows="12").settings() == replace(LargeSoup(12), spoons=7)
    with pytest.raises(BadInput, match="use a number, or all"):
        Launchpad(rows="few").settings()


def test_an_asset_is_run_with_them():
    @dg.asset
    def soup(config: Launchpad) -> str:
        return f"{config.settings().guests} {config.kitchen}"

    config = {"ops": {"soup": {"config": {"guests": 9, "kitchen": "there"}}}}
    with dg.DagsterInstance.ephemeral() as instance:  # it must live until the output has been read
        result = dg.materialize([soup], instance=instance, run_config=config)
        assert result.output_for_node("soup") == "9 there"


# --- all assets and all verbs -------------------------------------------------------------------

VERBS = {
    "oracle_shards": "shards",
    "marginalized_shards": "shards",
    "golden_shards": "shards",
    "token_splits": "tokenize",
    "oracle_model": "train",
    "eq_model": "train",
    "one_hand_model": "train-one-hand",
    "self_play_model": "train-self-play",
    "oracle_model_evaluation": "evaluate",
    "eq_games": "eq",
    "bidding_results": "bid",
    "match_results": "match",
    "liuzhou_self_play": "liuzhou selfplay",
    "liuzhou_model": "liuzhou train",
    "liuzhou_evaluation": "liuzhou evaluate",
    "liuzhou_validation": "liuzhou validate",
    "skull_king_policy": "skull-king train",
    "skull_king_evaluation": "skull-king evaluate",
}
"""the verb that does what an asset does, where there is one"""
OTHER_ASSETS = {"oracle_model_onnx", "eq_model_onnx", "play_page"}
OTHER_ASSETS |= {"champion", "liuzhou_champion", "skull_king_champion"}
"""assets with settings and without such a verb"""
OF_THE_ASSET = {
    "oracle_shards": {"declarations"},
    "marginalized_shards": {"declarations"},
    "oracle_model_evaluation": {"model", "against"},
    "eq_games": {"model"},
    "bidding_results": {"model"},
    "match_results": {"players"},
    "liuzhou_self_play": {"model", "size", "film"},
    "liuzhou_model": {"name"},
    "liuzhou_evaluation": {"model"},
    "skull_king_policy": {"name", "minutes"},
    "skull_king_evaluation": {"model", "beside"},
}
"""what a verb has as an argument, or takes in another form: registered models, partitions"""
OTHER_DEFAULTS = {("eq_games", "oracle"): "hybrid"}
"""games for training are many: the solver alone would take too long"""
UNSET = {("skull_king_policy", of.name) for of in settings_of(LearningSettings)}
UNSET |= {("liuzhou_validation", of.name) for of in settings_of(ValidationSettings)}
"""settings that have no value in the launchpad until one is entered: the partition, or `quick`, decides it"""


def launchpads() -> dict[str, dict[str, dg.Field]]:
    """Return the fields of every launchpad, by the name of the op."""
    from forge_assets.definitions import defs

    found = {}
    for asset in defs.resolve_asset_graph().assets_defs:
        if asset.is_executable and (fields := getattr(asset.op.config_schema.config_type, "fields", None)):
            found[asset.op.name] = fields
    return found


@pytest.fixture(scope="module")
def options() -> dict[str, dict[str, typer.core.TyperOption]]:
    """Return the options of every verb, by name."""
    from forge_core.cli.app import app

    commands = typer.main.get_command(app).commands
    of_games = {
        f"{game} {name}": verb
        for game in ("liuzhou", "skull-king")
        for name, verb in commands[game].commands.items()
    }
    return {
        name: {option.name: option for option in verb.params} for name, verb in (commands | of_games).items()
    }


def test_every_asset_with_settings_is_compared_with_its_verb():
    assert set(launchpads()) == set(VERBS) | OTHER_ASSETS


@pytest.mark.parametrize("asset", VERBS)
def test_the_launchpad_and_the_help_show_the_same_settings(asset, options):
    fields, verb = launchpads()[asset], options[VERBS[asset]]
    shared = set(fields) - OF_THE_ASSET.get(asset, set())
    assert shared and shared <= set(verb)
    for name in shared:
        field, option = fields[name], verb[name]
        if (asset, name) in UNSET:
            assert (field.description, field.is_required) == (option.help, False), name
            continue
        default = f" Default: {option.show_default}." if isinstance(option.show_default, str) else ""
        assert field.description == option.help + default, name
        shown = OTHER_DEFAULTS.get((asset, name), option.default)
        assert str(field.default_value) == str(shown), name


def test_the_verbs_of_a_game_are_those_of_forge():
    from forge_core.cli.app import GAMES, app

    commands, games = typer.main.get_command(app).commands, {game.name for game in GAMES}
    assert set(commands["texas42"].commands) == set(commands) - games - {"doctor"}
    for name, command in commands["texas42"].commands.items():
        assert [p.name for p in command.params] == [p.name for p in commands[name].params]
