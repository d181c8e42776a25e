"""The stored sample: one small archive of everything that a user may have stored with an earlier version.

`golden/make_stored_sample.py` made it. Records contain absolute paths; in the archive they begin with PLACE,
and `unpack` replaces PLACE by the folder that it unpacks to.
"""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

STORED = Path(__file__).parent / "golden/stored"
ARCHIVE, ANSWERS = STORED / "sample.tar.xz", STORED / "answers.json"
PLACE = "/srv/forge/sample"
"""the folder of the sample in the paths of its records"""
TEXTS = {".json", ".csv", ".md", ".yaml"}
"""suffixes of text files that may contain paths"""


def unpack(root: Path) -> Path:
    """Unpack into `root`: home/ (Dagster), store/, runs/, mlruns/ and a second store, other/. Return it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(root, filter="data")
    rewrite_all(root, lambda text: text.replace(PLACE, str(root)), PLACE)
    return root


def environment(root: Path) -> dict[str, str]:
    """Return the environment variables with which the commands find the sample in `root`."""
    return {
        "DAGSTER_HOME": f"{root}/home",
        "FORGE_STORE": f"{root}/store",
        "FORGE_RUNS": f"{root}/runs",
        "MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlruns/mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def rewrite_all(root: Path, rewrite: Callable[[str], str], *words: str) -> None:
    """Apply `rewrite` to every text that contains one of `words`: text files and the tables of databases."""
    for path in sorted(root.rglob("*")):
        if path.suffix in TEXTS:
            text = path.read_text()
            if any(word in text for word in words):
                path.write_text(rewrite(text))
        elif path.suffix == ".db" or path.name == ".db":
            rewrite_database(path, rewrite, *words)


def rewrite_database(path: Path, rewrite: Callable[[str], str], *words: str) -> None:
    """Do the same in the tables of one SQLite database."""
    with closing(sqlite3.connect(path)) as database, database:
        database.create_function("rewrite", 1, rewrite, deterministic=True)
        for table, column in text_columns(database):
            holds = " OR ".join(f"instr({column}, ?)" for _ in words)
            where = f"typeof({column}) = 'text' AND ({holds})"
            database.execute(f"UPDATE {table} SET {column} = rewrite({column}) WHERE {where}", words)


def text_columns(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Yield table and column, quoted, for each column of text."""
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for _, column, kind, *_ in database.execute(f'PRAGMA table_info("{table}")').fetchall():
            if kind.upper().startswith(("TEXT", "VARCHAR", "CLOB")):
                yield f'"{table}"', f'"{column}"'
