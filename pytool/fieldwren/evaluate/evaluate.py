"""`fieldwren eval`: an app, or a described model, on labelled words, tables and continuous audio."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from fieldwren.app import MANIFEST, SCHEMA, App, Kind, app_of_table, load_app
from fieldwren.app_model import LABELS_KEY, AppModel, app_model
from fieldwren.core import PORTABLE
from fieldwren.datasets import load_labelled, recordings_in, with_noise, words_in
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.evaluate.classify import ClassFigures, Classification, Confusion, classify
from fieldwren.evaluate.frames import FrameFigures, frame_figures
from fieldwren.evaluate.intervals import upper_95, wilson_95
from fieldwren.evaluate.operating_point import Material, Point, check_tunable, curve, save, tune
from fieldwren.evaluate.roc import Roc
from fieldwren.evaluate.streams import detect, hear, score
from fieldwren.evaluate.values import ValuesEvaluation, evaluate_values
from fieldwren.features import METADATA_KEY, SensorFrontEnd, from_json
from fieldwren.features.wav import read_any_wav
from fieldwren.graph import Graph
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.steps import steps_in
from fieldwren.tflite import read_model

FALSE_ACCEPTS_PER_HOUR = 1.0


@dataclass(frozen=True)
class Spread:
    """Accuracy over groups (speakers, files): mean, standard deviation (None of a single one), and which is worst."""

    mean: float
    deviation: float | None
    worst: float
    worst_group: str


@dataclass(frozen=True)
class EvaluateResult:
    """What was measured; None where the data have nothing to measure it with.

    From labelled samples: `accuracy` to `ignored`, as in `Classification`, and `robustness`, accuracy by signal-to-noise
    ratio in dB. From continuous audio: the words said in it (`expected`) and found, false accepts and their rate with the
    one-sided 95 % upper bound (3 / hours where there was none), false rejects with the 95 % interval (Wilson), F1 of
    events, all at `threshold`, `smoothing_ms` and `refractory_ms`, and `curve`, the same at other thresholds.
    `accuracy_95` is the 95 % interval (Wilson), `groups` the spread over speakers or files, `roc` each class against the
    rest. Of models that answer frame by frame: F1 of events with collars, and PSDS (see events).
    """

    app: str
    data: str
    accuracy: float | None
    macro_f1: float | None
    per_class: Mapping[str, ClassFigures] | None
    confusion: Confusion | None
    per_group: Mapping[str, float] | None
    count: int
    ignored: int
    robustness: Mapping[str, float] | None
    hours: float | None
    expected: int | None
    detected: int | None
    false_accepts: int | None
    false_accepts_per_hour: float | None
    fa_upper_95: float | None
    false_reject_rate: float | None
    frr_interval_95: tuple[float, float] | None
    event_f1: float | None
    threshold: float | None
    smoothing_ms: float | None
    refractory_ms: float | None
    tuned: bool
    curve: Sequence[Point] | None
    accuracy_95: tuple[float, float] | None
    groups: Spread | None
    roc: Mapping[str, Roc] | None
    frame_event_f1: float | None
    psds: float | None


@dataclass(frozen=True)
class _Continuous:
    """The figures of continuous audio."""

    hours: float
    expected: int
    detected: int
    false_accepts: int
    curve: Sequence[Point]


def evaluate(
    source: str | Path,
    data: str | Path,
    *,
    only: Sequence[str] = (),
    tune_on: str | Path | None = None,
    false_accepts_per_hour: float = FALSE_ACCEPTS_PER_HOUR,
    save_point: bool = False,
    snr_db: Sequence[float] = (),
    progress: Callable[[str], None] | None = None,
) -> EvaluateResult | ValuesEvaluation:
    """Measures an app folder, or a .tflite that carries its front end and labels, on the files below `data`.

    Files as in `fieldwren.datasets`: words and tables are classified (`only`: those groups alone), continuous audio is
    listened to. With `tune_on`, another folder of continuous audio, threshold and smoothing are first set for
    `false_accepts_per_hour` there; `save_point` writes them into the app's manifest.
    Raises BadInputError naming the file, and MissingToolError where a folder holds nothing to measure with.
    """
    say = progress or (lambda line: None)
    model, graph, planned = _load(Path(source))
    folder = Path(data)
    if model.detector is None or model.anomaly is not None:
        if tune_on is not None or snr_db:
            raise BadInputError(f"{source}: --tune and --snr are for apps that listen")
        return evaluate_values(model, graph, planned, folder, only)
    if not folder.is_dir() and not (model.app.kind == "characters" and folder.is_file()):
        raise MissingToolError(f"{folder}: there is no such folder with data")
    if save_point and (tune_on is None or Path(source).suffix == ".tflite"):
        raise BadInputError(f"{source}: only an app's manifest can keep an operating point, and only --tune finds one")
    listens = not isinstance(model.front_end, SensorFrontEnd)
    tuned = False
    if tune_on is not None:
        model, tuned = _tuned(model, planned, Path(tune_on), false_accepts_per_hour, say), True
        assert model.detector is not None
        if save_point:
            save(model.app, model.detector, model.stride_ms)
    has_samples = not listens or bool(words_in(folder, model.labels))
    material = _material(model, planned, folder, say) if listens and not only else []
    if not has_samples and not material:
        raise MissingToolError(f"{folder}: has no .wav recordings; point --data at some")
    classified = _classified(model, graph, planned, folder, only, None, say) if has_samples else None
    if classified is not None and not classified.count and not classified.ignored and not material:
        raise BadInputError(f"{folder}: has no complete row that the app could judge")
    robustness = {}
    for level in snr_db if has_samples and listens else ():
        noisy = _classified(model, graph, planned, folder, only, level, say)
        if noisy.count:
            robustness[f"{level:g}"] = noisy.accuracy
    continuous = _continuous(model, material) if material else None
    steps = steps_in(graph.metadata)
    framed = None
    if material and steps is not None and steps.answer == "events" and model.detector is not None:
        framed = frame_figures(model.labels, model.detector.background, material, max(model.detector.thresholds))
    return _result(model, str(data), classified, robustness or None, continuous, framed, tuned=tuned)


def _load(source: Path) -> tuple[AppModel, Graph, Plan]:
    if source.suffix == ".tflite":
        graph = read_model(source)
        app = _app_around(source, graph)
    else:
        app = load_app(source)
        graph = read_model(app.model_path)
    planned = plan(lower(graph, PORTABLE))
    return app_model(app, graph, planned.program), graph, planned


def _app_around(path: Path, graph: Graph) -> App:
    """An app of nothing but a model that says what it hears, or reads, and what its outputs are called."""
    for key, what in ((METADATA_KEY, "its front end"), (LABELS_KEY, "its labels")):
        if key not in graph.metadata:
            raise BadInputError(
                f"{path}: the model does not carry {what}: evaluate an app folder, whose {MANIFEST} names it"
            )
    reads = isinstance(from_json(graph.metadata[METADATA_KEY]), SensorFrontEnd)
    name = re.sub(r"[^A-Za-z0-9_-]", "-", path.stem).lstrip("-_") or "model"
    # Names with an underscore in front are what a keyword is told from: silence, noise, other words.
    labels = re.findall(r'"(_[^"]*)"', graph.metadata[LABELS_KEY].decode("utf-8", "replace"))
    table = {
        "schema": SCHEMA,
        "name": name[:64],
        "kind": _trained_kind(graph) or ("presence" if reads else "keyword"),
        "model": path.name,
        "detector": {"background": labels},
    }
    return app_of_table(table, path.parent / MANIFEST, "")


def _trained_kind(graph: Graph) -> str | None:
    """The kind of app that a model of this project was trained for."""
    try:
        kind = json.loads(graph.metadata["fieldwren.training"])["recipe"]["kind"]
    except (KeyError, ValueError, TypeError):
        return None
    return kind if kind in get_args(Kind) else None


def _classified(
    model: AppModel,
    graph: Graph,
    planned: Plan,
    folder: Path,
    only: Sequence[str],
    snr_db: float | None,
    say: Callable[[str], None],
) -> Classification:
    say("classifying" if snr_db is None else f"classifying at {snr_db:g} dB")
    degrade = None if snr_db is None else with_noise(snr_db)
    port = planned.program.inputs[0]
    return classify(model, planned, load_labelled(model, port, folder, graph.metadata, only, degrade=degrade))


def _material(model: AppModel, planned: Plan, folder: Path, say: Callable[[str], None]) -> list[Material]:
    assert not isinstance(model.front_end, SensorFrontEnd) and model.detector is not None
    made = []
    reported = [label for label, unsaid in zip(model.labels, model.detector.background, strict=True) if not unsaid]
    for recording in recordings_in(folder, model.labels):
        say(f"listening to {recording.path.name}")
        pcm = read_any_wav(recording.path, model.front_end.sample_rate_hz)
        late = next(
            (event for event in recording.events if event.start_s > len(pcm) / model.front_end.sample_rate_hz), None
        )
        if late is not None:
            raise BadInputError(
                f"{recording.path}: ends before its {late.label!r} at {late.start_s:g} s: is the table another recording's?"
            )
        # What the app has no word for, or never reports, cannot be expected of it.
        events = tuple(event for event in recording.events if event.label in reported)
        made.append(Material(hear(model, planned, pcm), events))
    return made


def _tuned(
    model: AppModel, planned: Plan, folder: Path, false_accepts_per_hour: float, say: Callable[[str], None]
) -> AppModel:
    if isinstance(model.front_end, SensorFrontEnd):
        raise BadInputError(f"{model.app.name}: reads rows: --tune is for apps that listen")
    if not folder.is_dir():
        raise MissingToolError(f"{folder}: there is no such folder with recordings to tune on")
    check_tunable(model.app, folder)
    material = _material(model, planned, folder, say)
    if not material:
        raise MissingToolError(f"{folder}: has no continuous audio to tune on: X.wav with X.csv (start_s,end_s,label)")
    assert model.detector is not None
    say("setting threshold and smoothing")
    return replace(model, detector=tune(model.detector, model.labels, material, false_accepts_per_hour))


def _continuous(model: AppModel, material: Sequence[Material]) -> _Continuous:
    assert model.detector is not None
    scores = [
        score(detect(model.detector, model.labels, part.heard), part.events, part.heard.seconds) for part in material
    ]
    return _Continuous(
        sum(part.seconds for part in scores) / 3600,
        sum(part.expected for part in scores),
        sum(part.detected for part in scores),
        sum(part.false_accepts for part in scores),
        curve(model.detector, model.labels, material),
    )


def _result(
    model: AppModel,
    data: str,
    classified: Classification | None,
    robustness: Mapping[str, float] | None,
    continuous: _Continuous | None,
    framed: FrameFigures | None,
    *,
    tuned: bool,
) -> EvaluateResult:
    detector = model.detector
    assert detector is not None
    has_threshold = continuous is not None or tuned
    hours = continuous.hours if continuous else 0.0
    missed = continuous.expected - continuous.detected if continuous else 0
    answered = continuous.expected + continuous.detected + continuous.false_accepts if continuous else 0
    ignored = classified.ignored if classified else 0
    classified = classified if classified and classified.count else None
    return EvaluateResult(
        app=model.app.name,
        data=data,
        accuracy=classified.accuracy if classified else None,
        macro_f1=classified.macro_f1 if classified else None,
        per_class=classified.per_class if classified else None,
        confusion=classified.confusion if classified else None,
        per_group=classified.per_group if classified else None,
        count=classified.count if classified else 0,
        ignored=ignored,
        robustness=robustness,
        hours=hours if continuous else None,
        expected=continuous.expected if continuous else None,
        detected=continuous.detected if continuous else None,
        false_accepts=continuous.false_accepts if continuous else None,
        false_accepts_per_hour=continuous.false_accepts / hours if continuous and hours else None,
        fa_upper_95=upper_95(continuous.false_accepts) / hours if continuous and hours else None,
        false_reject_rate=missed / continuous.expected if continuous and continuous.expected else None,
        frr_interval_95=wilson_95(missed, continuous.expected) if continuous and continuous.expected else None,
        event_f1=2 * continuous.detected / answered if continuous and continuous.expected else None,
        threshold=max(detector.thresholds) if has_threshold else None,
        smoothing_ms=detector.smoothing * model.stride_ms if has_threshold else None,
        refractory_ms=float(detector.refractory_ms) if has_threshold else None,
        tuned=tuned,
        curve=continuous.curve if continuous else None,
        accuracy_95=wilson_95(round(classified.accuracy * classified.count), classified.count) if classified else None,
        groups=_spread(classified.per_group) if classified else None,
        roc=classified.roc if classified else None,
        frame_event_f1=framed.event_f1 if framed else None,
        psds=framed.psds if framed else None,
    )


def _spread(per_group: Mapping[str, float]) -> Spread:
    shares = list(per_group.values())
    worst = min(per_group, key=lambda name: per_group[name])
    return Spread(
        statistics.fmean(shares),
        statistics.stdev(shares) if len(shares) > 1 else None,
        per_group[worst],
        worst,
    )
