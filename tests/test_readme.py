"""Tests of the README: its lines of Python, its links and its commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_eight_lines_of_python_run():
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    lines = [line for line in block.splitlines() if line.strip()]
    assert len(lines) == 8
    code = "\n".join(lines) + "\nassert solution.value == 4 and model.n_parameters > 200_000\n"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "positions solved" in done.stdout


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)\s]+)\)", document.read_text())
    inside = [link.split("#")[0] for link in links if not link.startswith(("http", "#"))]
    assert not [link for link in inside if not (document.parent / link).exists()]


def test_verbs_of_the_table_exist(forge):
    for line in re.findall(r"\| `\.venv/bin/forge ([^`]+)`", README):
        words = line.split()
        verb = words[:2] if words[0] in ("liuzhou", "skull-king") else words[:1]
        status, out, _ = forge(*verb, "--help")
        assert status == 0
        for option in re.findall(r"--[a-z-]+", line):
            assert option in out
