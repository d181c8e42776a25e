"""`make run`: what it says, and that it says something."""

from __future__ import annotations

import io
import time

from rich.console import Console

from forge_assets.quickstart import at_work, main


def test_the_quickstart_says_what_it_found_or_what_failed(tmp_path, monkeypatch, capsys):
    root = tmp_path / "store"
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("FORGE_STORE", str(root))
    monkeypatch.setattr("forge_assets.texas42.quickstart.BLOCKS", ())  # only the catalog
    for part in ("learn", "play", "bid", "compare"):
        monkeypatch.setattr(f"forge_assets.texas42.quickstart.{part}", lambda quickstart: None)
    monkeypatch.setattr("forge_assets.liuzhou.quickstart.make_all", lambda quickstart: None)
    monkeypatch.setattr("forge_assets.skull_king.quickstart.make_all", lambda quickstart: None)
    foreign = root / "shards-standard/train/notes.txt"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("hello")
    assert main() == 1
    assert "notes.txt' is not the name of a shard" in capsys.readouterr().out
    foreign.unlink()
    assert main() == 0
    assert "Content of the store" in capsys.readouterr().out


def test_a_step_of_the_quickstart_is_not_silent_for_long(monkeypatch):
    monkeypatch.setattr("forge_assets.quickstart.SILENCE", 0.01)
    text = io.StringIO()
    console = Console(file=text)
    with at_work(console, "a step: works [on]"):
        deadline = time.monotonic() + 20
        while text.getvalue().count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    said = text.getvalue()
    assert said.startswith("a step: works [on] (0 s)\n")
    with at_work(console, "a quick step"):
        pass
    assert "quick" not in text.getvalue()
