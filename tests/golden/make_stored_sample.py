"""Make `stored/sample.tar.xz`, a small sample of all that a user may have stored, and `stored/answers.json`.

The code of commit 970c2b0 made both, once, before its modules moved and its identifiers were renamed. Do not
run this with later code: the sample shows that later code reads what earlier code stored, and any code reads
what it has just written. For the files of a later version, add a second sample.

    git worktree add /tmp/forge-old 970c2b0
    PYTHONPATH=/tmp/forge-old python tests/golden/make_stored_sample.py      # ten minutes on two cores

The commands of that commit make everything: `forge`, `forge-pipeline` and `dagster`. Afterwards large parts
that no code reads are made small, and paths of the machine become paths below PLACE (tests/stored_sample.py).
Last, the same commit answers the questions of tests/sample_questions.py. Four answers were renewed since,
when E[Q] games became version q3 and hands were played out by another player: nothing_to_make, matches, gaps
and runs_again; gaps also names assets that are newer than the sample.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))
from sample_questions import QUESTIONS, ask
from stored_sample import ANSWERS, ARCHIVE, PLACE, environment, rewrite_all, unpack

MADE_BY = "970c2b0"
BIN = Path(sys.executable).parent
BUILD = Path("/tmp/forge-stored-sample")
STORE, RUNS = BUILD / "store", BUILD / "runs"
CODE = str(Path(PLACE).parent)
"""the folder of the code in the paths of the records"""

ROWS = "28"
"""states of a shard: one for each ply, which makes the smallest useful file"""
TINY = ("--layers", "1", "--heads", "1", "--width", "8", "--threads", "1")
TAUGHT = ("--device", "cpu", "--precision", "32", "--runs", RUNS)
"""precision 32, because every CPU has it: the runs can be resumed on any machine"""
BLOCK, SHARDS = "seeds_000000_000049", "blanks|seeds_000000_000049"


class Maker:
    """A runner of commands of the old code, which store everything in BUILD."""

    def __init__(self, code: Path) -> None:
        self.code = code
        self.environment = {**os.environ, **environment(BUILD), "PYTHONPATH": str(code)}

    def run(self, *command: object, fails: bool = False) -> None:
        """Run one command. It must succeed, or must fail if `fails`."""
        program, *arguments = map(str, command)
        print("$", program, *arguments, flush=True)
        done = subprocess.run([BIN / program, *arguments], cwd=self.code, env=self.environment)
        if bool(done.returncode) != fails:
            sys.exit(f"{program} ended with {done.returncode}")

    def materialize(
        self, asset: str, partition: str | None = None, fails: bool = False, **settings: object
    ) -> None:
        """Run one asset once, recorded by Dagster. settings: of the asset, and `device`."""
        which = ["--partition", partition] if partition else []
        config: dict[str, object] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        if device := settings.pop("device", None):
            config["resources"] = {"compute": {"config": {"device": device}}}
        if settings:
            config["ops"] = {asset: {"config": settings}}
        given = ("-m", "forge_assets.definitions", "--select", asset, *which)
        self.run("dagster", "asset", "materialize", *given, "--config-json", json.dumps(config), fails=fails)


def make_home(maker: Maker) -> None:
    """Make the home of Dagster, as the Makefile does."""
    (BUILD / "home").mkdir(parents=True)
    shutil.copy(maker.code / "dagster_home/dagster.yaml", BUILD / "home")
    maker.run("dagster", "instance", "concurrency", "set", "compute", "1")


def teach_first_networks(maker: Maker) -> None:
    """Train one network on live rows, and from it one on stored rows."""
    live = ("--live", *TINY, "--batch-size", "256", "--steps", "40", "--evaluate-every", "40")
    maker.run("forge-pipeline", "train", *live, *TAUGHT, "--name", "live")
    maker.run("forge", "shards", "--seeds", "0-49,900-949", "--rows", ROWS, "--out", STORE)
    maker.run("forge", "tokenize", "--rows", ROWS, "--split", "all", "--input", STORE, "--out", STORE)
    stored = ("--data", STORE, "--threads", "1", "--batch-size", "64")
    begun = ("--init-from", RUNS / "live/model", "--steps", "60", "--lr", "3e-3")
    maker.run("forge-pipeline", "train", *stored, *TAUGHT, *begun, "--name", "stored")


def turn_flywheel(maker: Maker) -> None:
    """Turn it twice, then put back the state before the second end, as if the process had died there."""
    taught = ("--lr", "3e-3", "--epochs", "2", "--batch-size", "64", "--threads", "1")
    drawn = ("--shard-rows", ROWS, "--rows", ROWS, "--golden-rows", "56")
    maker.run("forge-pipeline", "flywheel", "init", "--model", RUNS / "stored/model", *taught, *drawn)
    maker.run("forge-pipeline", "flywheel", "once")
    state = STORE / "flywheel/state.json"
    after_the_first = state.read_bytes()
    maker.run("forge-pipeline", "flywheel", "once")
    state.write_bytes(after_the_first)


def make_other_shards(maker: Maker) -> None:
    """Make marginalized shards, a backfill of more of them, and three small golden shards.

    The golden shards of the flywheel have 50,000 rows each, too many for a sample: they are deleted.
    """
    shutil.rmtree(STORE / "shards-golden")
    for partition in ("blanks|seed_000900", "sixes|seed_000901", "notrump|seed_000950"):
        maker.materialize("golden_shards", partition, rows=ROWS)
    maker.materialize("marginalized_shards", SHARDS, rows=ROWS, opponents=2)
    maker.run("forge-pipeline", "gaps", "--asset", "marginalized_shards", "--blocks", "0", "--mend")
    maker.materialize("shard_catalog")


def play_games(maker: Maker) -> None:
    """Play games by E[Q] and tokenize them; play one with other settings; let one run fail."""
    maker.materialize("eq_games", BLOCK, model="champion", oracle="model", worlds=4, pdf=False)
    maker.materialize("eq_token_splits", "val", fails=True)  # there are no games of val yet
    alike = ("--oracle", "model", "--model", RUNS / "stored/model", "--worlds", "4", "--no-pdf")
    maker.run("forge", "eq", "--seeds", "900-901,920-923", *alike, "--device", "cpu", "--out", STORE)
    unlike = ("--oracle", "hybrid", "--model", maker.code / "models/texas42-qvalue-73k", "--posterior")
    unlike += ("--adaptive", "--min-worlds", "10", "--max-worlds", "40", "--exploration", "boltzmann")
    unlike += ("--choose", "pmake", "--bid", "31", "--seed", "5")
    maker.run("forge", "eq", "--seeds", "7", *unlike, "--device", "cpu", "--out", BUILD / "other")
    maker.materialize("eq_catalog")
    for split in ("train", "val"):
        maker.materialize("eq_token_splits", split)


def teach_by_assets(maker: Maker) -> None:
    """Train a Stage-2 network, which becomes champion, and a policy network; export both."""
    few = {"layers": 1, "heads": 1, "width": 8, "steps": 40, "batch_size": 64, "evaluate_every": 20}
    few |= {"threads": 1, "precision": "32"}
    maker.materialize("eq_model", name="eq", **few)
    maker.materialize("eq_model_onnx")
    maker.materialize("champion", "eq", deals=100, margin=3.0)
    maker.materialize("oracle_model", "policy", name="policy", **few)
    maker.materialize("oracle_model_onnx", "policy")


def bid_and_match(maker: Maker) -> None:
    """Make bidding tables and matches."""
    maker.materialize("bidding_results", BLOCK, samples=5)
    players = ["random", "heuristic", "stage2:model=latest", "policy:model=latest,worlds=2"]
    maker.materialize("match_results", players=players, seeds="900-905", device="cpu")
    maker.run("forge", "match", "eq:worlds=3,oracle=exact", "heuristic", "--seeds", "0-2", "--out", STORE)


def stop_runs(maker: Maker) -> None:
    """Train both stages, once to the end and once only to the first evaluation."""
    short = ("--steps", "40", "--evaluate-every", "20", "--batch-size", "64", "--data", STORE, *TAUGHT)
    for stage, verb in (("1", "forge"), ("2", "forge-pipeline")):
        for name, more in ((f"whole-{stage}", ()), (f"stopped-{stage}", ("--minutes", "0.00001"))):
            maker.run(verb, "train", "--stage", stage, *TINY, *short, "--name", name, *more)


STEPS = (
    *(make_home, teach_first_networks, turn_flywheel, make_other_shards),
    *(play_games, teach_by_assets, bid_and_match, stop_runs),
)

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP6DwABBQECz6AuzQAAAABJRU5ErkJggg=="
)
"""a PNG of one white dot"""
_PICTURE = re.compile(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=]+")


def make_small(code: Path) -> None:
    """Remove logs, replace pictures by a dot, and replace the paths of this machine by paths below PLACE."""
    shutil.rmtree(BUILD / "home/storage", ignore_errors=True)  # the output of runs
    for path in BUILD.rglob("*.png"):
        path.write_bytes(DOT)
    dot = base64.b64encode(DOT).decode()
    places = {str(BUILD): PLACE, str(code): CODE, str(BIN.parent): f"{CODE}/.venv"}
    places |= {sys.base_prefix: "/usr", f"{socket.gethostname()}:": "host:"}

    def rewrite(text: str) -> str:
        for here, there in places.items():
            text = text.replace(here, there)
        return _PICTURE.sub(dot, text)

    rewrite_all(BUILD, rewrite, *places, "data:image/png")
    for path in BUILD.rglob("*.onnx"):  # names source files; the new paths must have the same length
        data = path.read_bytes()
        for here in (str(code), str(BIN.parent)):
            there = places[here].ljust(len(here), "/")
            assert len(there) == len(here), f"{here} is shorter than {there}: let the code lie elsewhere"
            data = data.replace(here.encode(), there.encode())
        path.write_bytes(data)
    for path in BUILD.rglob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("VACUUM")


def pack() -> None:
    """Write the archive."""
    ARCHIVE.parent.mkdir(exist_ok=True)
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for path in sorted(BUILD.rglob("*")):
            entry = archive.gettarinfo(path, str(path.relative_to(BUILD)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            if entry.isfile():
                with path.open("rb") as file:
                    archive.addfile(entry, file)


def answer() -> None:
    """Let the old code answer all questions; write one answer per line."""
    lines = []
    for name in QUESTIONS:
        with TemporaryDirectory() as folder:
            root = unpack(Path(folder))
            os.environ.update(environment(root))
            lines.append(f'"{name}": {json.dumps(ask(name, root))}')
    ANSWERS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main() -> None:
    """Make the sample and the answers."""
    import forge_core

    code = Path(forge_core.__file__).parent.parent
    asked = ["git", "-C", str(code), "rev-parse", "HEAD"]
    made_by = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    if not made_by.startswith(MADE_BY):
        sys.exit(f"{code} is at {made_by.strip()}: only {MADE_BY} may make this sample")
    shutil.rmtree(BUILD, ignore_errors=True)
    maker = Maker(code)
    for step in STEPS:
        step(maker)
    make_small(code)
    pack()
    answer()


if __name__ == "__main__":
    main()
