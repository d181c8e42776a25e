"""`forge`: the answers of each verb, refusals, and interruption."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_core.cli.screen import notes, screen, seconds_text, size_text, table
from forge_core.errors import BadInput
from forge_core.ranges import parse_blocks, parse_seeds, ranges_text
from forge_core.texas42.deals import deal_from_seed, deal_with_fixed_hand, marginalized_deal
from forge_core.texas42.dominoes import PIPS

VERBS = (
    "deal",
    "solve",
    "shards",
    "tokens-export",
    "view",
    "match",
    "tournament",
    "pictures",
    "bid",
    "bid-tables",
    "train-one-hand",
    "train-self-play",
    "investigate",
    "convergence",
    "doctor",
    "bench",
)
HEAVY = ("numpy", "numba", "llvmlite", "torch", "pyarrow", "fsspec", "matplotlib", "dagster")
HAND = "6-6,6-5,6-4,6-3,6-2,6-1,6-0"
IDS = [21, 22, 23, 24, 25, 26, 27]


@pytest.fixture
def answer(forge):
    """Run a command line with --json and return its answer."""

    def run(*arguments: str, status: int = 0) -> dict:
        got, out, err = forge(*arguments, "--json")
        assert (got, err) == (status, "")
        return json.loads(out)

    return run


def start(*arguments: str, **options) -> subprocess.Popen:
    """Start `forge` in a separate process."""
    script = "import sys; from forge_core.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


# --- help -------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy():
    script = (
        "import sys; from forge_core.cli.main import main\n"
        f"for verb in {VERBS}: assert main([verb, '--help']) == 0\n"
        "assert main(['--help']) == 0\n"
        f"heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_forge_alone_lists_its_verbs(forge, arguments):
    status, out, err = forge(*arguments)
    assert (status, err) == (0, "")
    assert all(verb in out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(forge, verb):
    status, out, err = forge(verb, "--help")
    assert (status, err) == (0, "")
    assert f"forge {verb}" in out
    assert "--json" in out
    assert "<bool>" not in out, "a switch takes no value"


def test_the_version(forge):
    status, out, _ = forge("--version")
    assert status == 0
    assert re.fullmatch(r"forge \d+\.\d+\.\d+\S*\n", out)


# --- deal -------------------------------------------------------------------------------------


def test_a_deal_by_seed_hand_or_opponent(answer):
    assert answer("deal", "--seed", "7")["hands"] == deal_from_seed(7)
    assert answer("deal", "--seed", "7", "--opponent", "2")["hands"] == marginalized_deal(7, 2)
    assert answer("deal", "--seed", "7", "--hand", HAND)["hands"] == deal_with_fixed_hand(IDS, 7)
    assert answer("deal", "--hand", HAND)["dominoes"][0] == HAND.split(",")


def test_a_deal_knows_its_split(answer):
    splits = [answer("deal", "--seed", seed)["split"] for seed in ("899", "900", "950")]
    assert splits == ["train", "val", "test"]
    assert answer("deal", "--hand", HAND)["split"] is None


def test_the_picture_shows_every_domino_once(forge):
    _, out, _ = forge("deal", "--seed", "7")
    lines = out.splitlines()
    shown = []
    for line in lines:  # seats 1 and 3: one domino lying in each row
        shown += re.findall(r"│ (\d) │ (\d) │", f"{line[:9]} {line[62:71]}")
    for top in (1, 11):  # seats 2 and 0: the upper halves in one row, the lower ones below
        high, low = (re.findall(r"\d", lines[row][17:58]) for row in (top + 1, top + 3))
        shown += zip(high, low, strict=True)
    assert sorted((int(high), int(low)) for high, low in shown) == list(PIPS)
    assert max(map(len, lines)) < 80
    assert len(lines) < 24


def test_the_picture_frames_what_is_called(forge):
    _, plain, _ = forge("deal", "--seed", "7")
    _, sixes, _ = forge("deal", "--seed", "7", "--decl", "sixes")
    assert "║" not in plain
    assert sixes.count("║ 6") == 7 + 1  # each of the seven, and the second half of 6-6
    assert "sixes are trumps" in sixes


def test_the_picture_without_unicode():
    done = subprocess.run(
        [sys.executable, "-c", "from forge_core.cli.main import main; main(['deal', '--decl', '6'])"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.returncode == 0
    text = done.stdout.decode("ascii")
    assert "?" not in text
    assert "# 6 #" in text


# --- solve ------------------------------------------------------------------------------------


def test_a_solution_is_the_golden_one(answer, golden_deals):
    golden = min(golden_deals, key=lambda deal: deal["n_states"])
    found = answer("solve", "--seed", str(golden["seed"]), "--decl", str(golden["decl"]), "--device", "cpu")
    assert (found["value"], found["q"]) == (golden["root_V"], golden["root_q"])
    assert found["states_per_ply"] == golden["level_sizes_by_ply"]
    assert found["hands"] == golden["hands"]
    assert found["device"] == "cpu"
    assert sum(found["points"].values()) == 42


@pytest.mark.parametrize("leader", ["0", "1"])
def test_leads_are_ranked_for_the_team_that_leads(answer, leader):
    found = answer("solve", "--seed", "5", "--decl", "notrump", "--leader", leader, "--device", "cpu")
    behind = [lead["gives_away"] for lead in found["leads"]]
    assert behind == sorted(behind)
    assert behind[0] == 0
    sign = 1 if leader == "0" else -1
    assert all(2 * lead["gives_away"] == sign * (found["value"] - lead["q"]) for lead in found["leads"])


def test_a_solution_in_words(forge):
    status, out, err = forge("solve", "--seed", "1", "--decl", "ones", "--device", "cpu")
    assert (status, err) == (0, "")
    assert "team 0 (seats 0 and 2) takes 40 points and team 1 takes 2: V = +38" in out
    assert re.search(r"4-0 +\+38 +40 +2 +best", out)
    assert out.count("best") == 1
    assert "5,181,785 states" in out


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("dael", "No such command"),
        ("--nonsense", "No such option"),
        ("deal 7", "unexpected extra argument"),
        ("deal --sed 7", "No such option"),
        ("deal --seed", "requires an argument"),
        ("deal --seed -1", "seed '-1'"),
        ("deal --seed seven", "'seven'"),
        ("deal --seed 1.5", "'1.5'"),
        ("deal --opponent -1", "opponent '-1'"),
        ("deal --decl sevens", "unknown declaration 'sevens'"),
        ("deal --decl 10", "unknown declaration '10'"),
        (f"deal --hand {HAND},5-5", "hand of 8"),
        ("deal --hand 6-6", "hand of 1 "),
        ("deal --hand 6-6,6-6,6-4,6-3,6-2,6-1,6-0", "6-6 appears twice"),
        ("deal --hand 7-7,6-5,6-4,6-3,6-2,6-1,6-0", "'7-7' is not a domino"),
        (f"deal --hand {HAND} --opponent 1", "--hand and --opponent"),
        ("solve", "--decl"),
        ("solve --decl 6 --leader 4", "leader 4"),
        ("solve --decl 6 --leader west", "'west'"),
        ("solve --decl 6 --device tpu", "unknown device 'tpu'"),
        ("solve --decl 6 --device cuda:99", "'cuda:99'"),
        ("shards --seeds 0-9", "--out"),
        ("shards --out x", "--seeds"),
        ("shards --out x --seeds 9-0", "write 0-9"),
        ("shards --out x --seeds ten", "'ten'"),
        ("shards --out x --seeds 1,,2", "'1,,2'"),
        ("shards --out x --seeds -5", "'-5'"),
        ("shards --out x --seeds 0-99999999999", "more than"),
        ("shards --out x --seeds 0 --rows 0", "0"),
        ("shards --out x --seeds 0 --rows many", "many"),
        ("shards --out x --seeds 0 --decl some", "unknown declaration 'some'"),
        ("shards --out x --seeds 0 --opponents 2", "--marginalized"),
        ("shards --out x --seeds 0 --marginalized --opponents 0", "opponents 0"),
        ("shards --out x --seeds 0 --workers 0", "workers 0"),
        ("shards --out x --seeds 0 --sample-seed x", "sample_seed"),
        ("shards --out x --seeds 0 --device cuda:99", "'cuda:99'"),
        ("shards --out nowhere://x --seeds 0", "nowhere"),
        ("shards --out memory://x --seeds 0", "gone when this command ends"),
        ("shards --out x --seeds 0 --marginalized --opponents 1001", "use 1 to 1,000"),
        ("shards --out x --seeds 0-9999 --decl all --marginalized --opponents 1000", "more than 10,000,000"),
        ("doctor --store nowhere://x", "nowhere"),
        ("doctor --store /no/such/folder", "the folder /no/such/folder does not exist"),
        ("bench", "SUBJECT"),
        ("bench speed", "there is no benchmark 'speed'"),
        ("bench solver --seeds x", "'x'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(forge, tmp_path, monkeypatch, line, complaint):
    monkeypatch.chdir(tmp_path)
    status, out, err = forge(*line.split())
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("forge: ")
    assert complaint in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "line",
    [
        "deal --seed",
        "deal --opponent",
        "solve --decl 6 --leader",
        "shards --out x --seeds",
        "shards --out x --seeds 0 --rows",
        "shards --out x --seeds 0 --sample-seed",
        "shards --out x --seeds 0 --workers",
        "shards --out x --seeds 0 --marginalized --opponents",
        "evaluate model --rows",
    ],
)
def test_a_number_of_many_digits_is_not_repeated_whole(forge, line):
    status, _, err = forge(*line.split(), "7" * 5000)
    assert status == 2
    assert "7" * 20 + "..." in err
    assert len(err) < 200


@pytest.mark.parametrize("line", ["shards --seeds 0 --out", "doctor --store"])
def test_an_empty_place_is_not_the_folder_one_is_in(forge, line):
    status, out, err = forge(*line.split(), "")
    assert (status, out) == (2, "")
    assert "is empty" in err


def test_cuda_asked_for_and_absent_is_no_silent_cpu(forge, monkeypatch):
    monkeypatch.setattr("forge_core.device.cuda_device_count", lambda: 0)
    status, _, err = forge("solve", "--decl", "6", "--device", "cuda")
    assert status == 2
    assert err == "forge: device 'cuda': this machine has no CUDA device; use auto or cpu\n"


def test_a_store_that_cannot_be_written(forge, tmp_path):
    (tmp_path / "file").write_text("in the way")
    status, out, err = forge("shards", "--seeds", "0-3", "--out", str(tmp_path / "file"))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert str(tmp_path / "file") in err


def test_a_bug_is_one_line_that_says_how_to_see_it(forge, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("forge_core.texas42.deals.deal_from_seed", broken)
    monkeypatch.delenv("FORGE_DEBUG", raising=False)
    status, _, err = forge("deal")
    assert status == 1
    bug = "this is a bug: ZeroDivisionError: two lines"
    assert err == f"forge: {bug}; run it again with FORGE_DEBUG=1 to see where\n"
    monkeypatch.setenv("FORGE_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        forge("deal")


def test_a_reader_that_leaves_early_is_no_error():
    forge = start("deal", "--json")
    forge.stdout.close()
    assert forge.stderr.read() == ""
    assert forge.wait(30) != 2


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("to", [">/dev/full", ">&-"])
@pytest.mark.parametrize("line", ["deal", "deal --json"])
def test_output_that_cannot_be_written_is_no_bug(line, to):
    script = "import sys; from forge_core.cli.main import main; sys.exit(main())"
    command = ["sh", "-c", f'"$0" -c "$1" {line} {to}', sys.executable, script]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("forge: cannot write the output: ")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_is_never_silent(forge, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("forge_core.texas42.oracle.solve", interrupted)
    assert forge("solve", "--decl", "6") == (130, "", "forge: stopped\n")


@pytest.mark.parametrize("module", ["typer", "forge_core.texas42.cli.deal", "numpy"])
def test_ctrl_c_during_an_import_is_one_line(module):
    script = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from forge_core.cli.main import main\n"
        "sys.exit(main(['deal']))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "forge: stopped\n")


# --- shards -----------------------------------------------------------------------------------

SHARDS = ("--rows", "2000", "--device", "cpu")


def files_below(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_shards_fill_gaps_only(forge, answer, tmp_path):
    arguments = ("shards", "--seeds", "0-1,900,950", "--out", str(tmp_path), *SHARDS)
    plan = answer(*arguments, "--dry-run")
    assert len(plan["missing"]) == plan["wanted"] == 4
    assert plan["replaced"] == 0
    assert not files_below(tmp_path)

    first = answer(*arguments)
    assert (first["made"], first["there"], first["failed"], first["stopped"]) == (4, 0, {}, False)
    assert first["rows"] == 8000
    files = files_below(tmp_path)
    assert set(files) == {
        "shards-standard/train/seed_00000000_decl_0.parquet",
        "shards-standard/train/seed_00000001_decl_1.parquet",
        "shards-standard/val/seed_00000900_decl_0.parquet",
        "shards-standard/test/seed_00000950_decl_0.parquet",
    }
    assert first["bytes"] == sum(map(len, files.values()))

    (tmp_path / "shards-standard/val/seed_00000900_decl_0.parquet").unlink()
    assert answer(*arguments, "--dry-run")["missing"] == ["val/seed_00000900_decl_0.parquet"]
    second = answer(*arguments)
    assert (second["made"], second["there"]) == (1, 3)
    assert files_below(tmp_path) == files  # the same bytes

    status, out, err = forge(*arguments)
    assert (status, err) == (0, "")
    assert "0 made, 4 kept, 0 failed" in out
    plan = answer(*arguments, "--rows", "1000", "--dry-run")
    assert (len(plan["missing"]), plan["replaced"]) == (4, 4)
    third = answer(*arguments, "--rows", "1000")
    assert (third["made"], third["replaced"]) == (4, 4)


def test_damaged_rows_are_found_by_verifying(answer, tmp_path):
    arguments = ("shards", "--seeds", "1", "--out", str(tmp_path), *SHARDS)
    answer(*arguments)
    (shard,) = tmp_path.rglob("*.parquet")
    sound = shard.read_bytes()
    shard.write_bytes(sound[:200] + bytes(8 * [255]) + sound[208:])
    assert answer(*arguments, "--dry-run")["missing"] == []
    assert not answer("doctor", "--store", str(tmp_path))["store"]["faults"]
    assert len(answer("doctor", "--store", str(tmp_path), "--verify", status=1)["store"]["faults"]) == 1
    assert answer(*arguments, "--verify")["made"] == 1
    assert shard.read_bytes() == sound


def test_marginalized_shards(answer, tmp_path):
    arguments = ("shards", "--seeds", "6", "--marginalized", "--out", str(tmp_path), "--dry-run")
    assert answer(*arguments)["missing"] == [f"train/seed_00000006_opp{k}_decl_6.parquet" for k in range(3)]
    assert answer(*arguments, "--opponents", "1", "--decl", "notrump")["missing"] == [
        "train/seed_00000006_opp0_decl_9.parquet"
    ]
    assert answer(*arguments)["store"] == str(tmp_path / "shards-marginalized")


def test_declarations_of_shards(answer, tmp_path):
    arguments = ("shards", "--seeds", "5", "--out", str(tmp_path), "--dry-run")
    assert answer(*arguments)["missing"] == ["train/seed_00000005_decl_5.parquet"]
    assert answer(*arguments, "--decl", "9")["missing"] == ["train/seed_00000005_decl_9.parquet"]
    assert len(answer(*arguments, "--decl", "all")["missing"]) == 10


def test_a_deal_that_fails_is_said_and_the_others_are_made(forge, tmp_path, monkeypatch):
    from forge_core.texas42.oracle import shards

    def failing(store, keys, config, **options):
        for report in real(store, keys, config, **options):
            bad = report.key.seed == 1
            yield replace(report, made=not bad, error="the reason" if bad else None)

    from dataclasses import replace

    real = shards.fill_shards
    monkeypatch.setattr(shards, "fill_shards", failing)
    status, out, err = forge("shards", "--seeds", "0-1", "--out", str(tmp_path), *SHARDS)
    assert status == 1
    assert "1 made, 0 kept, 1 failed" in out
    assert err == "forge: seed_00000001_decl_1.parquet: the reason\n"


def test_a_store_that_is_full_is_for_the_user_to_mend(forge, tmp_path, monkeypatch):
    from forge_core.errors import StoreUnusable
    from forge_core.files import Store

    def full(store, name, data):
        if name.endswith(".parquet"):
            raise StoreUnusable(f"cannot write {store.path(name)}: no space; free some")

    monkeypatch.setattr(Store, "write", full)
    monkeypatch.setattr(Store, "delete", lambda store, name: None)
    status, out, err = forge("shards", "--seeds", "0-1", "--out", str(tmp_path), *SHARDS)
    assert status == 2 and "0 made, 0 kept, 2 failed" in out and err.count("no space; free some") == 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_finishes_what_is_being_written(answer, tmp_path):
    arguments = ("shards", "--seeds", "0-399", "--out", str(tmp_path), *SHARDS)
    forge = start(*arguments)
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("*.parquet")) and time.monotonic() < deadline and forge.poll() is None:
        time.sleep(0.05)
    forge.send_signal(signal.SIGINT)
    out, err = forge.communicate(timeout=60)
    assert forge.returncode == 130
    assert "run the same command again to continue" in err
    assert "Traceback" not in err
    made = int(re.search(r"(\d+) made", out)[1])
    files = files_below(tmp_path)
    assert 1 <= made == len(files) < 400
    assert f"stopped with {400 - made} shards left" in err
    assert all(name.endswith(".parquet") for name in files)
    assert len(answer(*arguments, "--dry-run")["missing"]) == 400 - len(files)  # each of them is whole


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_second_ctrl_c_stops_at_once(tmp_path):
    forge = start("shards", "--seeds", "0-399", "--out", str(tmp_path), *SHARDS)
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("*.parquet")) and time.monotonic() < deadline and forge.poll() is None:
        time.sleep(0.05)
    forge.send_signal(signal.SIGINT)
    time.sleep(0.02)
    forge.send_signal(signal.SIGINT)
    _, err = forge.communicate(timeout=60)
    assert forge.returncode == 130
    assert "Traceback" not in err


# --- doctor -----------------------------------------------------------------------------------


def test_the_doctor_says_what_is_here(answer, tmp_path):
    found = answer("doctor", "--store", str(tmp_path))
    assert found["device"]
    assert found["versions"]["numba"]
    assert os.path.isdir(found["kernels"]["folder"])
    nothing = {"shards": [], "holdings": [], "held": [], "faults": {}}
    assert found["store"] == {"url": str(tmp_path), **nothing}


def test_the_doctor_counts_the_store_and_finds_what_is_faulty(forge, answer, tmp_path):
    forge("shards", "--seeds", "0-2,4", "--out", str(tmp_path), *SHARDS)
    (found,) = answer("doctor", "--store", str(tmp_path))["store"]["shards"]
    assert (found["kind"], found["split"], found["shards"], found["rows"]) == ("standard", "train", 4, 8000)
    assert found["seeds"] == "0-2,4"
    assert found["bytes"] == sum(map(len, files_below(tmp_path).values()))

    shard = tmp_path / "shards-standard/train/seed_00000002_decl_2.parquet"
    shard.write_bytes(shard.read_bytes()[:-20])
    after = answer("doctor", "--store", str(tmp_path), status=1)["store"]
    assert list(after["faults"]) == ["shards-standard/train/seed_00000002_decl_2.parquet"]
    status, out, err = forge("doctor", "--store", str(tmp_path))
    assert (status, err) == (1, "")
    assert "faulty" in out
    assert "seed_00000002_decl_2.parquet" in out


def test_the_doctor_tells_of_every_kind_and_who_is_at_work(forge, answer, tmp_path, monkeypatch):
    from random_games import record_of

    from forge_core.files import Store
    from forge_core.texas42.bidding.records import BiddingConfig, fill_tables
    from forge_core.texas42.eq.files import write_game

    monkeypatch.chdir(tmp_path)
    root = Store(str(tmp_path / "store"))
    for seed in (3, 7, 930):
        write_game(root.join("eq-games"), record_of(seed, points=False))
    forge("shards", "--seeds", "1", "--out", root.url, *SHARDS)
    answer("tokenize", "--input", root.url, "--out", root.url, "--rows", "100")
    answer("tokenize", "--stage", "2", "--input", root.url, "--out", root.url, "--split", "all")
    assert len(list(fill_tables(root.join("bidding-results"), [5], BiddingConfig(samples=1)))) == 1
    answer("match", "random", "heuristic", "--seeds", "0-59", "--out", root.url)

    with root.join("tokenized", "train").held(), Store("runs/mine").held():
        found = answer("doctor", "--store", root.url)["store"]
        out = forge("doctor", "--store", root.url)[1]
    assert found["held"] == [str(tmp_path / "runs/mine"), f"{root.url}/tokenized/train"]
    held = {(of["folder"], of["split"]): (of["files"], of["rows"], of["seeds"]) for of in found["holdings"]}
    assert held == {
        ("eq-games", "train"): (2, 56, "3,7"),
        ("eq-games", "val"): (1, 28, "930"),
        ("tokenized", "train"): (1, 100, "1"),
        ("tokenized-eq", "train"): (1, 56, "0-49"),
        ("tokenized-eq", "val"): (1, 28, "900-949"),
        ("bidding-results", "train"): (1, 1, "5"),
        ("matches", "train"): (4, 120, "0-99"),
    }
    for of in found["holdings"]:
        folder = tmp_path / "store" / of["folder"]
        files = [path for path in folder.rglob("*.*") if path.suffix in (".parquet", ".npy")]
        of_split = [path for path in files if path.parent.name == of["split"] or of["folder"] == "matches"]
        assert of["bytes"] == sum(path.stat().st_size for path in of_split), of
    assert f"a process has locked {root.url}/tokenized/train" in out
    assert all(re.search(rf"{folder} +{split} ", out) for folder, split in held)
    assert answer("doctor", "--store", root.url)["store"]["held"] == []

    for path in (tmp_path / "store").rglob("*.*"):
        if path.suffix == ".parquet" and path.parts[-3] != "bidding-results":
            path.write_bytes(path.read_bytes()[:-20])
    (tmp_path / "store/tokenized/train/manifest.json").write_text("{")
    (tmp_path / "store/bidding-results/train/other.parquet").write_text("")
    faults = answer("doctor", "--store", root.url, status=1)["store"]["faults"]
    assert len(faults) == 1 + 3 + 4 + 2  # a shard, games, boards, a manifest, a name


def test_the_doctor_reads_the_store_of_the_environment(answer, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_STORE", str(tmp_path))
    assert answer("doctor")["store"]["url"] == str(tmp_path)


# --- bench ------------------------------------------------------------------------------------


def test_the_solver_is_measured_after_it_was_found_right(forge, monkeypatch):
    from forge_core.texas42.cli import bench_solver

    monkeypatch.setattr(bench_solver, "POSITIONS", {5: 3, 3: 5})
    status, out, err = forge("bench", "solver", "--seeds", "2", "--json")
    found = json.loads(out)
    over = [f for f in found["figures"] if f["limit"] is not None and f["value"] > f["limit"]]
    assert (status, err) == (1 if over else 0, "")
    assert found["subject"] == "solver"
    assert "of 1 golden" in found["held"][0]
    assert all(figure["value"] > 0 for figure in found["figures"])
    assert {"device", "dtype", "sizes", "versions"} <= set(found["conditions"])


def test_no_figure_of_a_solver_that_is_wrong(monkeypatch):
    from forge_core.texas42.cli import bench_solver

    monkeypatch.setattr(bench_solver, "GOLDEN", {1: (38, 7)})
    monkeypatch.setattr(bench_solver, "time_positions", lambda problems: pytest.fail("measured"))
    with pytest.raises(AssertionError, match="seed 1"):
        bench_solver.measure([1], "cpu")


@pytest.mark.parametrize(("value", "remark", "expected"), [(1.0, "under", 1), (2.0, "", 0), (4.0, "over", 1)])
def test_a_figure_outside_its_limits_fails(forge, monkeypatch, value, remark, expected):
    from forge_core.cli.figures import Benchmark, Figure
    from forge_core.liuzhou.cli import bench_rules

    figures = (Figure("steps", value, "M/s", limit=3.0, least=1.5),)
    monkeypatch.setattr(bench_rules, "measure", lambda *_: Benchmark("rules", {}, (), figures))
    status, out, err = forge("bench", "liuzhou-rules")
    assert (status, err) == (expected, "")
    assert out.split() == [
        "measured",
        "at",
        "least",
        "at",
        "most",
        *f"steps {value:g} M/s 1.5 3 {remark}".split(),
    ]


# --- text -------------------------------------------------------------------------------------


@given(st.sets(st.integers(0, 1000), min_size=1, max_size=40))
def test_seeds_come_back(seeds):
    assert parse_seeds(ranges_text(seeds)) == sorted(seeds)


def test_seeds_as_one_writes_them():
    assert parse_seeds("7") == [7]
    assert parse_seeds("0-3") == [0, 1, 2, 3]
    assert parse_seeds("900-901, 0-1,1") == [0, 1, 900, 901]
    assert ranges_text([3, 1, 2, 7, 9, 10]) == "1-3,7,9-10"
    assert parse_seeds("1 2 3") == parse_seeds("1, 2\t3 ") == [1, 2, 3]  # not seed 123
    assert parse_seeds("0 - 3 7,9") == [0, 1, 2, 3, 7, 9]
    assert parse_blocks("0 1") == [0, 1]
    for text in ("", " ", "1,,2", ",1", "1-", "- 3", "1 - 2 - 3", "1.5"):
        with pytest.raises(BadInput, match="cannot read seeds"):
            parse_seeds(text)


def test_nothing_is_broken_or_cut_where_there_is_no_terminal(capsys):
    sentence, grid = "a word " * 50, table("column")
    grid.add_row(sentence)
    screen().print(sentence)
    screen().print(grid)
    notes().print(sentence)
    out, err = capsys.readouterr()
    assert out.count(sentence.strip()) == 2 and err.strip() == sentence.strip()
    assert len(out.splitlines()) == 3


def test_sizes_and_times_for_people():
    sizes = [size_text(n) for n in (0, 999, 1500, 123_456, 2_500_000_000)]
    assert sizes == ["0 B", "999 B", "1.5 kB", "123 kB", "2.5 GB"]
    times = [seconds_text(s) for s in (0.0801, 42, 185, 7800)]
    assert times == ["0.08 s", "42 s", "3 min 5 s", "2 h 10 min"]
