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


def test_every_network_that_comes_with_the_project_loads_as_its_readme_says():
    import forge_core.liuzhou
    import forge_core.skull_king
    import forge_core.texas42  # noqa: F401  (importing a game registers its networks)
    from forge_core.learning.checkpoints import load_model
    from forge_core.learning.networks.network import Network

    models = ROOT / "models"
    listed = set(re.findall(r"^\| `([^`]+)` \|", (models / "README.md").read_text(), re.MULTILINE))
    assert listed == {card.parent.name for card in models.glob("*/model.json")}
    for name in listed:
        assert isinstance(load_model(str(models / name), kind=Network), Network)
