"""`forge doctor`: what is here to compute with, and what the store holds."""

from __future__ import annotations

import os
import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated

import typer

from forge_core.cli.options import Json, read_place
from forge_core.cli.status import FAILED
from forge_core.errors import BadInput, FileCorrupt

if TYPE_CHECKING:
    from forge_core.files import Store
    from forge_core.texas42.cli.holdings import Holding
    from forge_core.texas42.oracle.catalog import Catalog, Total

PACKAGES = ("forge", "torch", "numpy", "numba", "llvmlite", "pyarrow", "fsspec", "dagster")


def doctor(
    store: Annotated[
        str | None,
        typer.Option(
            "--store", parser=read_place, metavar="URL", help="Its root; default: FORGE_STORE, or ./data."
        ),
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read whole shards, not only footers.")] = False,
    json: Json = False,
) -> None:
    """Device, versions, kernel cache, what the store holds, and who is at work in it.

    Exit 1 if something is faulty: by its name, footer or manifest, a shard with --verify in any of its rows.
    """
    from forge_core.cli.screen import notes, print_json
    from forge_core.device import device_name, resolve_device
    from forge_core.files import Store, default_store_url
    from forge_core.texas42.cli.holdings import find_held, find_holdings
    from forge_core.texas42.oracle.catalog import read_catalog

    root = Store(store or default_store_url())
    if store and "://" not in root.url and not os.path.exists(root.url):
        raise BadInput(f"there is no folder {root.url}: name one that holds a store")
    with notes().status("looking what is there"):
        catalog = read_catalog(root)
        if verify:
            catalog = verify_shards(root, catalog)
        holdings, others = find_holdings(root)
        held = find_held(root)
    catalog = replace(catalog, faults=(*catalog.faults, *others))
    facts = {
        "device": device_name(resolve_device("auto")),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "versions": {name: version_of(name) for name in PACKAGES},
        "kernels": kernel_cache(),
    }
    if json:
        beside = {"holdings": [holding.to_dict() for holding in holdings], "held": held}
        print_json({**facts, "store": {"url": root.url, **as_record(catalog), **beside}})
    else:
        print_facts(facts)
        print_store(root.url, catalog, holdings, held)
    if catalog.faults:
        raise typer.Exit(FAILED)


def verify_shards(root: Store, catalog: Catalog) -> Catalog:
    """The catalog after reading every shard whole: those that are not sound are faults."""
    from forge_core.texas42.oracle.catalog import Fault
    from forge_core.texas42.oracle.shards import read_shard

    sound, faults = [], list(catalog.faults)
    for entry in catalog.entries:
        folder = f"shards-{entry.kind}"
        try:
            read_shard(root.join(folder), entry.filename)
            sound.append(entry)
        except FileCorrupt as error:
            path = f"{folder}/{entry.split}/{entry.filename}"
            faults.append(Fault(path, f"{error.reason}; {error.remedy}"))
    return replace(catalog, entries=tuple(sound), faults=tuple(faults))


def version_of(package: str) -> str | None:
    """The installed version, without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def kernel_cache() -> dict:
    """Where compiled kernels lie, those of older sources too: folder, files, bytes."""
    from forge_core.kernels import cache_home

    folder = cache_home()
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {"folder": str(folder), "files": len(files), "bytes": sum(path.stat().st_size for path in files)}


def as_record(catalog: Catalog) -> dict:
    """What `--json` prints of a catalog."""
    return {
        "shards": [
            {
                "kind": total.kind,
                "split": total.split,
                "shards": total.shards,
                "seeds": seeds_of(catalog, total),
                "rows": total.rows,
                "states": total.states,
                "bytes": total.nbytes,
                "fingerprints": total.fingerprints,
            }
            for total in catalog.totals()
        ],
        "faults": {fault.path: fault.reason for fault in catalog.faults},
    }


def seeds_of(catalog: Catalog, total: Total) -> str:
    """The seeds of a kind and split as `0-49,100-149`."""
    from forge_core.ranges import ranges_text

    of_total = (entry for entry in catalog.entries if (entry.kind, entry.split) == (total.kind, total.split))
    return ranges_text(entry.header.seed for entry in of_total)


def print_facts(facts: dict) -> None:
    """The machine and what is installed."""
    from forge_core.cli.screen import screen, size_text

    kernels, versions = facts["kernels"], facts["versions"]
    lines = {
        "device": facts["device"],
        "machine": facts["machine"],
        "versions": ", ".join(
            f"{name} {number}" for name, number in {"python": facts["python"], **versions}.items() if number
        ),
        "kernels": f"{kernels['folder']}: {kernels['files']} files, {size_text(kernels['bytes'])}",
    }
    out = screen()
    for name, text in lines.items():
        out.print(f"[bold]{name:<10}[/bold]", end="")
        out.print(text, markup=False, soft_wrap=True)


def print_store(url: str, catalog: Catalog, holdings: list[Holding], held: list[str]) -> None:
    """What the store holds, a line for each folder and split; who is at work; what is faulty."""
    from forge_core.cli.screen import screen, size_text, table

    out = screen()
    out.print(f"[bold]{'store':<10}[/bold]", end="")
    rows = [
        (
            f"shards-{total.kind}",
            total.split,
            f"{total.shards:,}",
            f"{total.rows:,}",
            f"{total.states:,}",
            size_text(total.nbytes),
            shortened(seeds_of(catalog, total)),
        )
        for total in catalog.totals()
    ]
    rows += [
        (of.folder, of.split, f"{of.files:,}", f"{of.rows:,}", "", size_text(of.nbytes), shortened(of.seeds))
        for of in holdings
    ]
    out.print(url if rows else f"{url}: nothing", markup=False, soft_wrap=True)
    if rows:
        grid = table(
            "kind", "split", "files", "rows", "states", "size", "seeds", numbers="files rows states size"
        )
        for row in rows:
            grid.add_row(*row)
        out.print()
        out.print(grid)
    for folder in held:
        out.print("\n[bold]at work[/bold]   ", end="")
        out.print(f"a process keeps {folder} to itself", markup=False, soft_wrap=True)
    for fault in catalog.faults:
        out.print("\n[bold red]faulty[/bold red]    ", end="")
        out.print(f"{fault.path}: {fault.reason}", markup=False, soft_wrap=True)


def shortened(seeds: str) -> str:
    """A long list of seeds by its ends."""
    if len(seeds) <= MOST_TEXT:
        return seeds
    first, last = seeds.split("-", 1)[0].split(",")[0], seeds.replace("-", ",").rpartition(",")[2]
    return f"{first}-{last}, with gaps"


MOST_TEXT = 24
"""characters of a list of seeds, beyond which only its ends are shown"""
