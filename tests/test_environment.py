"""Environment variables and folders of the user that cannot be used are named, with what to do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from forge_assets.flywheel.sensor import _usable_seconds, seconds_between_ticks
from forge_assets.resources import find_instance
from forge_core import kernels
from forge_core.cli.doctor import kernel_cache
from forge_core.errors import BadInput


def no_home() -> Path:
    """Raise the error of `Path.home` for a user without HOME and passwd entry."""
    raise RuntimeError("Could not determine home directory.")


def test_a_user_without_a_home_has_a_kernel_cache_if_one_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("FORGE_KERNEL_CACHE", str(tmp_path))
    assert kernels.cache_home() == tmp_path
    assert kernels.cache_folder.__wrapped__("ab" * 8) == tmp_path / ("ab" * 8)
    monkeypatch.setenv("FORGE_KERNEL_CACHE", " ")
    assert kernels.cache_home() is None
    assert kernel_cache() == {"folder": None, "files": 0, "bytes": 0}
    temporary = kernels.cache_folder.__wrapped__("ab" * 8)
    assert temporary.is_dir() and temporary.name.startswith("forge-kernels-")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert kernels.cache_home() == tmp_path / "cache" / "forge" / "kernels"


@pytest.mark.parametrize(("text", "seconds"), [("", 10), ("  ", 10), ("1", 1), (" 30 ", 30)])
def test_seconds_between_ticks(monkeypatch, text, seconds):
    monkeypatch.setenv("FORGE_FLYWHEEL_SECONDS", text)
    assert seconds_between_ticks() == _usable_seconds() == seconds


@pytest.mark.parametrize("text", ["10s", "0", "-1", "1.5", "1000000"])
def test_wrong_seconds_stop_no_definition_from_loading(monkeypatch, caplog, text):
    monkeypatch.setenv("FORGE_FLYWHEEL_SECONDS", text)
    with pytest.raises(BadInput, match=f"FORGE_FLYWHEEL_SECONDS.{{1,2}}{text}"):
        seconds_between_ticks()
    assert _usable_seconds() == 10
    assert "FORGE_FLYWHEEL_SECONDS" in caplog.text


def put(path: Path, data: bytes) -> None:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


NOISE = bytes(range(256)) * 20

HOMES = {
    "a broken dagster.yaml": (lambda home: put(home / "dagster.yaml", b"run_launcher: ["), "cannot use"),
    "a setting that does not exist": (lambda home: put(home / "dagster.yaml", b"nonsense: 3"), "nonsense"),
    "a broken database of runs": (lambda home: put(home / "history/runs.db", NOISE), "not a database"),
    "a broken database of events": (
        lambda home: put(home / "history/runs/index.db", NOISE),
        "not a database",
    ),
    "a broken database of schedules": (
        lambda home: put(home / "schedules/schedules.db", NOISE),
        "not a database",
    ),
    "a file in the place of a folder": (lambda home: put(home / "history", b""), "cannot use"),
}


@pytest.mark.parametrize("fault", HOMES)
def test_a_dagster_home_that_dagster_cannot_use(tmp_path, monkeypatch, fault):
    spoil, reason = HOMES[fault]
    spoil(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with pytest.raises(BadInput, match=reason) as caught:
        find_instance()
    message = str(caught.value)
    assert f"DAGSTER_HOME={tmp_path}" in message and "SQL" not in message and "\n" not in message


def test_a_dagster_home_that_is_relative_or_of_another_user(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", "home")
    with pytest.raises(BadInput, match=f"is relative: write its absolute path, {tmp_path}/home"):
        find_instance()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    put(tmp_path / "history/runs.db", b"")
    may = os.access
    for unwritable in (tmp_path, tmp_path / "history/runs.db"):
        with monkeypatch.context() as other:
            other.setattr(os, "access", lambda path, mode: path != str(unwritable) and may(path, mode))  # noqa: B023
            with pytest.raises(BadInput, match=f"{unwritable} cannot be written, and Dagster must"):
                find_instance()
