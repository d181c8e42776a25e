"""The structure of the code: file sizes, things that must stand once, and contracts that cover every
package."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GAMES = {"texas42", "liuzhou", "skull_king"}
MAX_LINES = 450


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def contract(name: str) -> dict:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(each for each in contracts if each["name"].startswith(name))


def rooms(package: str) -> set[str]:
    """Return the modules and packages directly in a package."""
    entries = (ROOT / package).iterdir()
    found = {entry.stem for entry in entries if entry.suffix == ".py" or (entry / "__init__.py").exists()}
    return found - {"__init__"}


def test_no_file_is_too_long():
    files = sources("forge_core", "forge_assets")
    long = {str(p.relative_to(ROOT)): n for p in files if (n := len(p.read_text().splitlines())) > MAX_LINES}
    assert not long


def test_every_room_below_the_games_is_held_to_know_none():
    name = "Modules shared by games do not depend on any game"
    held = {module.split(".")[1] for module in contract(name)["source_modules"]}
    assert rooms("forge_core") - GAMES - {"cli"} <= held


@pytest.mark.parametrize(
    "pattern, home",
    [
        (r"from rich.progress import", "forge_core/cli/screen.py"),
        (r"def picture\(", "forge_assets/pictures.py"),
        (r"savefig\(", "forge_core/pictures.py"),
    ],
    ids=["progress bar", "picture in metadata", "figure to PNG"],
)
def test_stands_once(pattern, home):
    found = {
        str(path.relative_to(ROOT))
        for path in sources("forge_core", "forge_assets")
        if re.search(pattern, path.read_text())
    }
    assert found == {home}


def stream_keys() -> set[str]:
    """Return all strings in the keys of streams that the code names."""
    calls = (
        node
        for path in sources("forge_core", "forge_assets", "benchmarks")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("stream")
    )
    parts = (part for call in calls for part in call.args if isinstance(part, ast.Constant))
    return {part.value for part in parts if isinstance(part.value, str)}


def test_the_conventions_name_every_stream():
    section = (ROOT / "docs/conventions.md").read_text().split("## Randomness")[1].split("\n## ")[0]
    named = set(re.findall(r'"([^"]+)"', section))
    assert stream_keys() == named


@pytest.mark.parametrize(
    "package, begins, ends",
    [
        ("forge_core", "## forge_core", "## A game"),
        *((f"forge_core/{game}", f"| `{game}` | contents |", "\n\n") for game in sorted(GAMES)),
        ("forge_assets", "## forge_assets", "\n## "),
    ],
)
def test_the_architecture_names_every_module(package, begins, ends):
    section = (ROOT / "docs/architecture.md").read_text().split(begins)[1].split(ends)[0]
    assert {room for room in rooms(package) if not re.search(rf"`{room}[/`]", section)} == set()


def texts(node: object) -> list[str]:
    """Return all strings in a JSON value."""
    if isinstance(node, dict):
        return [text for value in node.values() for text in texts(value)]
    if isinstance(node, list):
        return [text for value in node for text in texts(value)]
    return [node] if isinstance(node, str) else []


@pytest.mark.parametrize(
    "card", sorted((ROOT / "models").glob("*/model.json")), ids=lambda card: card.parent.name
)
def test_no_card_of_a_network_names_a_path_of_one_machine(card):
    """Give `forge train` relative paths when you train a network for models/; they are kept in its card."""
    assert [
        text for text in texts(json.loads(card.read_text())) if re.match(r"[/~\\]|\w:\\|file:", text)
    ] == []
