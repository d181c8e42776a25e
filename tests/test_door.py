"""`forge play`: one page from which each of the games is one click away."""

from __future__ import annotations

import sys

import pytest
from chromium import CHROMIUM, Chromium, serving

from forge_core.cli.app import GAMES
from forge_core.cli.main import main
from forge_core.web.pages import door_files
from forge_core.web.serve import content_of

PAGES = {game.name: game.page.load() for game in GAMES if game.page}
READY = {"texas42": "texas42", "liuzhou": "liuzhou", "skull-king": "skullKing"}
"""the variable that a page sets once it runs"""


def test_every_game_has_a_page():
    assert set(PAGES) == {game.name for game in GAMES} == set(READY)
    assert all(page.name == name for name, page in PAGES.items())


def test_each_game_lies_in_a_folder_of_its_own():
    files = door_files(list(PAGES.values()))
    for name, page in PAGES.items():
        own = {file.removeprefix(f"{name}/"): content for file, content in files.items() if name in file}
        assert set(own) == set(page.files())
        assert b"../index.html" in content_of(own["index.html"])
        assert b"../index.html" not in content_of(page.files()["index.html"])
        assert f'href="{name}/index.html"' in content_of(files["index.html"]).decode()
    assert b"$" not in content_of(files["index.html"])


def test_out_writes_all_games(tmp_path, capsys):
    assert main(["play", "--out", str(tmp_path)]) == 0
    written = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*") if file.is_file()}
    assert written == set(door_files(list(PAGES.values())))
    assert "index.html" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize(
    "options, file",
    [
        (["--seed", "7"], "texas42.wasm"),
        (["texas42", "--seed", "7"], "texas42.wasm"),
        (["liuzhou", "--side", "white"], "liuzhou.wasm"),
        (["skull-king", "--others", "hard"], "skull_king.wasm"),
    ],
)
def test_a_game_is_named_or_its_options_are(options, file, tmp_path):
    assert main(["play", *options, "--out", str(tmp_path)]) == 0
    assert (tmp_path / file).is_file()


@pytest.mark.parametrize(
    "options, words",
    [
        (["--seed", "7", "liuzhou"], "forge play liuzhou --seed"),
        (["liuzhou", "--decl", "sixes"], "--decl"),
        (["chess"], "chess"),
    ],
)
def test_bad_options_are_named(options, words, capsys):
    assert main(["play", *options]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None or sys.platform != "linux", reason="no Chromium")
def test_each_game_is_one_click_away(tmp_path):
    with serving(door_files(list(PAGES.values()))) as address, Chromium(tmp_path) as browser:
        browser.show_as(390, 844, is_phone=True)
        browser.open(address)
        for name, page in PAGES.items():
            # before the style has come, the link is elsewhere, and a click would miss it
            link = f"""document.querySelector('a[href="{name}/index.html"]')"""
            browser.wait_for(f"document.readyState === 'complete' && {link}")
            assert browser.evaluate("document.documentElement.scrollWidth") == 390
            browser.click(f'a[href="{name}/index.html"]')
            browser.wait_for(f"globalThis.{READY[name]} && location.hash.includes('seed=')")
            assert browser.evaluate("document.title") == page.title
            browser.click("#door")
        browser.wait_for("document.querySelector('nav')")
        assert not browser.errors
