"""The five kinds of questions of the published semantic system, one command each, on facts small enough to check by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from support import require_module

require_module("pyoxigraph")

from fieldwren.catalog import Catalog, add, find_boards, find_models, search, sparql  # noqa: E402
from fieldwren.catalog.names import parse_bytes  # noqa: E402
from fieldwren.cli.catalog import catalog as command  # noqa: E402
from fieldwren.errors import BadInputError  # noqa: E402

if TYPE_CHECKING:
    from typing import Any

PREFIXES = """@prefix s3n: <http://w3id.org/s3n/> . @prefix ssn: <http://www.w3.org/ns/ssn/> .
@prefix sys: <http://www.w3.org/ns/ssn/systems/> . @prefix schema: <https://schema.org/> . @prefix td: <https://www.w3.org/2019/wot/td#> .
@prefix om: <http://www.ontology-of-units-of-measure.org/resource/om-2/> . @prefix qudt: <http://qudt.org/schema/qudt/> .
@prefix unit: <http://qudt.org/vocab/unit/> . @prefix nnet: <http://tinyml-schema.org/networkschema#> .
@prefix ram: <http://tinyml-schema.org/s3n_extend/> . @prefix sensor: <http://tinyml-schema.org/sosa_extend/> .
@prefix give: <http://tinyml-schema.org/ssn_extend/> . @prefix x: <http://example.org/> .
"""


def board(name: str, ram: str, flash: str, *sensors: str) -> str:
    parts = "".join(f" ssn:hasSubSystem [ a sensor:{kind} ] ;" for kind in sensors)
    return f"""x:{name} a s3n:SmartSensor ; td:title "{name}" ;{parts} ssn:hasSubSystem [ a s3n:MicroController ;
  s3n:hasSystemCapability [ sys:hasSystemProperty [ a ram:RAM ; {ram} ] , [ a ram:Flash ; {flash} ] ] ] .
"""


def network(name: str, about: str, sensor: str, ram_kb: int, flash_kb: int, accuracy: float, dataset: str) -> str:
    return f"""x:{name} a nnet:NeuralNetwork ; schema:name "{name}" ; schema:identifier "{name}" ; schema:description "{about}" ;
  ssn:hasInput x:{name}-in ; nnet:hasMultiplyAccumulateOps 1.5e+03 ; nnet:trainingDataset <{dataset}> ; nnet:hasMetric x:{name}-m ;
  s3n:hasProcedureFeature [ sys:inCondition [ a ram:RAM ; schema:minValue {ram_kb} ; schema:unitCode om:kilobyte ] ] ,
    [ sys:inCondition [ a ram:Flash ; schema:minValue {flash_kb} ; schema:unitCode om:kilobyte ] ] .
x:{name}-m a nnet:Metric , nnet:Top_1_accuracy ; nnet:hasMetricValue {accuracy} .
x:{name}-s a sensor:{sensor} ; give:provideInput x:{name}-in .
"""


def kb(number: int) -> str:
    return f"schema:value {number} ; schema:unitCode om:kilobyte"


def kib(number: int) -> str:
    return f"qudt:numericValue {number} ; qudt:hasUnit unit:KibiBYTE"


FACTS = PREFIXES + "".join(
    (
        board("motion-a", kb(116), kb(531), "Accelerometer", "Gyroscope"),
        board("motion-b", kb(115), kb(900), "Accelerometer", "Gyroscope"),  # 1 kB too little RAM
        board("motion-c", kib(114), kb(600), "Accelerometer", "Gyroscope", "Camera"),  # 114 KiB are 116.7 kB
        board("still", kb(900), kb(900), "Camera"),
        network("person", "finds a person", "Camera", 94, 236, 0.0, "http://example.org/vww"),
        network("faces", "finds faces", "Camera", 128, 300, 88.0, "http://example.org/faces"),
        network("yes-1", "hears yes/no", "Microphone", 10, 18, 82.5, "http://example.org/speech_commands_v2"),
        network("yes-2", "hears yes/no", "Microphone", 12, 20, 93.5, "http://example.org/speech_commands_v2"),
        network("yes-3", "hears Yes/No", "Microphone", 12, 20, 91.0, "http://example.org/other"),
        network("fan", "hears a bad fan", "Microphone", 12, 20, 97.0, "http://example.org/speech_commands_v2"),
    )
)


@pytest.fixture
def filled(catalog: Catalog, tmp_path: Path) -> Iterator[Catalog]:
    path = tmp_path / "facts.ttl"
    path.write_text(FACTS)
    (added,) = add(catalog, [path])
    assert added.faults == ()
    yield catalog


def ours(names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(("motion", "still"))]


def test_boards_with_sensors_and_memory(filled: Catalog) -> None:
    found = find_boards(
        filled,
        sensors=["accelerometer", "gyroscope"],
        min_ram_bytes=parse_bytes("116kB"),
        min_flash_bytes=parse_bytes("531kB"),
    )
    assert ours([one.name for one in found]) == ["motion-a", "motion-c"]


def test_models_for_a_camera_that_fit(filled: Catalog) -> None:
    found = find_models(filled, sensors=["camera"], max_ram_bytes=127_000, max_flash_bytes=576_000)
    assert [one.name for one in found] == ["person"]
    assert (found[0].ram_bytes, found[0].flash_bytes, found[0].accuracy) == (94_000, 236_000, None)
    fitting = [one.name for one in find_models(filled, board="motion-c", only_fitting=True)]
    assert fitting == ["person"]  # faces needs too much, the others a microphone
    assert [one.name for one in find_boards(filled, model="faces", only_fitting=True) if one.kind == "device"] == [
        "still"
    ]


def test_speech_models_by_accuracy(filled: Catalog) -> None:
    found = find_models(filled, sensors=["microphone"], text="yes/no", dataset="speech_commands", sort="accuracy")
    assert [(one.name, one.accuracy) for one in found] == [("yes-2", 0.935), ("yes-1", 0.825)]


def test_inventory(filled: Catalog) -> None:
    assert ours([one.name for one in find_boards(filled)]) == ["motion-a", "motion-b", "motion-c", "still"]


def test_words_and_sensor(filled: Catalog) -> None:
    assert [hit.name for hit in search(filled, "yes/no", sensors=["microphone"])] == ["yes-2", "yes-3", "yes-1"]
    assert search(filled, "yes/no", sensors=["camera"]) == []


@pytest.mark.parametrize(
    "spelling", ["http://tinyml-schema.org/networkschema#", "https://w3id.org/tinyml-schema/networkschema#"]
)
def test_queries_in_the_published_spellings(filled: Catalog, spelling: str) -> None:
    """As published: every triple of a pattern, in namespaces under which the data were never written."""
    query = f"""PREFIX nnet: <{spelling}>
PREFIX ram: <https://w3id.org/tinyml-schema/s3n_extend/>
PREFIX sys: <http://www.w3.org/ns/ssn/systems/> PREFIX s3n: <https://w3id.org/s3n/> PREFIX schema: <http://schema.org/>
SELECT ?id ?ram WHERE {{ ?nn a nnet:NeuralNetwork ; schema:identifier ?id ; s3n:hasProcedureFeature ?f .
  ?f sys:inCondition ?c . ?c a ram:RAM ; schema:minValue ?ram . FILTER (?ram <= 12) }} ORDER BY ?id"""
    rows = sparql(filled, query)["results"]["bindings"]
    assert [row["id"]["value"] for row in rows] == ["fan", "yes-1", "yes-2", "yes-3"]


def test_each_kind_is_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = tmp_path / "facts.ttl"
    facts.write_text(FACTS)
    store = ["--store", str(tmp_path / "store")]

    def ask(*words: str) -> Any:
        done = CliRunner().invoke(command, [*store, *words, "--json"], standalone_mode=False, catch_exceptions=False)
        return json.loads(done.stdout)

    monkeypatch.chdir(tmp_path)
    ask("add", "facts.ttl")
    boards = ask(
        "find",
        "boards",
        "--sensor",
        "accelerometer",
        "--sensor",
        "gyroscope",
        "--min-ram",
        "116kB",
        "--min-flash",
        "531kB",
    )
    assert ours([one["name"] for one in boards]) == ["motion-a", "motion-c"]
    assert [
        m["name"] for m in ask("find", "models", "--sensor", "camera", "--max-ram", "127kB", "--max-flash", "576kB")
    ] == ["person"]
    speech = ask("find", "models", "--text", "yes/no", "--dataset", "speech_commands", "--sort", "accuracy")
    assert [m["name"] for m in speech] == ["yes-2", "yes-1"]
    assert len(ours([one["name"] for one in ask("find", "boards")])) == 4
    assert [hit["name"] for hit in ask("search", "yes/no", "--sensor", "microphone")] == ["yes-2", "yes-3", "yes-1"]


@pytest.mark.parametrize(
    ("text", "size"), [("64KiB", 65536), ("64kB", 64000), ("1.5MiB", 1572864), ("12", 12), ("2 MB", 2_000_000)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["64KB", "64K", "x", "-1", ""])
def test_sizes_that_could_be_either(text: str) -> None:
    with pytest.raises(BadInputError, match="kB or MB"):
        parse_bytes(text)


def test_an_unknown_unit_is_told_and_left_out(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "odd.ttl"
    path.write_text(PREFIXES + board("odd", "schema:value 3 ; schema:unitCode om:metre", kb(10), "Camera"))
    (added,) = add(catalog, [path])
    assert [fault.message for fault in added.faults] == [
        "the ram of odd has the unit metre, which is no unit of memory"
    ]
    (found,) = find_boards(catalog, text="odd")
    assert (found.ram_bytes, found.flash_bytes) == (None, 10_000)
