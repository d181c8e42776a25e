"""Small disks for tests: one that fills up quickly, one that is read-only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[Path]:
    """Mount an empty disk of `size` at the folder `at`; skip the test where mounting is not permitted."""
    at.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"a disk that is soon full takes the right to mount: {made.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@contextmanager
def read_only_view(of: Path, at: Path) -> Iterator[Path]:
    """Mount a read-only view of the folder `of` at the folder `at`."""
    at.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "--bind", str(of), str(at)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(at)], check=True)
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


def remount(at: Path, options: str) -> None:
    """Remount a small disk: `ro`, `rw` or another `size=`."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(at)], check=True)


def fill_up(disk: Path, leave: int) -> Path:
    """Write a file that leaves `leave` bytes of a disk free; remove it to free the rest."""
    ballast, block = disk / ".ballast", 1 << 16
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(block))
        except OSError:
            file.truncate(max(0, file.tell() - leave))
    return ballast
