"""Settings: one dataclass makes the options of a verb and the launchpad of an asset."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import dagster as dg
import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

from forge_assets.settings import config_of
from forge_core.cli.options import expand_settings
from forge_core.errors import BadInput
from forge_core.settings import like, setting, settings_of


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
    """More settings, and one that another dataclass has."""

    guests: int = setting(4, "Guests.")
    other_heat: float | None = like(Soup, "heat")


@pytest.fixture
def cook():
    """Calls the verb with arguments; what it was given, and the result of Typer."""
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
    """Of an asset with a default and a field of its own."""

    kitchen: str = Field("here", description="where")


def test_a_launchpad_has_the_names_defaults_and_words_of_the_settings():
    fields = Launchpad.to_fields_dict()
    assert set(fields) == {"kitchen"} | {of.name for of in settings_of(LargeSoup)}
    assert fields["rows"].default_value == "50" and fields["spoons"].default_value == 7
    assert fields["size"].description == "A named size. Default: 817k."
    assert fields["taste"].config_type.config_values == ["sweet", "sour"]
    assert fields["warm"].default_value is True and fields["side"].default_value is None


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
    assert dg.materialize([soup], run_config=config).output_for_node("soup") == "9 there"
