"""Boards as the catalogue sees them: memory, core, clock and sensors, from boards/*.toml and from data sheets."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pyoxigraph import NamedNode, RdfFormat, parse

from fieldwren.boards import Board, load_board
from fieldwren.boards.definition import board_ids
from fieldwren.catalog.facts import Record, iri
from fieldwren.catalog.namespaces import BOARD
from fieldwren.core import FEATURES, Core
from fieldwren.images import core_of

DATA = Path(__file__).parent / "data"
PORTABLE_CORE = "portable"
"""The core of footprints that hold on any processor: plain C kernels, sizes at their most generous."""


class Sensor(BaseModel):
    """A sensor on a board: its kind, the part, and the highest rate it delivers (None: not known)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    kind: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    part: str | None = None
    max_rate_hz: Annotated[float, Field(gt=0)] | None = None


class Hardware(BaseModel):
    """A board from its data sheet; fields as in boards/*.toml, None where that file says it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    name: str | None = None
    cpu: str | None = None
    dsp: bool = False
    mve: bool = False
    fpu: bool = False
    clock_hz: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    sensors: tuple[Sensor, ...] | None = None


@dataclass(frozen=True)
class BoardFacts:
    """A board. `flash_bytes` is what an image may use, None (with `ram_bytes`) where an operating system provides it.

    `sensors` is None for a board that hears over the link or has pins for any sensor: nothing is ruled out.
    `buildable`: images of it are built here, not only by a framework of PlatformIO.
    """

    id: str
    name: str
    core: Core
    clock_hz: int | None
    flash_bytes: int | None
    ram_bytes: int | None
    sensors: tuple[Sensor, ...] | None
    buildable: bool
    emulated: bool


@functools.cache
def data_sheets() -> dict[str, Hardware]:
    """Boards described by data/hardware.toml."""
    table = tomllib.loads((DATA / "hardware.toml").read_text(encoding="utf-8"))
    return {name: Hardware.model_validate(_frozen(fields)) for name, fields in table.items()}


def facts_of_board(board: Board) -> BoardFacts:
    """Facts of a board definition, with the sensors its data sheet names."""
    sheet = data_sheets().get(board.id)
    return BoardFacts(
        id=board.id,
        name=board.name,
        core=core_of(board),
        clock_hz=board.clock_hz,
        flash_bytes=board.memory.app.bytes if board.memory else None,
        ram_bytes=board.memory.ram.bytes if board.memory else None,
        sensors=sheet.sensors if sheet else None,
        buildable=board.toolchain is not None,
        emulated=board.emulator is not None,
    )


def _facts_of_sheet(board_id: str, sheet: Hardware) -> BoardFacts:
    assert sheet.cpu is not None, f"hardware.toml: {board_id} has no cpu"
    return BoardFacts(
        id=board_id,
        name=sheet.name or board_id,
        core=Core(sheet.cpu, dsp=sheet.dsp, mve=sheet.mve, fpu=sheet.fpu),
        clock_hz=sheet.clock_hz,
        flash_bytes=sheet.flash_bytes,
        ram_bytes=sheet.ram_bytes,
        sensors=sheet.sensors,
        buildable=False,
        emulated=False,
    )


def known_boards() -> Iterator[BoardFacts]:
    """The boards that come with fieldwren, then those only known from data sheets."""
    built = board_ids()
    for board_id in built:
        yield facts_of_board(load_board(board_id))
    for board_id, sheet in data_sheets().items():
        if board_id not in built:
            yield _facts_of_sheet(board_id, sheet)


def read_board(path: Path) -> BoardFacts:
    """Facts of a board's TOML file; BadInputError naming file and field when it is none."""
    return facts_of_board(load_board(str(path)))


def core_key(core: Core) -> str:
    """The name of a core together with the kernel variants lowering may choose on it, e.g. `cortex-m4+dsp+fpu`."""
    has = [*(feature for feature in FEATURES if getattr(core, feature)), *(["fpu"] if core.fpu else [])]
    return "+".join([core.name, *has])


def board_record(facts: BoardFacts, how: str) -> Record:
    """The board as RDF: a SOSA platform that hosts S3N's micro controller and the sensors."""
    node = iri(BOARD, facts.id)
    record = Record(node)
    record.of_type(node, "fw:Board", "sosa:Platform")
    record.say(node, "dct:title", facts.id)
    record.say(node, "dct:description", facts.name)
    record.say(node, "fw:core", core_key(facts.core))
    record.say(node, "fw:cpu", facts.core.name)
    record.say(node, "fw:flashBytes", facts.flash_bytes)
    record.say(node, "fw:ramBytes", facts.ram_bytes)
    record.say(node, "fw:clockHz", facts.clock_hz)
    record.say(node, "fw:buildable", facts.buildable)
    record.say(node, "fw:emulated", facts.emulated)
    record.say(node, "fw:anySensor", facts.sensors is None)
    say_microcontroller(record, node, facts.flash_bytes, facts.ram_bytes)
    for sensor in facts.sensors or ():
        say_sensor(record, node, sensor)
    record.made_by(how)
    return record


def say_microcontroller(record: Record, node: NamedNode, flash_bytes: int | None, ram_bytes: int | None) -> None:
    """Memory the S3N way: ssn:hasSubSystem a MicroController whose capability has RAM and flash, in bytes of QUDT."""
    controller = NamedNode(f"{node.value}:microcontroller")
    capability = NamedNode(f"{node.value}:memory")
    record.say(node, "ssn:hasSubSystem", controller)
    record.of_type(controller, "s3n:MicroController")
    record.say(controller, "s3n:hasSystemCapability", capability)
    for kind, nbytes in (("Flash", flash_bytes), ("RAM", ram_bytes)):
        if nbytes is None:
            continue
        memory = NamedNode(f"{node.value}:{kind.lower()}")
        record.say(capability, "ssn-system:hasSystemProperty", memory)
        record.of_type(memory, f"s3n_extend:{kind}", "s3n:Memory")
        record.say(memory, "qudt:numericValue", nbytes)
        record.say(memory, "qudt:hasUnit", NamedNode("http://qudt.org/vocab/unit/BYTE"))


def say_sensor(record: Record, node: NamedNode, sensor: Sensor) -> None:
    """A sensor that a platform hosts, its highest rate as an ssn-system:Frequency."""
    place = NamedNode(f"{node.value}:sensor:{sensor.kind}")
    record.say(node, "sosa:hosts", place)
    record.say(node, "ssn:hasSubSystem", place)
    record.of_type(place, "sosa:Sensor", f"sosa_extend:{sensor.kind.title().replace('-', '')}")
    record.say(place, "fw:sensorKind", sensor.kind)
    record.say(place, "rdfs:label", sensor.part)
    if sensor.max_rate_hz is not None:
        record.say(place, "fw:maxRateHz", float(sensor.max_rate_hz))
        rate = NamedNode(f"{place.value}:rate")
        record.say(place, "ssn-system:hasSystemCapability", rate)
        record.of_type(rate, "ssn-system:Frequency")
        record.say(rate, "qudt:numericValue", float(sensor.max_rate_hz))
        record.say(rate, "qudt:hasUnit", NamedNode("http://qudt.org/vocab/unit/HZ"))


def vocabulary_record() -> Record:
    """The catalogue's own terms, their units among them, so that queries can ask for them."""
    content = (DATA / "vocabulary.ttl").read_bytes()
    quads = parse(content, format=RdfFormat.TURTLE)
    return Record(NamedNode("urn:fieldwren:vocabulary"), [quad.triple for quad in quads])


def seed() -> str:
    """A hash over everything known_boards() reads: when it changes, the boards are recorded anew."""
    content = (
        (DATA / "hardware.toml").read_bytes()
        + (DATA / "vocabulary.ttl").read_bytes()
        + b"".join(repr(load_board(board_id)).encode() for board_id in board_ids())
    )
    return hashlib.sha256(content).hexdigest()[:16]


def _frozen(value: object) -> object:
    """TOML arrays as tuples, which is what frozen models hold."""
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value
