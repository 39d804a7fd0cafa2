"""Foreign facts in the catalogue's own flat terms, so that they take part in matching.

Understood are S3N smart sensors with SSN capabilities, W3C Things, and neural networks of the published TinyML schema;
memory in units of QUDT or OM-2 (a kilobyte is 1,000 bytes, a kibibyte 1,024).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyoxigraph as ox

from fieldwren.catalog.facts import Record, literal
from fieldwren.catalog.hardware import PORTABLE_CORE
from fieldwren.catalog.model_record import say_evaluation
from fieldwren.catalog.models import Evaluation
from fieldwren.catalog.namespaces import OM, PREFIXES, UNIT

UNIT_BYTES = {
    UNIT + "BYTE": 1,
    UNIT + "KiloBYTE": 1000,
    UNIT + "KibiBYTE": 1024,
    UNIT + "MegaBYTE": 1000**2,
    UNIT + "MebiBYTE": 1024**2,
    UNIT + "GigaBYTE": 1000**3,
    UNIT + "GibiBYTE": 1024**3,
    OM + "byte": 1,
    OM + "kilobyte": 1000,
    OM + "kibibyte": 1024,
    OM + "megabyte": 1000**2,
    OM + "mebibyte": 1024**2,
}

SENSOR_CLASSES = {
    "microphone": "microphone",
    "audiosensor": "microphone",
    "soundsensor": "microphone",
    "camera": "camera",
    "imagersensor": "camera",
    "imagesensor": "camera",
    "accelerometer": "accelerometer",
    "vibrationsensor": "accelerometer",
    "gyroscope": "gyroscope",
    "magnetometer": "magnetometer",
    "thermometer": "thermometer",
    "temperaturesensor": "thermometer",
    "hygrometer": "hygrometer",
    "humiditysensor": "hygrometer",
    "barometer": "barometer",
    "pressuresensor": "barometer",
    "light": "light",
    "lightsensor": "light",
    "proximity": "proximity",
    "proximitysensor": "proximity",
    "co2": "co2",
    "co2sensor": "co2",
    "pir": "pir",
    "pirsensor": "pir",
    "othersensor": "other",
}
"""Names of sensor classes, in lower case, of the vocabularies that are met; the kind each stands for."""


@dataclass(frozen=True)
class NormalFault:
    """A foreign fact that could not be used, in a sentence."""

    message: str


def normalise(quads: Iterable[ox.Quad]) -> tuple[list[ox.Triple], dict[ox.NamedNode, Record], list[NormalFault]]:
    """Additional triples in the catalogue's terms for foreign facts, and records of data sets that they refer to.

    Facts already in its terms get none.
    """
    scratch = ox.Store()
    scratch.bulk_extend(ox.Quad(q.subject, q.predicate, q.object) for q in quads)
    made = Record(ox.NamedNode("urn:fieldwren:normalised"))
    faults: list[NormalFault] = []
    _devices(scratch, made, faults)
    _networks(scratch, made, faults)
    return made.triples, made.shared, faults


def _rows(store: ox.Store, query: str) -> list[tuple[object, ...]]:
    answer = store.query(query, prefixes=dict(PREFIXES))
    assert isinstance(answer, ox.QuerySolutions)
    names = [variable.value for variable in answer.variables]
    return [tuple(row[name] for name in names) for row in answer]


def _devices(store: ox.Store, made: Record, faults: list[NormalFault]) -> None:
    query = """SELECT DISTINCT ?d ?title ?dct ?about ?old WHERE {
        { ?d a s3n:SmartSensor } UNION { ?d a td:Thing } UNION { ?d a fw:Device }
        FILTER NOT EXISTS { ?d a fw:Board }
        OPTIONAL { ?d td:title ?title } OPTIONAL { ?d dct:title ?dct } OPTIONAL { ?d td:description ?about }
        OPTIONAL { ?d dct:description ?old } }"""
    seen: set[object] = set()
    for device, title, dct, about, old in _rows(store, query):
        if device in seen or not isinstance(device, ox.NamedNode):
            continue
        seen.add(device)
        made.of_type(device, "fw:Device")
        if dct is None:
            name = title.value if isinstance(title, ox.Literal) else device.value.rstrip("/").rpartition("/")[2]
            made.say(device, "dct:title", name)
        if old is None and isinstance(about, ox.Literal):
            made.say(device, "dct:description", about.value)
        _device_memory(store, made, device, faults)
        _device_sensors(store, made, device)


def _has(store: ox.Store, subject: ox.NamedNode, name: str) -> bool:
    return bool(store.query(f"ASK {{ {subject} {name} ?x }}", prefixes=dict(PREFIXES)))


def _device_memory(store: ox.Store, made: Record, device: ox.NamedNode, faults: list[NormalFault]) -> None:
    query = f"""SELECT ?kind ?value ?unit WHERE {{
        {device} ssn:hasSubSystem*/s3n:hasSystemCapability/ssn-system:hasSystemProperty ?m . ?m a ?kind .
        ?m schema:value|qudt:numericValue|qudt:value ?value .
        OPTIONAL {{ ?m schema:unitCode|qudt:hasUnit|qudt:unit ?unit }} }}"""
    found: dict[str, int] = {}
    for kind, value, unit in _rows(store, query):
        name = _local(kind).lower()
        if name not in ("ram", "flash", "memory"):
            continue
        nbytes = _bytes(value, unit, f"the {name} of {_local(device)}", faults)
        if nbytes is not None:
            found[name] = nbytes
    if "memory" in found:  # the first version of the schema had one kind of memory, and meant RAM
        found.setdefault("ram", found["memory"])
    for name in ("ram", "flash"):
        if name in found and not _has(store, device, f"fw:{name}Bytes"):
            made.say(device, f"fw:{name}Bytes", found[name])


def _bytes(value: object, unit: object, what: str, faults: list[NormalFault]) -> int | None:
    factor = 1 if unit is None else UNIT_BYTES.get(_unit(unit))
    try:
        number = float(getattr(value, "value", ""))
    except ValueError:
        faults.append(NormalFault(f"{what} is {getattr(value, 'value', value)!r}, which is no number"))
        return None
    if factor is None:
        faults.append(NormalFault(f"{what} has the unit {_local(unit)}, which is no unit of memory"))
        return None
    return round(number * factor)


def _unit(unit: object) -> str:
    """The IRI of a unit, also where it is written as text (`"om:kilobyte"`)."""
    text = str(getattr(unit, "value", unit))
    prefix, _, local = text.partition(":")
    return PREFIXES[prefix] + local if prefix in ("om", "unit") else text


def _device_sensors(store: ox.Store, made: Record, device: ox.NamedNode) -> None:
    query = f"""SELECT DISTINCT ?s ?class WHERE {{ {device} ssn:hasSubSystem|sosa:hosts ?s . ?s a ?class .
        FILTER NOT EXISTS {{ ?s fw:sensorKind ?k }} }}"""
    for sensor, kind in _rows(store, query):
        name = SENSOR_CLASSES.get(_local(kind).lower())
        if name is not None and isinstance(sensor, ox.NamedNode | ox.BlankNode):
            made.say(device, "sosa:hosts", sensor)
            made.of_type(sensor, "sosa:Sensor")
            made.say(sensor, "fw:sensorKind", name)


def _networks(store: ox.Store, made: Record, faults: list[NormalFault]) -> None:
    query = """SELECT ?n ?name ?id ?about ?macs ?licence WHERE { ?n a nnet:NeuralNetwork .
        OPTIONAL { ?n schema:name ?name } OPTIONAL { ?n schema:identifier ?id }
        OPTIONAL { ?n schema:description ?about } OPTIONAL { ?n nnet:hasMultiplyAccumulateOps ?macs }
        OPTIONAL { ?n schema:license ?licence } }"""
    seen: set[object] = set()
    for network, name, identifier, about, macs, licence in _rows(store, query):
        if network in seen or not isinstance(network, ox.NamedNode):
            continue
        seen.add(network)
        made.of_type(network, "fw:Model", "it6:MachineLearningModel")
        made.say(network, "dct:title", name.value if isinstance(name, ox.Literal) else _local(network))
        made.say(network, "dct:identifier", identifier.value if isinstance(identifier, ox.Literal) else network.value)
        made.say(network, "dct:description", about.value if isinstance(about, ox.Literal) else None)
        made.say(network, "dct:license", getattr(licence, "value", None))
        if macs is not None:
            made.say(network, "fw:macs", round(float(getattr(macs, "value", "0"))))
        _network_memory(store, made, network, faults)
        _network_sensors(store, made, network)
        _network_accuracy(store, made, network)


def _network_memory(store: ox.Store, made: Record, network: ox.NamedNode, faults: list[NormalFault]) -> None:
    query = f"""SELECT ?kind ?value ?unit WHERE {{ {network} s3n:hasProcedureFeature/ssn-system:inCondition ?c .
        ?c a ?kind ; schema:minValue ?value . OPTIONAL {{ ?c schema:unitCode ?unit }} }}"""
    sizes: dict[str, int] = {}
    for kind, value, unit in _rows(store, query):
        name = _local(kind).lower()
        nbytes = _bytes(value, unit, f"the {name} that {_local(network)} needs", faults)
        if name in ("ram", "flash") and nbytes is not None:
            sizes[name] = nbytes
    if sizes:
        place = ox.NamedNode(f"{network.value}#on-{PORTABLE_CORE}")
        made.of_type(place, "fw:Footprint")
        made.say(place, "fw:ofModel", network)
        made.say(place, "fw:core", PORTABLE_CORE)
        made.say(place, "fw:flashBytes", sizes.get("flash"))
        made.say(place, "fw:ramBytes", sizes.get("ram"))


def _network_sensors(store: ox.Store, made: Record, network: ox.NamedNode) -> None:
    query = f"SELECT DISTINCT ?class WHERE {{ {network} ssn:hasInput ?i . ?s ssn_extend:provideInput ?i ; a ?class }}"
    kinds = {SENSOR_CLASSES.get(_local(kind).lower()) for (kind,) in _rows(store, query)} - {None, "other"}
    for name in sorted(str(kind) for kind in kinds):
        need = ox.NamedNode(f"{network.value}#needs-{name}")
        made.say(network, "fw:needsSensor", name)
        made.say(network, "fw:need", need)
        made.of_type(need, "fw:SensorNeed")
        made.say(need, "fw:sensorKind", name)


def _network_accuracy(store: ox.Store, made: Record, network: ox.NamedNode) -> None:
    """Top-1 accuracies as fractions. The published data write 0 for one that nobody measured."""
    query = f"""SELECT ?value ?data WHERE {{ {network} nnet:hasMetric ?m . ?m a nnet:Top_1_accuracy ;
        nnet:hasMetricValue ?value . OPTIONAL {{ {network} nnet:trainingDataset ?data }} }}"""
    sets = {str(getattr(data, "value", "")) for _, data in _rows(store, query) if data is not None}
    for name in sorted(sets):
        if not name.endswith("/None"):
            made.say(network, "it6:trainedOn", ox.NamedNode(name) if ":" in name else literal(name))
    for number, (value, data) in enumerate(_rows(store, query)):
        percent = float(getattr(value, "value", "0"))
        if 0.0 < percent <= 100.0:
            rate = percent / 100.0 if percent > 1.0 else percent
            dataset = None if data is None else str(getattr(data, "value", ""))
            evaluation = Evaluation("accuracy", rate, dataset, None)
            say_evaluation(made, ox.NamedNode(f"{network.value}#evaluation-{number}"), network, evaluation)


def _local(node: object) -> str:
    text = str(getattr(node, "value", node)).rstrip("/")
    return text.rpartition("#")[2].rpartition("/")[2]
