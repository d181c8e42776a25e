"""A store: atomic writes in every kind of location, and clear errors."""

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
from mounts import remount, small_disk

from forge_core.environment import variable
from forge_core.errors import BadInput, StoreUnusable
from forge_core.files import Store, default_store_url, fingerprint, redact
from forge_core.files import store as files

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path):
    """A store in a folder, and one in an object store: both must behave the same."""
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


def test_a_relative_path_begins_where_one_is_now(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        Store("data").write("a", name.encode())
        assert Store("data").join("deeper").url == f"{tmp_path}/{name}/data/deeper"
    assert (tmp_path / "one/data/a").read_bytes() == b"one"


def test_a_file_system_is_looked_up_once_by_each_thread_and_never_crosses_a_fork(tmp_path, monkeypatch):
    looked: list[str] = []
    real = files._look_up
    monkeypatch.setattr(files, "_look_up", lambda url: (looked.append(url), real(url))[1])
    store = Store(str(tmp_path))
    store.exists("first")

    def use() -> int:
        """Count look-ups while some files are used."""
        before = len(looked)
        for number in range(10):
            Store(str(tmp_path)).exists(f"{number}")
            store.join("deeper").exists(f"{number}")
        return len(looked) - before

    assert use() == 1, "the folder deeper down"
    assert use() == 0
    seen: list[int] = []
    other = threading.Thread(target=lambda: seen.append(use()))
    other.start()
    other.join()
    assert seen == [2]
    if (child := os.fork()) == 0:
        os._exit(use())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


@pytest.mark.parametrize("name", ["a::b", "memory::b", "what?", "50%2F", "a b (c)", "s3:", "x#y", "ü"])
def test_any_name_of_a_local_folder_is_that_folder(tmp_path, monkeypatch, name):
    """fsspec takes `::` for a chain of file systems."""
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for url in (name, f"./{name}/", str(folder), f"file://{folder}"):
        if url == "s3:":
            continue
        store = Store(url)
        assert store.is_local and store.url == str(folder)
        store.join("deeper").write("x", b"1")
        assert (folder / "deeper" / "x").read_bytes() == b"1" == store.join("deeper").read("x")
        assert store.folders() == ["deeper"] and store.join("deeper").names() == ["x"]
        (folder / "deeper" / "x").unlink()
    monkeypatch.chdir(folder)
    Store("out").write("x", b"2")
    assert (folder / "out" / "x").read_bytes() == b"2"
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "name one"),
        ("  ", "name one"),
        ("s3://", "names no bucket: write s3://BUCKET/FOLDER"),
        ("s3:///x", "names no bucket"),
        ("gs:///x/y", "names no bucket"),
        ("simplecache::s3:///x", "names no bucket"),
        ("s3:/x", "no two slashes after s3: write s3://BUCKET/FOLDER"),
        ("S3:/x/y", "no two slashes"),
        ("s3:", "no two slashes"),
        ("memory:/x", "no two slashes"),
    ],
)
def test_addresses_that_lead_elsewhere_are_refused(tmp_path, monkeypatch, url, advice):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=advice):
        Store(url)
    assert os.listdir(tmp_path) == []


def test_folders_that_consoles_of_object_stores_make_are_no_files(monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    store = Store("memory://console")
    store.write("real", b"1")
    listed = MemoryFileSystem.ls

    def with_placeholders(self, path, detail=True, **options):
        """The objects `train/` and `train/deeper/` as s3fs lists them: of zero bytes, of type file."""
        placeholder = {"name": f"{path.rstrip('/')}/", "size": 0, "type": "file"}
        return [placeholder, *listed(self, path, detail, **options)]

    monkeypatch.setattr(MemoryFileSystem, "ls", with_placeholders)
    assert store.names() == ["real"] and store.folders() == []
    monkeypatch.undo()
    store.delete("real")


def test_a_blank_variable_is_an_unset_one(monkeypatch):
    for text in ("", "  ", "\t"):
        monkeypatch.setenv("FORGE_STORE", text)
        assert default_store_url() == "./data" and variable("FORGE_STORE") is None
    monkeypatch.setenv("FORGE_STORE", " x")
    assert variable("FORGE_STORE") == " x"


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
        with pytest.raises(StoreUnusable, match=r"taken.*a file is in the place of a folder"):
            use()


def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    was_root = os.geteuid() == 0
    if was_root:  # who may write anywhere
        os.seteuid(65534)
    try:
        with pytest.raises(StoreUnusable, match=f"{tmp_path}.*get permission to write there"):
            Store(str(tmp_path)).write("a", b"")
    finally:
        if was_root:
            os.seteuid(0)
        tmp_path.chmod(0o700)


def test_a_read_only_disk_is_named_and_still_read(tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk:
        store = Store(str(disk))
        store.write("a", b"old")
        remount(disk, "ro")
        for use in (lambda: store.write("a", b"new"), lambda: store.delete("a"), lambda: hold(store)):
            with pytest.raises(StoreUnusable, match=rf"{disk}.*; choose a store that is not read-only"):
                use()
        assert store.read("a") == b"old" and os.listdir(disk) == ["a"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    with small_disk(tmp_path / "disk", "1m") as disk:
        store = Store(str(disk))
        store.write("a", b"old")
        with pytest.raises(StoreUnusable, match=rf"cannot write {disk}/a: No space left.*; free some space"):
            store.write("a", bytes(2 << 20))
        assert store.read("a") == b"old" and os.listdir(disk) == ["a"]
        store.write("a", bytes(1 << 19))


def hold(store: Store) -> None:
    with store.held():
        pass


HOLDER = """
import sys
from forge_core.files import Store
with Store(sys.argv[1]).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one_until_its_process_ends(tmp_path):
    store = Store(str(tmp_path / "folder"))
    command = [sys.executable, "-c", HOLDER, store.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreUnusable, match=f"another process is writing {store.url}: wait until"):
            hold(store)
        store.write("a", b"who does not hold it may write")
        holder.kill()
    with store.held(), pytest.raises(StoreUnusable, match="another process"):
        hold(store)
    hold(store)
    assert os.listdir(tmp_path / "folder") == ["a"]
    hold(Store("memory://folder"))
    hold(store.join("deeper", "still"))
    assert os.listdir(tmp_path / "folder") == ["a"], "what was made to be held goes again"


RACER = """
import sys
from forge_core.errors import StoreUnusable
from forge_core.files import Store
store, place = Store(sys.argv[1]), f"{sys.argv[1]}/inside"
for _ in range(300):
    try:
        with store.held():
            open(place, "x").close()  # raises for two at once
            import os; os.unlink(place)
    except StoreUnusable:
        pass
"""


def test_two_never_hold_a_folder_however_they_race(tmp_path):
    command = [sys.executable, "-c", RACER, str(tmp_path)]
    racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(racer.communicate()[1], racer.returncode) for racer in racers] == [("", 0)] * 3


def test_a_clock_that_jumps_takes_no_temporary_from_who_still_writes(tmp_path, monkeypatch):
    """`sweep` during a write, with the clock a year ahead and a year back, keeps the temporary file."""
    store, year, swept = Store(str(tmp_path)), 365 * 86400.0, []
    sync = os.fsync

    def sweep_meanwhile(number):
        swept.append([store.sweep(3600, time.time() + jump) for jump in (year, -year)])
        sync(number)

    monkeypatch.setattr(os, "fsync", sweep_meanwhile)
    store.write("a", b"whole")
    assert swept == [[[], []]] and store.read("a") == b"whole"
    left = tmp_path / ".a.host.1.0123abcd.tmp"
    left.write_bytes(b"of a dead writer")
    assert store.sweep(3600, time.time() - year) == []
    assert store.sweep(3600, time.time() + 1800) == []
    assert store.sweep(3600, time.time() + year) == [left.name]


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "", ".", "a//b", "a\0b"])
def test_no_name_leads_out_of_a_store(store, name):
    uses = [store.read, store.size, store.exists, store.delete, store.join, lambda name: store.tail(name, 1)]
    for use in (*uses, lambda name: store.write(name, b"x")):
        with pytest.raises(BadInput, match="is not a valid name in a store"):
            use(name)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("s3://AKIA:ab/cd+e@bucket/x", "s3://***@bucket/x"),
        ("http://me:pw@host:5000/#/x", "http://***@host:5000/#/x"),
        ("postgresql+psycopg2://me:p%40@db/x", "postgresql+psycopg2://***@db/x"),
        ("at 'http://me:pw@host' and http://me:12@host", "at 'http://***@host' and http://***@host"),
        ("http://host:9000/a@b", "http://host:9000/a@b"),
        ("s3://bucket/a:b@c", "s3://bucket/a:b@c"),
    ],
)
def test_passwords_of_urls_are_not_shown(said, shown):
    assert redact(said) == shown


def test_a_store_whose_url_holds_a_password_is_refused_without_showing_it():
    with pytest.raises(BadInput, match=r"s3://\*\*\*@bucket/x contains a password.*AWS_SECRET") as caught:
        Store("s3://AKIA:secret@bucket/x")
    assert "secret@" not in str(caught.value)


def test_json_from_anywhere_is_read_or_refused(store, monkeypatch):
    store.write("a.json", b'{"a": [1, null]}')
    assert store.read_json("a.json") == {"a": [1, None]}
    for data in (b"[" * 10**6, b'{"a": ' + b"9" * 10**5 + b"}", b"\xff", b"", b"nil"):
        store.write("a.json", data)
        with pytest.raises(ValueError):
            store.read_json("a.json")
    monkeypatch.setattr(files, "_MOST_JSON", 2)
    with pytest.raises(ValueError, match="it has 3 bytes"):
        store.read_json("a.json")
    store.delete("a.json")


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


def test_folders_are_told_from_files_and_held_ones_from_free_ones(tmp_path):
    store = Store(str(tmp_path))
    store.join("b").write("x", b"1")
    store.join("a", "deep").write("x", b"1")
    (tmp_path / ".hidden").mkdir()
    store.write("file", b"1")
    assert (store.folders(), store.names()) == (["a", "b"], ["file"])
    assert store.join("nowhere").folders() == []
    assert not store.join("b").is_held() and not store.join("nowhere").is_held()
    with store.join("b").held():
        assert store.join("b").is_held() and not store.join("a").is_held()
    assert not store.join("b").is_held()


def test_an_object_store_has_folders_too():
    store = Store("memory://folders")
    store.join("a").write("x", b"1")
    store.write("file", b"1")
    assert (store.folders(), store.names()) == (["a"], ["file"])
    assert not store.join("a").is_held()
