"""Fixtures shared by the tests: golden facts, solved deals, the command line, Dagster, pages in a browser."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

# Networks here are toys: a second thread costs more than it brings, and on a busy machine all.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no failure of a test: no example has a time limit.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("untimed")

GOLDEN = Path(__file__).parent / "golden"

# Who is started in the background by a shell ignores Ctrl-C, and so would the processes under test.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def forget_dead_instances():
    """Dagster keeps the last instance that was entered, also a closed one if fixtures ended out of order."""
    if "dagster" in sys.modules:
        from dagster._core.storage.defs_state.base import _current_storage

        storage = _current_storage.get()
        instance = getattr(storage, "_instance_weakref", None)
        if instance is not None and instance() is None:
            _current_storage.set(None)


@pytest.fixture(autouse=True)
def one_thread():
    """Let torch use one thread in each test: an earlier test may have trained with more."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture
def forge(capsys):
    """Run a command line in this process; return (exit status, standard output, standard error)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        from forge_core.cli.main import main

        status = main(arguments)
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def type_in(monkeypatch):
    """Give lines to the standard input of this process."""

    def give(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return give


@pytest.fixture(scope="session")
def golden_deals() -> list[dict]:
    """Return four solved deals: hands, decl, root V and Q, reachable states per ply."""
    return json.loads((GOLDEN / "oracle_deals.json").read_text())


@pytest.fixture(scope="session")
def golden_values() -> dict[str, np.ndarray]:
    """Return state, V and q (team 0's frame) of 500 states of each golden deal; `pair` is the deal."""
    with np.load(GOLDEN / "oracle_values.npz") as archive:
        return dict(archive)


@pytest.fixture(scope="session")
def golden_solutions(golden_deals):
    """Return the golden deals, solved on the CPU."""
    from forge_core.texas42.oracle import solve_many

    return list(
        solve_many([d["hands"] for d in golden_deals], [d["decl"] for d in golden_deals], device="cpu")
    )


@pytest.fixture(scope="session")
def small_solution(golden_solutions):
    """Return the golden deal with the fewest states (5.2 million), solved."""
    return min(golden_solutions, key=lambda solution: sum(solution.states_per_ply))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of an empty store and an empty Dagster home with the project's configuration."""
    from running import new_home

    return new_home(tmp_path)


@pytest.fixture
def instance():
    """Return a Dagster instance in memory, in which the universe has its partitions."""
    import dagster as dg

    from forge_assets.texas42.universe import grow_universe

    with dg.DagsterInstance.ephemeral() as instance:
        grow_universe(instance)
        yield instance


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of a store that is still empty."""
    return tmp_path / "store"


@pytest.fixture(scope="module")
def address(request):
    """Serve the page of a game, PAGE of the test module, and return its address."""
    from chromium import serving

    with serving(request.module.PAGE.files()) as address:
        yield address


@pytest.fixture
def browser(tmp_path):
    """Return a browser of a desktop's size, whose page must report no error."""
    from chromium import opened

    with opened(tmp_path) as browser:
        yield browser
