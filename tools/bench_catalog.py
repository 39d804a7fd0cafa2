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


def timed(what: Callable[[], object], repeats: int = 1) -> float:
    """The least time of some runs, in seconds."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        what()
        best = min(best, time.perf_counter() - start)
    return best


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
    with tempfile.TemporaryDirectory() as folder:
        made = records(models, devices)
        with Catalog.open(folder) as catalog:
            start = time.perf_counter()
            catalog.write(validated(made))
            figures["make_validate_load_s"] = time.perf_counter() - start
            figures["make_validate_load_cpu_s"] = time.process_time()
        start = time.perf_counter()
        with Catalog.open(folder) as catalog:
            find_models(catalog, board="nrf52840dk")
            figures["first_question_with_index_s"] = time.perf_counter() - start
            figures["triples"] = catalog.count()
        start = time.perf_counter()
        with Catalog.open(folder) as catalog:
            find_models(catalog, board="nrf52840dk")
            figures["question_of_a_new_process_ms"] = 1000 * (time.perf_counter() - start)
            index = catalog.index
            device = next(target for target in index.targets if target.kind == "device" and target.operators)
            figures["one_device_all_models_ms"] = 1000 * timed(lambda: match(index, device), 5)
            figures["find_models_for_a_device_ms"] = 1000 * timed(
                lambda: find_models(catalog, board=device.id, only_fitting=True), 5
            )
            figures["find_filtered_ms"] = 1000 * timed(
                lambda: find_models(
                    catalog, board=device.id, task="keyword", sensors=["microphone"], max_latency_ms=30, labels=["yes"]
                ),
                5,
            )
            figures["all_pairs_s"] = timed(lambda: [match(index, target).fits.sum() for target in index.targets])
            figures["search_ms"] = 1000 * timed(lambda: search(catalog, "keyword yes"), 3)
            for name, query in QUERIES.items():
                figures[f"{name}, ms"] = 1000 * timed(lambda query=query: list(rows(catalog.store, query)), 3)  # type: ignore[misc]
    figures["memory_peak_MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, value in figures.items():
        click.echo(f"{name:70} {value:12,.2f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
