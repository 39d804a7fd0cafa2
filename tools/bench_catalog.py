"""`make bench`'s figures of the catalogue: how long loading, matching and asking take at the size of a large fleet."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from fieldwren.catalog.facts import Record

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "runs" / "bench_catalog.json"
sys.path.insert(0, str(ROOT / "tests" / "catalog"))

QUERIES = {
    "SPARQL: keyword models under 64 KiB of RAM on a Cortex-M4": """SELECT ?name ?ram WHERE { ?m a fw:Model ;
        fw:task "keyword" ; dct:title ?name . ?f fw:ofModel ?m ; fw:core "cortex-m4+dsp+fpu" ; fw:ramBytes ?ram
        FILTER(?ram < 65536) }""",
    "SPARQL: devices with accelerometer, gyroscope and 100 kB of RAM": """SELECT ?d ?ram WHERE { ?d a fw:Device ;
        fw:ramBytes ?ram ; sosa:hosts ?a , ?g . ?a fw:sensorKind "accelerometer" . ?g fw:sensorKind "gyroscope"
        FILTER(?ram >= 100000) }""",
}


Times = tuple[float, float]
"""Seconds on the clock and of processor time: on a busy computer the first says little."""


def timed(what: Callable[[], object], repeats: int = 1) -> Times:
    """The least of some runs."""
    runs = []
    for _ in range(repeats):
        start, cpu = time.perf_counter(), time.process_time()
        what()
        runs.append((time.perf_counter() - start, time.process_time() - cpu))
    return min(run[0] for run in runs), min(run[1] for run in runs)


def validated(records: Iterable[Record]) -> Iterator[Record]:
    """The records, each checked against the shapes as `catalog add` does."""
    from fieldwren.catalog.shapes import validate

    for record in records:
        broken = validate(record.triples)
        assert not broken, broken[0]
        yield record


@click.command()
@click.option("--models", default=10_000, show_default=True)
@click.option("--devices", default=1_000, show_default=True)
def main(models: int, devices: int) -> None:
    """Load a made-up fleet into a new catalogue and ask it."""
    records = import_module("fleet").records
    from fieldwren.catalog import Catalog, find_models, search
    from fieldwren.catalog.match import match
    from fieldwren.catalog.store import rows

    figures: dict[str, float] = {"models": models, "devices": devices}
    times: dict[str, Times] = {}
    with tempfile.TemporaryDirectory() as folder:

        def load() -> None:
            with Catalog.open(folder) as catalog:
                catalog.write(validated(records(models, devices)))

        def first_question() -> None:
            with Catalog.open(folder) as catalog:
                find_models(catalog, board="nrf52840dk", only_fitting=True, limit=100)

        times["make, validate and load"] = timed(load)
        times["first question, columns are built"] = timed(first_question)
        times["question of a new process"] = timed(first_question, 3)
        with Catalog.open(folder) as catalog:
            figures["triples"] = catalog.count()
            index = catalog.index
            device = next(target for target in index.targets if target.kind == "device" and target.operators)
            times["one device, all models: matching"] = timed(lambda: match(index, device), 5)
            times["one device, all models: find models, all that fit"] = timed(
                lambda: find_models(catalog, board=device.id, only_fitting=True), 5
            )
            times["one device, all models: find models, all"] = timed(lambda: find_models(catalog, board=device.id), 5)
            times["one device, with task, sensor, latency and label"] = timed(
                lambda: find_models(
                    catalog, board=device.id, task="keyword", sensors=["microphone"], max_latency_ms=30, labels=["yes"]
                ),
                5,
            )
            times["all pairs"] = timed(lambda: [match(index, target).fits.sum() for target in index.targets])
            times["search"] = timed(lambda: search(catalog, "keyword yes"), 3)
            for name, query in QUERIES.items():
                times[name] = timed(lambda query=query: list(rows(catalog.store, query)), 3)  # type: ignore[misc]
    figures["memory_peak_MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, value in figures.items():
        click.echo(f"{name:66} {value:14,.0f}")
    for name, (wall, cpu) in times.items():
        click.echo(f"{name:66} {1000 * wall:11,.1f} ms, {1000 * cpu:11,.1f} ms of processor time")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**figures, "wall_and_cpu_s": times}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
