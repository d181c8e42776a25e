"""Rows made during training: correct, repeatable in any process, and never from a sealed deal."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from forge_core.errors import BadInput, FileCorrupt
from forge_core.files import Store
from forge_core.learning.labelled.metrics import is_decision
from forge_core.splits import Split, split_of
from forge_core.streams import stream
from forge_core.texas42.deals import check_deal, deal_from_seed
from forge_core.texas42.oracle import solve
from forge_core.texas42.state import ILLEGAL, advance, initial_state, legal_slots, to_mover_frame, unpack
from forge_core.texas42.tables import deal_tables
from forge_core.texas42.tokens import live
from forge_core.texas42.tokens.encoder import encode
from forge_core.texas42.tokens.live import LiveConfig, make_chunk, train_deals
from forge_core.texas42.tokens.live_source import LiveSource, WorkerLost
from forge_core.texas42.tokens.rows import STAGE1_SPEC, rows_of
from forge_core.texas42.tokens.shared_chunks import SharedChunks
from forge_core.texas42.tokens.walks import walk

CONFIG = LiveConfig(seed=3, batch_size=96, chunk_rows=192, rows_per_deal=48, walks=4)
"""Chunks of two batches of four deals."""


def same(a, b) -> bool:
    return all((x == y).all() for x, y in zip(a.columns(), b.columns(), strict=True))


def test_rows_are_the_rows_of_a_query():
    """Tokens equal those of a fresh query of the same state; answers equal those of the solved deal."""
    labels = make_chunk(CONFIG, 0)
    rows = rows_of(labels)
    for number, (hands, decl) in enumerate(zip(labels.hands, labels.decls, strict=True)):
        mine = labels.deal_of == number
        states = labels.state[mine]
        asked = encode([hands] * len(states), [decl] * len(states), states)
        assert (asked.tokens == rows.tokens[mine]).all() and (asked.mask == rows.mask[mine]).all()
        value, q = solve(hands, int(decl), device="cpu").query(states)
        assert (rows.q[mine] == to_mover_frame(q, states)).all()
        assert (rows.value[mine] == to_mover_frame(value, states)).all()
    assert (rows.legal == (rows.q != ILLEGAL)).all()
    assert (rows.value == rows.q.max(axis=1)).all()
    assert (rows.ply == unpack(labels.state).ply).all() and (rows.seat == unpack(labels.state).mover).all()


def test_a_chunk_has_what_was_asked_for():
    labels = make_chunk(LiveConfig(batch_size=192, chunk_rows=192, rows_per_deal=24, walks=4), 1)
    rows = rows_of(labels)
    assert len(rows) == 192 and len(np.unique(rows.deal)) == 8
    assert len(np.unique(np.stack([labels.deal_of, labels.state]), axis=1).T) == 192
    assert is_decision(rows.q, rows.legal).mean() == pytest.approx(0.75, abs=0.01)
    assert (np.bincount(rows.ply, minlength=28) > 0).all()
    assert set(rows.seat.tolist()) == {0, 1, 2, 3}


def test_solved_deals_may_share_a_chunk():
    config = LiveConfig(
        batch_size=192, chunk_rows=192, rows_per_deal=48, solved_share=0.5, rows_per_solved_deal=96
    )
    labels = make_chunk(config, 0)
    rows_of(labels)
    assert len(labels) == 192 and len(labels.decls) == 2 + 1


def test_fewer_deals_than_walks_can_fill_are_walked_more():
    labels = make_chunk(LiveConfig(batch_size=96, chunk_rows=192, rows_per_deal=192, walks=1), 0)
    assert len(labels) == 192 and len(labels.decls) == 1


def test_walks_are_legal_and_fair():
    hands = np.array([deal_from_seed(seed) for seed in range(10)], dtype=np.int8)
    decls = np.arange(10)
    walks = walk(hands, decls, 40, stream(0, "test"))
    for deal in range(10):
        tables = deal_tables(check_deal(hands[deal]), int(decls[deal]))
        for state, n_legal in zip(walks.state[deal], walks.n_legal[deal], strict=True):
            assert state[0] == initial_state()
            legal = legal_slots(state, tables)
            assert (np.bitwise_count(legal) == n_legal).all()
            slots = [s for ply in range(27) for s in [_slot_between(state[ply], state[ply + 1])]]
            assert (advance(state[:-1], slots, tables)[0] == state[1:]).all()
    leads = [_slot_between(*state[:2]) for state in walk(hands[:1], [0], 7000, stream(0, "leads")).state[0]]
    assert np.bincount(leads).min() > 850


def _slot_between(before: int, after: int) -> int:
    """Return the slot whose domino is gone."""
    (gone,) = np.flatnonzero((int(before) ^ int(after)) >> np.arange(28) & 1)
    return int(gone) % 7


def test_walks_estimate_the_number_of_states_to_ply_3():
    """Exactly one history leads to each of these states, so their weights sum to the number of states."""
    deals = [(deal_from_seed(seed), seed % 10) for seed in (0, 7)]
    walks = walk(np.array([d for d, _ in deals], np.int8), [k for _, k in deals], 4000, stream(0, "count"))
    for number, (hands, decl) in enumerate(deals):
        counts = solve(hands, decl, device="cpu").states_per_ply[:4]
        assert walks.weight[number].mean(axis=0)[:4] == pytest.approx(counts, rel=0.1)


def test_no_sealed_seed_is_ever_dealt():
    for chunk in range(50):
        seeds, decls = train_deals(1, chunk, "walk", 200)
        assert len(set(seeds)) == 200 and ((decls >= 0) & (decls < 10)).all()
        assert {split_of(seed) for seed in seeds} == {Split.TRAIN}
    with pytest.raises(BadInput, match="seed 1900 belongs to split val: train only on train seeds"):
        live._deal([0, 1900])
    with pytest.raises(BadInput, match="belongs to split test"):
        live._deal([951])


def test_chunks_share_no_deal():
    seeds = [set(train_deals(0, chunk, part, 300)[0]) for chunk in (0, 1) for part in ("walk", "solve")]
    assert len(set.union(*seeds)) == 1200
    assert not set(train_deals(1, 0, "walk", 300)[0]) & seeds[0]


def test_a_batch_is_a_function_of_seed_and_number():
    source = LiveSource(CONFIG)
    wanted = [source.batch(k) for k in range(4)]
    other = LiveSource(CONFIG)
    assert all(same(other.batch(k), wanted[k]) for k in (3, 0, 2, 1))
    assert not same(wanted[0], wanted[1]) and not same(wanted[0], wanted[2])
    assert not same(LiveSource(LiveConfig(seed=4, batch_size=96, chunk_rows=192)).batch(0), wanted[0])
    assert source.spec is STAGE1_SPEC


def test_parts_share_chunks_out():
    """Two training processes together see each chunk once; after a resume they continue in place."""
    source = LiveSource(CONFIG)
    alone = [source.batch(k) for k in range(8)]
    seen = [list(islice(LiveSource(CONFIG).batches(0, part, 2), 4)) for part in (0, 1)]
    for part, order in zip(seen, ([0, 1, 4, 5], [2, 3, 6, 7]), strict=True):
        assert all(same(rows, alone[k]) for rows, k in zip(part, order, strict=True))
    resumed = LiveSource(CONFIG).batches(2, 1, 2)
    assert same(next(resumed), alone[6])


class TestWorkers:
    """Rows made by worker processes."""

    def test_workers_give_the_same_batches_at_any_start(self):
        alone = LiveSource(CONFIG)
        with LiveSource(CONFIG, workers=2) as source:
            for k in (0, 1, 2, 5):  # in order, then a leap
                assert same(source.batch(k), alone.batch(k))

    def test_a_killed_worker_ends_the_run_with_a_sentence(self):
        with LiveSource(CONFIG, workers=2) as source:
            source.batch(0)
            assert source._crew
            victim = source._crew._processes[1]
            os.kill(victim.pid, signal.SIGKILL)
            with pytest.raises(WorkerLost, match=rf"process {victim.pid} was killed by signal 9"):
                for k in range(20):
                    source.batch(k)
            assert all(not process.is_alive() for process in multiprocessing.active_children())

    def test_an_error_of_a_worker_is_said_by_the_parent(self):
        config = LiveConfig(batch_size=8)
        object.__setattr__(config, "seed", -1.5)  # no key of a stream
        with (
            LiveSource(config, workers=1) as source,
            pytest.raises(BadInput, match="neither an int nor a string"),
        ):
            source.batch(0)

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
    def test_when_the_run_ends_so_do_its_workers(self, tmp_path, signum):
        """Ctrl-C reaches the whole group; after kill -9 nobody can notify the workers, so they notice by
        themselves."""
        script = tmp_path / "run.py"
        script.write_text(
            "from forge_core.texas42.tokens.live import LiveConfig\n"
            "from forge_core.texas42.tokens.live_source import LiveSource\n"
            "if __name__ == '__main__':\n"
            "    source = LiveSource(LiveConfig(batch_size=96, chunk_rows=192), workers=2)\n"
            "    for k in range(10**6):\n"
            "        source.batch(k)\n"
            "        if k == 0: print(*[p.pid for p in source._crew._processes], flush=True)\n"
        )
        run = subprocess.Popen(
            [sys.executable, str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert run.stdout and run.stderr
        workers = [int(pid) for pid in run.stdout.readline().split()]
        assert len(workers) == 2
        if signum == signal.SIGINT:
            os.killpg(run.pid, signum)
        else:
            os.kill(run.pid, signum)
        try:
            run.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGKILL)  # leave nothing running behind a failure
            raise
        said = run.stderr.read() if signum == signal.SIGINT else ""
        assert said.count("Traceback") <= 1  # the one of the script itself; workers say nothing
        deadline = time.monotonic() + 60
        while any(_lives(pid) for pid in workers):
            assert time.monotonic() < deadline, "workers live on"
            time.sleep(0.2)


class TestSharedRows:
    """Runs that share a folder make each chunk once, and get the rows that they would have made."""

    def test_runs_with_other_batches_read_the_same_chunks(self, tmp_path, monkeypatch):
        store, alone = Store(str(tmp_path)), LiveSource(CONFIG)
        wanted, first = [alone.batch(k) for k in range(4)], LiveSource(CONFIG, share=store)
        assert all(same(first.batch(k), wanted[k]) for k in range(4))
        assert sorted(path.name for path in tmp_path.rglob("*.npy")) == ["000000000.npy", "000000001.npy"]
        monkeypatch.setattr(live, "make_chunk", lambda *_: pytest.fail("a chunk was made twice"))
        halves = LiveSource(replace(CONFIG, batch_size=48), share=store)
        assert all(same(halves.batch(2 * k), wanted[k].take(slice(48))) for k in range(4))

    def test_workers_of_two_runs_work_together(self, tmp_path):
        store, alone = Store(str(tmp_path)), LiveSource(CONFIG)
        with LiveSource(CONFIG, 2, store) as one, LiveSource(CONFIG, 1, store) as other:
            for k in range(8):
                assert same(one.batch(k), alone.batch(k)) and same(other.batch(k), alone.batch(k))
        late = LiveSource(CONFIG, share=store)  # the workers were killed while they made chunks
        assert all(same(late.batch(k), alone.batch(k)) for k in range(8, 80, 16))

    def test_while_a_chunk_is_being_made_a_run_makes_the_next(self, tmp_path):
        made = []

        def make(chunk):
            made.append(chunk)
            return make_chunk(CONFIG, chunk)

        chunks = SharedChunks(Store(str(tmp_path)), make, CONFIG.form)
        with chunks.folder.join("000000000.making").held():
            assert not chunks._add(0) and chunks._add(1) and not chunks._add(1)
        assert made == [1]
        chunks.get(0)
        assert made == [1, 0] and [path.name for path in tmp_path.iterdir() if path.is_dir()] == []

    @pytest.mark.parametrize(
        "damage",
        [lambda data: b"", lambda data: data[:-1], lambda data: data[:-40] + b"x" + data[-39:]],
        ids=["empty", "truncated", "altered"],
    )
    def test_a_damaged_chunk_is_named(self, tmp_path, damage):
        source = LiveSource(CONFIG, share=Store(str(tmp_path)))
        source.batch(0)
        (path,) = tmp_path.rglob("*.npy")
        path.write_bytes(damage(path.read_bytes()))
        with pytest.raises(FileCorrupt, match="delete it, and it is made again"):
            LiveSource(CONFIG, share=Store(str(tmp_path))).batch(0)

    def test_an_object_store_is_refused(self):
        with pytest.raises(BadInput, match=r"--share memory:.*rows: .*use a local folder"):
            LiveSource(CONFIG, share=Store("memory://rows"))


def test_more_rows_per_deal_come_from_more_walks():
    """The default of the option is the default of the configuration, so earlier runs can be resumed."""
    assert LiveConfig.of(0, 1024, 44) == LiveConfig()
    many = LiveConfig.of(0, 1024, 176)
    assert (many.walks, many.rows_per_deal, many.chunk_rows) == (16, 176, 4 * 16_384)
    with pytest.raises(BadInput, match="--rows-per-deal 0"):
        LiveConfig.of(0, 1024, 0)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"walks": 0}, {"solved_share": 1.5}, {"seed": -1}, {"rows_per_deal": 0}]
)
def test_a_configuration_that_makes_no_rows_is_refused(wrong):
    with pytest.raises(BadInput):
        LiveConfig(**wrong)


def test_rows_per_deal_that_no_memory_holds_are_refused():
    with pytest.raises(BadInput, match=r"--rows-per-deal 1000000000: use 1 to 5,000"):
        LiveConfig.of(0, 64, 1_000_000_000)


def test_batches_are_numbered_from_zero():
    with pytest.raises(BadInput, match="use 0, 1, 2"):
        LiveSource(CONFIG).batch(-1)
