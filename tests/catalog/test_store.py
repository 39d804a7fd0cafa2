"""What is stored: whole records, provenance, replacement, exchange, endpoints, and what verbs leave behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from catalog.endpoints import rdflib_endpoint, virtuoso
from catalog.fleet import models, records
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.record import record
from support import CHECKOUT, require_data, require_module

require_module("pyoxigraph")

from catalog.crash import crash  # noqa: E402
from fieldwren.catalog import (  # noqa: E402
    Catalog,
    add,
    deployments,
    export,
    find_boards,
    find_models,
    sparql,
    why_not,
)
from fieldwren.catalog.model_record import model_record  # noqa: E402
from fieldwren.catalog.models import Hints  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

PRESENCE = CHECKOUT / "examples" / "presence"


@pytest.mark.slow
def test_killed_while_it_takes_in(tmp_path: Path) -> None:
    """Three kills; `python tests/catalog/crash.py 100` is the long form."""
    count, _ = crash(tmp_path / "catalog", 3, seed=1)
    assert count > 0


def test_an_interrupted_bulk_load_is_undone(tmp_path: Path) -> None:
    made = list(records(8, 0))
    with Catalog.open(tmp_path / "s") as opened:
        opened.write(made[:4])
        assert len(find_models(opened)) == 4
    (tmp_path / "s" / "loading.json").write_text(json.dumps([r.graph.value for r in made[:4]]))
    with Catalog.open(tmp_path / "s") as opened:
        assert find_models(opened) == []
        assert sparql(opened, "ASK { ?f a fw:Footprint }")["boolean"] is False
    assert not (tmp_path / "s" / "loading.json").exists()


def test_taking_in_again_replaces(catalog: Catalog) -> None:
    add(catalog, [PRESENCE])
    once = catalog.count()
    add(catalog, [PRESENCE], Hints(licence="Apache-2.0"))
    assert catalog.count() == once + 1
    (found,) = find_models(catalog, licence="apache")
    assert (found.name, found.task) == ("presence", "presence")


def test_provenance(catalog: Catalog) -> None:
    add(catalog, [PRESENCE])
    query = """SELECT ?sha ?tool ?at WHERE { ?m a fw:Model ; dct:identifier ?sha ; prov:wasGeneratedBy ?a .
        ?a prov:used/fw:sha256 ?sha ; prov:wasAssociatedWith/rdfs:label ?tool ; prov:endedAtTime ?at }"""
    (row,) = sparql(catalog, query)["results"]["bindings"]
    assert row["tool"]["value"].startswith("fieldwren ")


@pytest.mark.parametrize("suffix", [".nq", ".ttl", ".nt"])
def test_exported_and_taken_in_it_answers_the_same(catalog: Catalog, tmp_path: Path, suffix: str) -> None:
    catalog.write([*records(20, 6), *(model_record(f, "test") for f in models(3, seed=9))])
    path = tmp_path / f"all{suffix}"
    assert export(catalog, path) > 1000
    again = tmp_path / f"again{suffix}"
    export(catalog, again)
    assert path.read_bytes() == again.read_bytes()
    with Catalog.in_memory() as other:
        (added,) = add(other, [path])
        assert added.faults == ()
        for board in ("SN000002", "nrf52840dk"):
            assert find_models(other, board=board) == find_models(catalog, board=board)


def test_export_to_an_unknown_form(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="ends in"):
        export(catalog, tmp_path / "x.xlsx")


@pytest.mark.parametrize("text", ["SELECT", "DELETE WHERE { ?s ?p ?o }", "SELECT ?x WHERE { ?x nowhere:y ?z }"])
def test_what_is_no_query(catalog: Catalog, text: str) -> None:
    with pytest.raises(BadInputError, match="SPARQL"):
        sparql(catalog, text)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(BadInputError, match=r"holds thesis\.txt"):
        Catalog.open(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_damaged_store_is_told(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "s"):
        pass
    (tmp_path / "s" / "quads" / "CURRENT").write_text("junk")
    with pytest.raises(BadInputError, match="cannot be opened"):
        Catalog.open(tmp_path / "s")


@pytest.mark.slow
@pytest.mark.parametrize("server", [rdflib_endpoint, virtuoso])
def test_an_endpoint_answers_as_the_embedded_store(
    tmp_path: Path, catalog: Catalog, server: Callable[[Path], AbstractContextManager[str]]
) -> None:
    with server(tmp_path) as address, Catalog.open(endpoint=address) as remote:
        for one in (catalog, remote):
            add(one, [PRESENCE])
            one.write(records(8, 3))
        for board in ("SN000001", "microbit"):
            assert find_models(remote, board=board) == find_models(catalog, board=board)
        model = find_models(catalog, board="microbit")[-1]
        assert find_boards(remote, model=model.id) == find_boards(catalog, model=model.id)
        assert why_not(remote, model.id, "SN000001") == why_not(catalog, model.id, "SN000001")
        query = "SELECT ?t WHERE { GRAPH ?g { ?m a fw:Model ; dct:title ?t } } ORDER BY ?t"
        assert sparql(remote, query)["results"]["bindings"] != []
        answers = [
            [row["t"]["value"] for row in sparql(one, query)["results"]["bindings"]] for one in (remote, catalog)
        ]
        assert answers[0] == answers[1]


def test_an_endpoint_that_is_not_there() -> None:
    with pytest.raises(MissingToolError, match="cannot be reached"):
        Catalog.open(endpoint="http://127.0.0.1:9/sparql")


def run_cli(folder: Path | str, *words: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FIELDWREN_CATALOG": str(folder)}
    command = [sys.executable, "-m", "fieldwren", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_verbs_leave_their_results(tmp_path: Path) -> None:
    """`check` through the real program; its facts are in the catalogue that is opened next."""
    model = require_data("models", "tflm_person_detect.tflite")
    assert run_cli(tmp_path, "check", model, "--board", "microbit", "--json").returncode == 1
    assert len(list((tmp_path / "inbox").glob("*.json"))) == 1
    with Catalog.open(tmp_path) as opened:
        assert opened.notes == []
        assert [one.name for one in find_models(opened)] == ["tflm_person_detect"]
        query = """SELECT ?fits ?sha WHERE { ?r a fw:CheckRun ; fw:fits ?fits ; fw:onBoard/dct:title "microbit" ;
            fw:ofModel/dct:identifier ?sha ; prov:used/fw:sha256 ?sha }"""
        (row,) = sparql(opened, query)["results"]["bindings"]
        assert row["fits"]["value"] == "false"
    assert list((tmp_path / "inbox").glob("*.json")) == []


def test_a_verb_works_where_nothing_can_be_recorded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_cli(tmp_path / "file" / "store", "check", PRESENCE / "model.tflite", "--board", "microbit", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["fits"] is True
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("not recorded in the catalogue: ")


def test_nothing_is_recorded_without_a_catalogue(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "FIELDWREN_CATALOG"} | {"XDG_DATA_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "fieldwren", "check", str(PRESENCE / "model.tflite"), "--board", "microbit"]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert list(tmp_path.iterdir()) == []


BENCH = {
    "instructions": 898,
    "cycles_estimated": 1200,
    "weights_bytes": 232,
    "code_bytes": 3576,
    "arena_bytes": 40,
    "stack_bytes": 220,
    "ram_bytes": 264,
    "macs": 112,
}
INFO = {
    "firmware": "0.1.0",
    "image": "F80C56E2",
    "model_sha256": "ab" * 32,
    "board": "mps2-an386",
    "app": "porch",
    "kind": "keyword",
}


def leave(folder: Path, monkeypatch: pytest.MonkeyPatch, what: str, result: object, **arguments: object) -> None:
    monkeypatch.setenv("FIELDWREN_CATALOG", str(folder))
    record(what, lambda: result, arguments)


def test_a_benchmark_makes_the_latency_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Catalog.open(tmp_path) as opened:
        add(opened, [PRESENCE])
        (one,) = find_models(opened, board="mps2-an386")
        assert one.latency_source == "estimated"
    leave(tmp_path, monkeypatch, "bench", BENCH, model=str(PRESENCE / "model.tflite"), board="mps2-an386")
    with Catalog.open(tmp_path) as opened:
        (one,) = find_models(opened, board="mps2-an386")
        assert (one.latency_source, one.latency_ms) == ("measured", pytest.approx(1200 / 25_000_000 * 1000))
        (other,) = find_models(opened, board="mps2-an505")
        assert other.latency_source == "estimated"


def test_learning_and_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = {"accuracy_before": 0.5, "accuracy_after": 0.75, "shots": 5}
    leave(tmp_path, monkeypatch, "learn simulate", result, app=str(PRESENCE), data="x/rooms", only=["attic"])
    device = {"info": INFO, "address": "usb", "serial": "SN1", "learned_labels": ["lamp"], "free_flash_bytes": 4096}
    leave(tmp_path, monkeypatch, "device", device, verb="monitor")
    with Catalog.open(tmp_path) as opened:
        assert opened.notes == []
        rows = sparql(
            opened,
            """SELECT ?metric ?value ?data ?split WHERE { ?e a fw:Evaluation ; dct:title ?metric ; it6:value ?value ;
            fw:dataSetName ?data ; fw:split ?split ; fw:at ?at } ORDER BY ?metric""",
        )["results"]["bindings"]
        assert [(row["metric"]["value"], float(row["value"]["value"])) for row in rows] == [
            ("accuracy after learning", 0.75),
            ("accuracy before learning", 0.5),
        ]
        assert (rows[0]["data"]["value"], rows[0]["split"]["value"]) == ("rooms", "attic")
        (seen,) = deployments(opened, board="mps2-an386")
        assert (seen.device, seen.app, seen.labels, seen.image_sha256) == ("SN1", "porch", ("lamp",), "f80c56e2")


def test_what_a_device_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught = {"app": "presence", "device": "porch", "is_new": True, "accuracy_before": 0.1, "accuracy_after": 0.9}
    given = {"app": str(PRESENCE), "board": "mps2-an386", "port": None}
    for label in ("lamp", "door"):
        leave(tmp_path, monkeypatch, "learn teach", {**taught, "label": label}, **given)
    leave(tmp_path, monkeypatch, "learn teach", {**taught, "label": "vacant", "is_new": False}, **given)
    with Catalog.open(tmp_path) as opened:
        assert opened.notes == []
        (seen,) = deployments(opened)
        assert (seen.device, seen.board, seen.model, seen.labels) == (
            "porch",
            "mps2-an386",
            "presence",
            ("door", "lamp"),
        )
    classes = [{"label": "lamp", "added": True, "taught": 5}, {"label": "vacant", "added": False, "taught": 0}]
    leave(tmp_path, monkeypatch, "learn undo", {"app": "presence", "device": "porch", "classes": classes}, **given)
    with Catalog.open(tmp_path) as opened:
        (seen,) = deployments(opened)
        assert seen.labels == ("lamp",)


def test_what_cannot_be_taken_in_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leave(tmp_path, monkeypatch, "bench", {"nonsense": 1}, model=str(PRESENCE / "model.tflite"), board="mps2-an386")
    (tmp_path / "inbox" / "0.json").write_text("{")
    with Catalog.open(tmp_path) as opened:
        assert len(opened.notes) == 2
    assert len(list((tmp_path / "inbox" / "refused").iterdir())) == 2
    with Catalog.open(tmp_path) as opened:
        assert opened.notes == []
