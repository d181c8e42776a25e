"""Hostile files that try to exhaust memory, run code or escape a folder: each is refused quickly, in one
sentence.

Each file is read in a separate process that may allocate half a gigabyte beyond its start.
"""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save
from toy_game import SPEC

from forge_core.files import Store, fingerprint
from forge_core.files.parquet import Unsound, open_parquet
from forge_core.learning.checkpoints import digest, save_model
from forge_core.learning.networks.sizes import ModelConfig
from forge_core.learning.networks.transformer import TokenTransformer
from forge_core.texas42.tokens.rows import STAGE1_SPEC

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parent.parent

READER = """
import json, resource, sys, time
from pathlib import Path
from forge_core.errors import ForgeError
from forge_core.files import Store
from forge_core.learning.checkpoints import load_model
from forge_core.learning.labelled.callbacks import Checkpoints
from forge_core.texas42.arena import Conditions
from forge_core.texas42.arena.boards import Seating, read_block
from forge_core.texas42.bidding.records import BiddingConfig, missing_seeds, read_table
from forge_core.texas42.eq.files import read_game, read_header as read_game_header
from forge_core.texas42.eq.splits import GameRowStore
from forge_core.texas42.oracle.shards import ShardKey, read_header, read_shard
from forge_core.texas42.players import parse_player
from forge_core.splits import Split
from forge_core.texas42.tokens.splits import TokenStore

key, anyone, bidding = ShardKey(0, 0), parse_player("random", "cpu", None), BiddingConfig()
readers = {
    "shard": lambda store: read_shard(store, key),
    "shard header": lambda store: read_header(store, key),
    "game": lambda store: read_game(store, key),
    "game header": lambda store: read_game_header(store, key),
    "table": lambda store: read_table(store, 0),
    "table header": lambda store: f"{missing_seeds(store, [0], bidding)} is to be made again",
    "board": lambda store: read_block(store, Seating(anyone, anyone, Conditions()), 900),
    "tokens": lambda store: TokenStore(store, Split.TRAIN).rows(),
    "games": lambda store: GameRowStore(store, Split.TRAIN).rows(),
    "model": lambda store: load_model(store.url),
    "checkpoint": lambda store: Checkpoints().load_checkpoint(store.path("last.ckpt")),
}
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + (1 << 29)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
for line in sys.stdin:
    what, place = json.loads(line)
    begun = time.process_time()
    try:
        said = str(readers[what](Store(place)))
    except ForgeError as error:
        said = f"{type(error).__name__}: {error}"
    print(json.dumps([said, time.process_time() - begun]), flush=True)
"""


@pytest.fixture(scope="module")
def read():
    """Read a file in a process with limited memory; return the reader's complaint within seconds."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": PROJECT}
    with subprocess.Popen([sys.executable, "-c", READER], **pipes) as process:

        def ask(what: str, place: Path) -> str:
            print(json.dumps([what, str(place)]), file=process.stdin, flush=True)
            said, seconds = json.loads(process.stdout.readline())
            assert seconds < 5, "it took too long"
            return said

        yield ask
        process.stdin.close()
        assert process.wait(60) == 0


# --- Parquet ----------------------------------------------------------------------------------


class Long(int):
    """A whole number of 64 bits."""


def whole(number: int) -> bytes:
    """Return the zigzag varint of a number."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)


def varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def struct(fields: dict) -> bytes:
    """Return Thrift's compact encoding, as far as footers and pages need it: numbers, bytes, structs and
    lists."""
    data, last = b"", 0
    for field, value in sorted(fields.items()):
        kind = {int: 5, Long: 6, bytes: 8, dict: 12, list: 9}[type(value)]
        step = field - last
        data += (bytes([step << 4 | kind]) if step < 16 else bytes([kind]) + whole(field)) + encoded(value)
        last = field
    return data + b"\0"


def encoded(value) -> bytes:
    if isinstance(value, int):
        return whole(value)
    if isinstance(value, bytes):
        return varint(len(value)) + value
    if isinstance(value, dict):
        return struct(value)
    kind = {int: 5, bytes: 8, dict: 12}[type(value[0])] if value else 12
    size = bytes([len(value) << 4 | kind]) if len(value) < 15 else bytes([0xF0 | kind]) + varint(len(value))
    return size + b"".join(map(encoded, value))


def parquet(footer: dict, body: bytes = b"") -> bytes:
    """Return a Parquet file with a given footer."""
    text = struct(footer)
    return b"PAR1" + body + text + len(text).to_bytes(4, "little") + b"PAR1"


ROOT = {4: b"schema", 5: 1}
STATE = {1: 2, 3: 0, 4: b"state"}
"""a column of int64, required"""


def column(at: int, size: int, values: int, unpacked: int | None = None) -> dict:
    """Return the part of a footer that describes a column's pages, compressed by zstd."""
    sizes = {5: Long(values), 6: Long(unpacked or size), 7: Long(size), 9: Long(at)}
    return {2: Long(at), 3: {1: 2, 2: [0], 3: [b"state"], 4: 6, **sizes}}


def footer(rows: int, *columns: dict, **more) -> dict:
    groups = [{1: [each], 2: Long(100), 3: Long(rows)} for each in columns]
    return {1: 2, 2: [ROOT, STATE], 3: Long(rows), 4: groups, **more}


def bomb(claimed_values: int = 1000, unpacked: int = 1 << 30) -> bytes:
    """Return a page of a few dozen kilobytes that unpacks to a gigabyte."""
    packed = pa.compress(bytes(unpacked), "zstd", asbytes=True)
    header = {1: 0, 2: unpacked, 3: len(packed), 5: {1: claimed_values, 2: 0, 3: 3, 4: 3}}
    page = struct(header) + packed
    return parquet(footer(1000, column(4, len(page), 1000)), page)


def long_run() -> bytes:
    """Return a short page that claims to hold two thousand million values."""
    body = pa.compress(bytes(8000), "zstd", asbytes=True)
    header = {1: 0, 2: 8000, 3: len(body), 5: {1: 2**31 - 1, 2: 0, 3: 3, 4: 3}}
    page = struct(header) + body
    return parquet(footer(1000, column(4, len(page), 1000)), page + bytes(1000))


def foreign_type(touch: Path) -> bytes:
    """Return a column of a Python type, which older versions of Arrow unpickled."""
    field = pa.field(
        "state",
        pa.int64(),
        metadata={
            "ARROW:extension:name": "arrow.py_extension_type",
            "ARROW:extension:metadata": pickle.dumps(Touch(touch)),
        },
    )
    sink = io.BytesIO()
    pq.write_table(pa.table([pa.array([1])], pa.schema([field])), sink)
    return sink.getvalue()


class Touch:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def many_row_groups(more: dict) -> dict:
    """Return a footer of 2,000 empty row groups."""
    return {**footer(0), 4: [{1: [], 2: Long(0), 3: Long(0)}] * 2_000, **more}


HOSTILE_PARQUET = {
    "a page that unpacks to a gigabyte": (bomb, "claims 1,073,741,824 bytes"),
    "a page of two thousand million values": (long_run, "for 2,147,483,647 values"),
    "2^60 rows": (lambda: parquet(footer(2**60, column(4, 10, 2**60))), "rows do not fit"),
    "2^60 rows of no column": (lambda: parquet(footer(2**60)), "rows do not fit"),
    "fewer rows than none": (lambda: parquet(footer(-1, column(4, 10, -1))), ""),
    "a column outside the file": (lambda: parquet(footer(5, column(2**50, 2**50, 5))), "outside the file"),
    "a column before the file": (lambda: parquet(footer(5, column(-(2**40), 10, 5))), ""),
    "pages that end nowhere": (lambda: parquet(footer(5, column(4, 3, 5)), b"\x15\x15\x15"), "truncated"),
    "a footer of two gigabytes": (lambda: b"PAR1" + bytes(99) + b"\xff\xff\xff\x7fPAR1", "footer claims"),
    "a million parts": (lambda: parquet({**footer(1), 4: [{1: [], 2: Long(0), 3: Long(0)}] * 100_000}), ""),
    "a schema without end": (
        lambda: parquet({**footer(1), 2: [{3: 0, 4: b"x", 5: 1}] * 900 + [STATE]}),
        "nested too deep",
    ),
    "many row groups below a schema without end": (
        lambda: parquet(many_row_groups({2: [{3: 0, 4: b"x", 5: 1}] * 9_000 + [STATE]})),
        "",
    ),
    "a second schema under a number that wraps around": (
        lambda: parquet(many_row_groups({65538: [{3: 0, 4: b"x", 5: 1}] * 9_000 + [STATE]})),
        "",
    ),
    "two million empty columns": (
        lambda: parquet({**footer(1), 4: [{1: [{}] * 1_000, 2: Long(0), 3: Long(0)}] * 2_000}),
        "too many parts",
    ),
    "a schema of more": (lambda: parquet({**footer(1), 2: [{3: 0, 4: b"x", 5: 1}] * 90_000}), ""),
    "a string of a gigabyte": (lambda: parquet(footer(1)).replace(b"schema", b"\xff\xff\xff"), ""),
    "nothing": (lambda: b"", "truncated"),
    "zeros": (lambda: bytes(1 << 20), "truncated"),
}
PLACES = {
    "shard": "train/seed_00000000_decl_0.parquet",
    "game": "train/seed_00000000_decl_0.parquet",
    "table": "train/seed_00000000.parquet",
}


@pytest.mark.parametrize("name", HOSTILE_PARQUET)
def test_a_hostile_parquet_file_is_refused(tmp_path, name):
    """The one function that opens all Parquet files refuses them; the next test covers memory as well."""
    data, reason = HOSTILE_PARQUET[name]
    with pytest.raises((Unsound, pa.ArrowException, OSError), match=reason):
        file = open_parquet(data())
        assert not file.metadata.num_row_groups and file.read().num_rows == 0, "it was opened"
        raise Unsound(reason)


FLIPPER = """
import sys
import numpy as np, pyarrow as pa
from forge_core.files.parquet import UNREADABLE, open_parquet, to_parquet

table = pa.table({"state": np.arange(50), "q": np.arange(50, dtype=np.int8)})
data = to_parquet(table, {"seed": "1"}, row_group=20)
end = len(data) - 8
refused = 0
for place in range(end - int.from_bytes(data[end:end + 4], "little"), end):
    for flip in (1, 2, 3, 4, 7, 28, 126, 255):
        damaged = bytearray(data)
        damaged[place] ^= flip
        try:
            open_parquet(bytes(damaged))
        except UNREADABLE:
            refused += 1
print(refused)
"""


def test_no_damaged_footer_takes_the_process_down():
    """pyarrow aborts on footers whose counts of levels do not fit their schema."""
    done = subprocess.run([sys.executable, "-c", FLIPPER], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000


@pytest.mark.parametrize("what", ["shard", "game", "table", "board"])
def test_every_reader_refuses_bombs_within_half_a_gigabyte(read, tmp_path, what):
    place = tmp_path / (PLACES[what] if what in PLACES else board_file(tmp_path))
    place.parent.mkdir(parents=True)
    for make, reason in (bomb, "claims 1,073,741,824"), (long_run, "2,147,483,647 values"):
        place.write_bytes(make())
        said = read(what, tmp_path)
        assert reason in said and str(place) in said and "move it away" in said and "\n" not in said
    place.write_bytes(parquet({**footer(1), 4: [{1: [], 2: Long(0), 3: Long(0)}] * 100_000}))
    assert str(place) in read(what if what == "board" else f"{what} header", tmp_path) or what == "table"
    place.write_bytes(foreign_type(tmp_path / "touched"))
    assert "FileForeign" in read(what, tmp_path) and not (tmp_path / "touched").exists()


def board_file(root: Path) -> str:
    from forge_core.texas42.arena import Conditions
    from forge_core.texas42.arena.boards import Seating, block_name
    from forge_core.texas42.players import parse_player

    anyone = parse_player("random", "cpu", None)
    folder = Seating(anyone, anyone, Conditions()).folder(Store(str(root)))
    return os.path.relpath(folder.path(block_name(900)), root)


# --- npy, manifests ---------------------------------------------------------------------------


def npy(header: str, body: bytes = b"", length: int | None = None) -> bytes:
    text = header.encode()
    return b"\x93NUMPY\x01\x00" + (length or len(text)).to_bytes(2, "little") + text + body


def hostile_arrays(touch: Path) -> dict[str, bytes]:
    objects = io.BytesIO()
    np.save(objects, np.array([Touch(touch)]), allow_pickle=True)
    return {
        "2^60 rows": npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1152921504606846976,)}\n"),
        "ten thousand million": npy("{'descr': '<i8', 'fortran_order': False, 'shape': (10000000000,)}\n"),
        "objects": objects.getvalue(),
        "a nested header": npy("[" * 9000),
        "a call": npy(f"__import__('os').system('touch {touch}')"),
        "a long header": npy("{'descr': '<i8', 'fortran_order': False, 'shape': ()}" + " " * 60_000),
        "a cut header": npy("{", length=65_000),
        "less than none": npy("{'descr': '<i8', 'fortran_order': False, 'shape': (-1,)}\n"),
        "nothing": b"",
    }


def manifest(folder: Path, spec, version: str, files: list[dict], rows: int, **config) -> None:
    """Return a manifest that is consistent with itself."""
    hashes = [[file["name"], file["hash"]] for file in files]
    record = {
        "version": version,
        "split": "train",
        "spec": spec.to_dict(),
        "config": config,
        "rows": rows,
        "hash": fingerprint({"encoder": spec.version, "files": hashes}),
        "files": files,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text(json.dumps(record))


def token_manifest(folder: Path, name: str, data: bytes) -> None:
    from forge_core.files.row_store import hash_of
    from forge_core.texas42.tokens.splits import TOKENS_VERSION

    shard = "seed_00000000_decl_0.parquet"
    file = {"name": name, "shard": shard, "source": "0" * 16, "rows": 10, "hash": hash_of(data)}
    manifest(folder, STAGE1_SPEC, TOKENS_VERSION, [file], 10)


def game_manifest(folder: Path, name: str, data: bytes) -> None:
    from forge_core.files.row_store import hash_of
    from forge_core.texas42.eq.splits import GAME_ROWS_VERSION
    from forge_core.texas42.tokens.inferences import STAGE2_SPEC

    file = {"name": name, "first_seed": 0, "games": 1, "settings": {}, "rows": 28, "hash": hash_of(data)}
    manifest(folder, STAGE2_SPEC, GAME_ROWS_VERSION, [file], 28)


STAGES = {"tokens": ("tokenized", token_manifest), "games": ("tokenized-eq", game_manifest)}


@pytest.mark.parametrize("what", STAGES)
def test_arrays_that_a_manifest_vouches_for_are_refused_all_the_same(read, tmp_path, what):
    name, write = STAGES[what]
    for number, (kind, data) in enumerate(hostile_arrays(tmp_path / "touched").items()):
        folder = tmp_path / str(number) / name / "train"
        write(folder, "x.0123456789abcdef.npy", data)
        (folder / "x.0123456789abcdef.npy").write_bytes(data)
        said = read(what, tmp_path / str(number))
        assert "x.0123456789abcdef.npy is damaged" in said and "run forge tokenize" in said, kind
    assert not (tmp_path / "touched").exists()


def refusal(what: str, place: Path) -> str:
    from forge_core.errors import BadInput
    from forge_core.splits import Split
    from forge_core.texas42.eq.splits import GameRowStore
    from forge_core.texas42.tokens.splits import TokenStore

    with pytest.raises(BadInput) as caught:
        (TokenStore if what == "tokens" else GameRowStore)(Store(str(place)), Split.TRAIN).rows()
    return str(caught.value)


@pytest.mark.parametrize("what", STAGES)
@pytest.mark.parametrize("name", ["../../x.npy", "/etc/passwd", "a/b.npy", ".x.npy", "x.npy\n", "", "x"])
def test_no_manifest_leads_out_of_its_folder(tmp_path, what, name):
    below, write = STAGES[what]
    write(tmp_path / below / "train", name, b"secret")
    (tmp_path / "x.npy").write_bytes(b"secret")
    assert "is not a valid manifest" in refusal(what, tmp_path)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"rows": ' + "9" * 10_000 + "}", "[]", "7", "\0", ""])
def test_json_of_any_kind_is_refused_where_a_record_belongs(tmp_path, text):
    from forge_assets.texas42.networks import finished
    from forge_assets.tracking.errors import TrackerUnusable
    from forge_assets.tracking.tracker import Tracker
    from forge_assets.training_runs import PlannedRun
    from forge_core.errors import BadInput
    from forge_core.learning.checkpoints import load_model, weights_digest
    from forge_core.learning.runs import read_run

    for below, _ in STAGES.values():
        (tmp_path / below / "train").mkdir(parents=True)
        (tmp_path / below / "train" / "manifest.json").write_text(text)
    assert all("is not a valid manifest" in refusal(what, tmp_path) for what in STAGES)
    for name in ("config.json", "result.json", "tracking.json", "model.json"):
        (tmp_path / name).write_text(text)
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(BadInput, match=r"config\.json is damaged"):
        read_run(tmp_path)
    with pytest.raises(BadInput, match=r"model\.json is not a valid model card"):
        load_model(str(tmp_path))
    with pytest.raises(TrackerUnusable, match=r"tracking\.json is damaged"):
        Tracker(uri=f"sqlite:///{tmp_path}/x.db").reopen(tmp_path)
    assert finished(PlannedRun(tmp_path, {})) is None and weights_digest(str(tmp_path)) is None


# --- models, checkpoints ----------------------------------------------------------------------


def test_a_card_that_asks_for_more_than_its_file_holds_makes_no_room(read, tmp_path):
    save_model(str(tmp_path), TokenTransformer(SPEC, ModelConfig(16, 1, 2, 32)))
    card = json.loads((tmp_path / "model.json").read_text())
    for change in (
        {"config": {**card["config"], "width": 10**6, "heads": 2}},
        {"config": {**card["config"], "layers": 10**9}},
        {"config": {**card["config"], "hidden": 10**12}},
        {"spec": {**card["spec"], "vocabularies": [10**12, 3, 2]}},
    ):
        (tmp_path / "model.json").write_text(json.dumps({**card, **change}))
        assert "has at least" in read("model", tmp_path)


@pytest.mark.parametrize("length", [2**63 - 1, 2**40, 10**8])
def test_weights_whose_header_is_longer_than_the_file(read, tmp_path, length):
    save_model(str(tmp_path), TokenTransformer(SPEC, ModelConfig(16, 1, 2, 32)))
    huge = {"x": torch.zeros(3)}
    data = length.to_bytes(8, "little") + save(huge)[8:]
    (tmp_path / "model.safetensors").write_bytes(data)
    card = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps({**card, "weights": digest(data)}))
    assert "is not a valid safetensors file" in read("model", tmp_path)


def checkpoints(touch: Path) -> dict[str, tuple[bytes, str]]:
    pickled, plain, inside, packed = io.BytesIO(), pickle.dumps(Touch(touch)), io.BytesIO(), io.BytesIO()
    torch.save({"state_dict": Touch(touch)}, pickled)
    torch.save({"state_dict": Touch(touch)}, inside, _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(1 << 30))
    other = io.BytesIO()
    torch.save({"weights": torch.zeros(3)}, other)
    return {
        "a pickle in an archive": (pickled.getvalue(), "UnpicklingError"),
        "a pickle": (plain, "not an archive"),
        "a pickle of the older kind": (inside.getvalue(), "not an archive"),
        "an archive that unpacks to a gigabyte": (packed.getvalue(), "more bytes than it has"),
        "something else": (other.getvalue(), "lacks part"),
        "a cut one": (pickled.getvalue()[:-100], "not an archive"),
        "nothing": (b"", "not an archive"),
    }


def test_a_hostile_checkpoint_is_not_gone_on_from(read, tmp_path):
    for kind, (data, reason) in checkpoints(tmp_path / "touched").items():
        (tmp_path / "last.ckpt").write_bytes(data)
        said = read("checkpoint", tmp_path)
        assert "last.ckpt is not a valid checkpoint" in said and reason in said and "init_from" in said, kind
    assert not (tmp_path / "touched").exists()


# --- what nobody may add ----------------------------------------------------------------------


def test_nothing_here_unpickles_or_runs_what_it_reads():
    """Nothing unpickles or runs its input: covers what ruff's rules (pickle, marshal, eval, exec, yaml) do
    not."""
    for package in ("forge_core", "forge_assets", "benchmarks"):
        for path in sorted((PROJECT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                called = ast.unparse(node.func)
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                where = f"{path.relative_to(PROJECT)}:{node.lineno}: {called}"
                assert given.get("allow_pickle", "False") == "False", where
                if called in ("torch.load", "pl.Trainer.fit") or called.endswith(".load_from_checkpoint"):
                    assert given.get("weights_only") == "True", f"{where}: say weights_only=True"
                if called.endswith("np.load") and package != "benchmarks":
                    raise AssertionError(f"{where}: use forge_core.files.arrays.read_array")
                assert called not in ("joblib.load", "torch.jit.load", "torch.package.PackageImporter"), where


def test_ruff_refuses_what_it_has_rules_for(tmp_path):
    unsafe = tmp_path / "unsafe.py"
    unsafe.write_text(
        '"""Unsafe."""\n\nimport marshal\nimport pickle\n\nimport yaml\n\n'
        "pickle.loads(b'')\nmarshal.loads(b'')\neval('')\nexec('')\nyaml.load('')\n"
    )
    ruff = [str(Path(sys.executable).with_name("ruff")), "check", "--config", str(PROJECT / "pyproject.toml")]
    found = subprocess.run([*ruff, "--output-format", "concise", str(unsafe)], capture_output=True, text=True)
    assert {rule for rule in ("S301", "S302", "S307", "S102", "S506") if rule in found.stdout} == {
        "S301",
        "S302",
        "S307",
        "S102",
        "S506",
    }
