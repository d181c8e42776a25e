"""A store: written whole or not at all, wherever it lies, and clear about what is wrong."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_core.errors import BadInput, StoreUnusable
from forge_core.files import Store, default_store_url, fingerprint

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    """The same behaviour is asked of a folder and of an object store."""
    if request.param == "local":
        yield Store(str(tmp_path / "store"))
        return
    store = Store(f"memory://{request.node.name}")
    yield store
    for name in store.names():
        store.delete(name)


def test_what_is_written_is_read(store):
    store.write("a.bin", b"\x00one")
    assert store.exists("a.bin")
    assert store.read("a.bin") == b"\x00one"
    assert store.size("a.bin") == 4
    assert store.tail("a.bin", 2) == b"ne"
    assert store.tail("a.bin", 99) == b"\x00one"
    store.write("a.bin", b"two")
    assert store.read("a.bin") == b"two"
    store.delete("a.bin")
    assert not store.exists("a.bin")


def test_names_are_the_files_of_the_folder_alone(store):
    assert store.names() == []
    for name in ("b.parquet", "a.parquet", "c.json", ".hidden.parquet"):
        store.write(name, b"x")
    store.join("deeper").write("d.parquet", b"x")
    assert store.names() == ["a.parquet", "b.parquet", "c.json"]
    assert store.names(".parquet") == ["a.parquet", "b.parquet"]
    assert store.join("deeper").names() == ["d.parquet"]
    assert not store.exists("deeper")
    store.join("deeper").delete("d.parquet")
    store.delete(".hidden.parquet")


def test_folders_join(store):
    assert store.join("a", "b") == store.join("a").join("b") == Store(f"{store.url}/a/b/")
    assert store.join("a").path("x") == f"{store.url}/a/x"


def test_a_file_that_is_not_there(store):
    for verb in (store.read, store.size, store.delete):
        with pytest.raises(StoreUnusable, match=r"none\.bin: .*; check the path"):
            verb("none.bin")


def test_a_local_path_is_absolute_and_a_url_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = Store("./data")
    assert here.url == f"{tmp_path}/data"
    assert here == Store(f"file://{tmp_path}/data")
    assert not (tmp_path / "data").exists()
    assert Store("memory://a/b/").url == "memory:///a/b"
    assert Store("s3://bucket/a/").join("b").url == "s3://bucket/a/b"


def test_the_default_store(monkeypatch):
    monkeypatch.delenv("FORGE_STORE", raising=False)
    assert default_store_url() == "./data"
    monkeypatch.setenv("FORGE_STORE", "memory://elsewhere")
    assert default_store_url() == "memory://elsewhere"


def test_an_unknown_kind_of_url():
    with pytest.raises(StoreUnusable, match=r"nope://x.*check the URL"):
        Store("nope://x")


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "permission"), (errno.EIO, "another store")],
)
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, number, remedy, step):
    store = Store(str(tmp_path))
    store.write("a", b"old")

    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(StoreUnusable, match=rf"cannot write {tmp_path}/a: .*{remedy}"):
        store.write("a", b"new")
    assert os.listdir(tmp_path) == ["a"]
    assert store.read("a") == b"old"


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Store(str(tmp_path)).write("a", b"new")
    assert os.listdir(tmp_path) == []


def test_a_killed_writer_leaves_a_temporary_that_is_not_listed_and_is_swept(tmp_path):
    script = f"""
        import os, signal
        from forge_core.files import Store
        os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        Store({str(tmp_path)!r}).write("a.parquet", b"half")
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False).returncode == -9
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".a.parquet.") and left.endswith(".tmp")
    store = Store(str(tmp_path))
    store.write("b.parquet", b"whole")
    (tmp_path / ".others.tmp").write_bytes(b"not ours")
    assert store.names() == ["b.parquet"]
    assert store.sweep(older_than_s=3600) == []
    os.utime(tmp_path / left, times=(time.time() - 7200,) * 2)
    assert store.sweep(older_than_s=3600) == [left]
    assert sorted(os.listdir(tmp_path)) == [".others.tmp", "b.parquet"]


def test_a_store_without_a_folder_has_nothing_to_sweep(tmp_path):
    assert Store(str(tmp_path / "none")).sweep(0) == []
    assert Store("memory://none").sweep(0) == []


def test_a_file_in_the_place_of_a_folder(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    store = Store(str(tmp_path / "taken"))
    for use in (store.names, lambda: store.join("train").names(), lambda: store.write("a", b"")):
        with pytest.raises(StoreUnusable, match=r"taken.*a file stands where a folder must"):
            use()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreUnusable, match="permission"):
            Store(str(tmp_path)).write("a", b"")
    finally:
        tmp_path.chmod(0o700)


def test_a_reader_never_sees_half_a_file(tmp_path):
    store = Store(str(tmp_path))
    texts = {b"a" * 100_000, b"b" * 200_000}
    store.write("x", min(texts))
    done = threading.Event()

    def rewrite():
        for text in list(texts) * 20:
            store.write("x", text)
        done.set()

    writers = [threading.Thread(target=rewrite) for _ in range(2)]
    for writer in writers:
        writer.start()
    while not done.is_set():
        assert store.read("x") in texts
    for writer in writers:
        writer.join()
    assert store.names() == os.listdir(tmp_path) == ["x"]


def test_errors_of_an_object_store_name_the_path(monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    def refuse(*_, **__):
        raise RuntimeError("token has expired")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refuse)
    with pytest.raises(StoreUnusable, match=r"memory:///b/a: token has expired; check the URL"):
        Store("memory://b").write("a", b"")


@given(st.dictionaries(st.text(), json_values))
def test_a_fingerprint_is_of_the_content(mapping):
    mark = fingerprint(mapping)
    assert len(mark) == 16 and int(mark, 16) >= 0
    assert fingerprint(dict(reversed(mapping.items()))) == mark
    assert fingerprint(mapping | {max(mapping, key=len, default="") + "x": 1}) != mark


def test_a_fingerprint_stays_the_same_everywhere():
    assert fingerprint({"rows": 50_000, "b": [1, None]}) == fingerprint({"b": (1, None), "rows": 50_000})
    assert fingerprint({}) == "01e7b720ff566d53"


@pytest.mark.parametrize("value", [float("nan"), object(), b"bytes"])
def test_no_fingerprint_of_what_json_cannot_say(value):
    with pytest.raises(BadInput, match="JSON"):
        fingerprint({"x": value})
