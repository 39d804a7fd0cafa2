"""Kills an ingesting process again and again, and looks whether the catalogue holds complete records only.

`python tests/catalog/crash.py 100` is the long form; a test runs a few. Each round starts a process that takes in
records, small ones in transactions and large batches in bulk, kills it at a random moment, opens the catalogue and
counts: every record that is there must be whole, and none that a finished round wrote may be missing.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pyoxigraph import NamedNode

HERE = Path(__file__).resolve().parent
WHOLE = 12
"""Triples of a record, each with its number in the record; a record is whole with all of them."""


def record_of(kind: str, number: int, version: int) -> object:
    """A record of WHOLE triples that say which version of it they belong to."""
    from fieldwren.catalog.facts import Record

    node = NamedNode(f"urn:test:{kind}:{number}")
    record = Record(node)
    for part in range(WHOLE):
        record.say(node, "fw:part", f"{part}/{version}")
    return record


def ingest(folder: Path, seed: int) -> None:
    """Writes for ever: single records that replace older ones, then a bulk of new ones; says on stdout what is done."""
    from fieldwren.catalog.catalog import Catalog

    rng = random.Random(seed)
    version = 0
    with Catalog.open(folder) as catalog:
        while True:
            version += 1
            numbers = rng.sample(range(200), rng.randint(1, 20))
            catalog.write([record_of("small", n, seed * 1000 + version) for n in numbers])  # type: ignore[misc]
            print(f"small {seed * 1000 + version} {' '.join(map(str, numbers))}", flush=True)
            first = seed * 100_000 + version * 1000
            catalog.write([record_of("bulk", first + n, 0) for n in range(600)])  # type: ignore[misc]
            print(f"bulk {first}", flush=True)


def check(folder: Path, promised: dict[str, int | None]) -> int:
    """Opens the catalogue and returns its number of test records; AssertionError for half a record or a lost one."""
    from fieldwren.catalog.catalog import Catalog
    from fieldwren.catalog.store import rows

    found: dict[str, list[str]] = {}
    with Catalog.open(folder) as catalog:
        for node, part in rows(catalog.store, "SELECT ?s ?o WHERE { GRAPH ?g { ?s fw:part ?o } }"):
            found.setdefault(node.value, []).append(part.value)
    for node, parts in found.items():
        versions = {part.partition("/")[2] for part in parts}
        assert len(parts) == WHOLE and len(versions) == 1, f"{node}: {len(parts)} parts of versions {versions}"
    for node, version in promised.items():
        assert node in found, f"{node} was written and is gone"
        if version is not None:
            is_now = int(found[node][0].partition("/")[2])
            assert is_now >= version, f"{node} is version {is_now} and was {version}"
    return len(found)


def crash(folder: Path, rounds: int, seed: int) -> tuple[int, int]:
    """(records at the end, rounds in which a bulk load had to be undone)."""
    rng = random.Random(seed)
    promised: dict[str, int | None] = {}
    undone = records = 0
    for number in range(1, rounds + 1):
        command = [sys.executable, str(Path(__file__)), "--ingest", str(folder), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
            assert process.stdout is not None
            first = process.stdout.readline()  # it is at work
            time.sleep(rng.uniform(0.0, 0.6))
            process.send_signal(signal.SIGKILL)
            lines = [first, *process.stdout.read().splitlines()]
        for line in lines:
            words = line.split()
            if words[:1] == ["small"] and len(words) > 2:
                promised.update({f"urn:test:small:{n}": int(words[1]) for n in words[2:]})
            elif words[:1] == ["bulk"] and len(words) == 2:
                promised.update({f"urn:test:bulk:{int(words[1]) + n}": None for n in range(600)})
        undone += (folder / "loading.json").exists()
        records = check(folder, promised)
    return records, undone


if __name__ == "__main__":
    if sys.argv[1] == "--ingest":
        ingest(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        total = loads = kills = 0
        for turn in range(-(-int(sys.argv[1]) // 20)):  # a new folder now and then: looking at a large one takes long
            with tempfile.TemporaryDirectory() as place:
                count, undone_here = crash(Path(place) / "catalog", 20, seed=turn)
            total, loads, kills = total + count, loads + undone_here, kills + 20
            print(
                f"{kills} kills: every record whole, none lost; {total} records, {loads} bulk loads undone", flush=True
            )
