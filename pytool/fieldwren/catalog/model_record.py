"""A model's facts as RDF."""

from __future__ import annotations

import hashlib
import json

from pyoxigraph import NamedNode

from fieldwren.catalog.facts import Record, iri
from fieldwren.catalog.models import Evaluation, Footprint, ModelFacts
from fieldwren.catalog.namespaces import FRONT_END, MODEL, SOURCE


def model_record(facts: ModelFacts, how: str) -> Record:
    """The model as RDF: an MLDCAT-AP machine learning model with footprints, evaluations and what it needs."""
    node = iri(MODEL, facts.sha256)
    record = Record(node)
    record.of_type(node, "fw:Model", "it6:MachineLearningModel")
    record.say(node, "dct:title", facts.name)
    record.say(node, "dct:identifier", facts.sha256)
    record.say(node, "dct:description", facts.description or None)
    record.say(node, "dct:license", facts.licence)
    record.say(node, "fw:location", facts.path)
    record.say(node, "fw:appLocation", facts.app)
    record.say(node, "fw:fileBytes", facts.file_bytes)
    record.say(node, "fw:task", facts.task)
    record.say(node, "it6:hasTaskType", iri("urn:fieldwren:task:", facts.task) if facts.task else None)
    record.say(node, "dcat:keyword", facts.task, *facts.labels)
    record.say(node, "fw:label", *facts.labels)
    record.say(node, "fw:labelList", json.dumps(facts.labels, ensure_ascii=False) if facts.labels else None)
    record.say(node, "fw:operator", *facts.operators)
    record.say(node, "fw:macs", facts.macs)
    record.say(node, "fw:weightsBytes", facts.weights_bytes)
    record.say(node, "fw:stateful", facts.stateful)
    record.say(node, "fw:input", *facts.inputs)
    record.say(node, "fw:output", *facts.outputs)
    record.say(node, "fw:unsupported", facts.unsupported)
    record.say(node, "fw:unsupportedOperator", facts.unsupported_operator)
    _say_front_end(record, node, facts)
    for kind, rate in facts.needs:
        need = NamedNode(f"{node.value}:needs:{kind}")
        record.say(node, "fw:needsSensor", kind)
        record.say(node, "fw:need", need)
        record.of_type(need, "fw:SensorNeed")
        record.say(need, "fw:sensorKind", kind)
        record.say(need, "fw:minRateHz", rate)
    for footprint in facts.footprints:
        _say_footprint(record, node, footprint)
    for number, evaluation in enumerate(facts.evaluations):
        say_evaluation(record, NamedNode(f"{node.value}:evaluation:{number}"), node, evaluation)
    source = iri(SOURCE, facts.sha256)
    record.say(node, "prov:wasDerivedFrom", source)
    record.made_by(how, used=[(facts.path, facts.sha256)])
    return record


def _say_front_end(record: Record, node: NamedNode, facts: ModelFacts) -> None:
    if facts.front_end is None:
        return
    text = facts.front_end_json or facts.front_end
    place = iri(FRONT_END, hashlib.sha256(text.encode()).hexdigest()[:32])
    record.say(node, "fw:frontEnd", place)
    record.say(node, "fw:frontEndKind", facts.front_end)
    record.about(place).of_type(place, "fw:FrontEnd")
    record.about(place).say(place, "fw:kind", facts.front_end)
    record.about(place).say(place, "fw:parameters", text)


def _say_footprint(record: Record, node: NamedNode, footprint: Footprint) -> None:
    place = NamedNode(f"{node.value}:on:{footprint.core}")
    record.of_type(place, "fw:Footprint")
    record.say(place, "fw:ofModel", node)
    record.say(place, "fw:core", footprint.core)
    record.say(place, "fw:flashBytes", footprint.flash_bytes)
    record.say(place, "fw:ramBytes", footprint.ram_bytes)
    record.say(place, "fw:codeBytes", footprint.code_bytes)
    record.say(place, "fw:arenaBytes", footprint.arena_bytes)
    record.say(place, "fw:stackBytes", footprint.stack_bytes)
    record.say(place, "fw:sizesEstimated", footprint.sizes_estimated)
    record.say(place, "fw:cyclesEstimated", footprint.cycles)
    record.say(place, "fw:flashContributors", footprint.flash_contributors or None)
    record.say(place, "fw:ramContributors", footprint.ram_contributors or None)


def say_evaluation(record: Record, place: NamedNode, model: NamedNode, evaluation: Evaluation) -> None:
    """A measured rate as an MLDCAT-AP evaluation measure."""
    record.say(model, "it6:hasEvaluationMeasure", place)
    record.of_type(place, "fw:Evaluation", "it6:EvaluationMeasure")
    record.say(place, "fw:ofModel", model)
    record.say(place, "dct:title", evaluation.metric)
    record.say(place, "it6:value", float(evaluation.value))
    record.say(place, "fw:split", evaluation.split)
    if evaluation.dataset:
        record.say(place, "fw:dataSetName", evaluation.dataset)
        data = iri("urn:fieldwren:dataset:", evaluation.dataset)
        record.say(place, "it6:testedOn", data)
        record.about(data).of_type(data, "dcat:Dataset")
        record.about(data).say(data, "dct:title", evaluation.dataset)
