"""fieldwren.toml: what is read, what is refused and where it says so, and whether app and model agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from fieldwren import app as app_module
from fieldwren.app import App, load_app
from fieldwren.app_model import AppModel, app_model
from fieldwren.errors import BadInputError
from fieldwren.features import METADATA_KEY, PRESETS, AudioFrontEnd, SensorFrontEnd
from fieldwren.graph import Graph
from fieldwren.program import Buffer, Place, Program
from link import devices

Edit = Callable[[str], str]


def load(tmp_path: Path, text: str) -> App:
    return devices.read_app(text, tmp_path)


def graph(**metadata: str) -> Graph:
    names = {"front_end": METADATA_KEY, "labels": "fieldwren.labels"}
    return Graph("tiny", "", (), {names[key]: value.encode() for key, value in metadata.items()}, "", 0)


def test_an_app_is_a_folder_or_its_manifest(tmp_path: Path) -> None:
    app = load(tmp_path, devices.KEYWORD)
    assert load_app(tmp_path) == app
    assert (app.name, app.kind, app.labels) == ("tiny", "keyword", ("quiet", "low", "high"))
    assert app.model_path == tmp_path / "model.tflite"
    assert app.detector.threshold == 0.45 and app.mode == "events"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "threshold = 0.45",
            "threshold = 1.5",
            "fieldwren.toml:22: detector.threshold: is 1.5, and should be less than",
        ),
        ("threshold = 0.45", 'threshold = "high"', "fieldwren.toml:22: detector.threshold: is 'high', and should be a"),
        ("threshold = 0.45", "treshold = 0.45", "fieldwren.toml:22: detector.treshold: there is no such field"),
        ('name = "tiny"', 'name = "a b"', "fieldwren.toml:3: name: "),
        ('name = "tiny"', "", "fieldwren.toml: name: is missing"),
        ('kind = "keyword"', 'kind = "keywords"', "fieldwren.toml:4: kind: is 'keywords', and should be 'keyword', "),
        ('"low", "high"]', '"low", "low"]', "fieldwren.toml:6: labels: the label 'low' stands there twice"),
        ('"low", "high"]', '"low", ""]', "fieldwren.toml:6: labels.2: the label '' must have 1 to 64 bytes"),
        ('"low", "high"]', '"low", "a\\u0007"]', "labels.2: the label 'a\\x07' must have"),
        ('"low", "high"]', f'"low", "{"ü" * 33}"]', "labels.2: the label 'üüü"),
        ('background = ["quiet"]', 'background = ["noise"]', "toml:24: detector.background: 'noise' is not a label"),
        ("[link]", "[link", "is not TOML: "),
        ("[link]", "[links]", "fieldwren.toml:26: links: there is no such field"),
        ("schema = 1", "schema = 2", "schema 2 is newer than this fieldwren, which reads 1: update it"),
        ("schema = 1", "schema = 0", "schema 0 is not known"),
        ("schema = 1", "", "the first line must be `schema = 1`"),
        ("schema = 1", "schema = true", "the first line must be `schema = 1`"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in devices.KEYWORD
    with pytest.raises(BadInputError) as caught:
        load(tmp_path, devices.KEYWORD.replace(old, new))
    assert message in str(caught.value)


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there is no such file"):
        load_app(tmp_path)
    (tmp_path / "fieldwren.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInputError, match="is not UTF-8"):
        load_app(tmp_path)


def test_an_older_schema_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def renamed(table: dict[str, object]) -> dict[str, object]:
        return {("model" if key == "tflite" else key): value for key, value in table.items()}

    monkeypatch.setattr(app_module, "MIGRATIONS", {0: renamed})
    text = devices.KEYWORD.replace("schema = 1", "schema = 0").replace("model =", "tflite =")
    assert load(tmp_path, text) == load(tmp_path, devices.KEYWORD)


def agree(tmp_path: Path, edit: Edit = str, text: str = devices.KEYWORD, **metadata: str) -> AppModel:
    return app_model(load(tmp_path, edit(text)), graph(**metadata), devices.program())


def test_times_become_counts(tmp_path: Path) -> None:
    model = agree(tmp_path)
    assert isinstance(model.front_end, AudioFrontEnd) and model.element_period_ms == Fraction(1, 8)
    assert (model.stride_frames, model.stride_ms) == (2, 16.0)
    detector = model.detector
    assert detector is not None
    assert (detector.smoothing, detector.minimum_count, detector.refractory_ms) == (3, 2, 40)
    assert detector.thresholds == (0.45,) * 3 and detector.background == (True, False, False)


def test_rows_have_the_stride_of_the_front_end(tmp_path: Path) -> None:
    model = agree(tmp_path, text=devices.PRESENCE)
    assert isinstance(model.front_end, SensorFrontEnd)
    assert (model.stride_frames, model.stride_ms, model.element_period_ms, model.columns) == (
        1,
        500.0,
        Fraction(500),
        2,
    )
    assert model.detector is not None and (model.detector.smoothing, model.detector.mode) == (2, "states")


def test_thresholds_of_single_labels(tmp_path: Path) -> None:
    model = agree(tmp_path, lambda t: t.replace("smoothing_ms", "thresholds = { high = 0.9 }\nsmoothing_ms"))
    assert model.detector is not None and model.detector.thresholds == (0.45, 0.45, 0.9)


def test_front_end_and_labels_come_from_the_model(tmp_path: Path) -> None:
    start, end = devices.KEYWORD.index("[front_end]"), devices.KEYWORD.index("[detector]")
    bare = (devices.KEYWORD[:start] + devices.KEYWORD[end:]).replace('labels = ["quiet", "low", "high"]', "")
    stored = agree(tmp_path).front_end.to_json()
    model = agree(tmp_path, text=bare, front_end=stored, labels=json.dumps(["quiet", "a", "b"]))
    assert model.labels == ("quiet", "a", "b") and model.front_end.to_json() == stored
    with pytest.raises(BadInputError, match="does not say which front end"):
        agree(tmp_path, text=bare)
    with pytest.raises(BadInputError, match="labels: is missing"):
        agree(tmp_path, text=bare, front_end=stored)
    with pytest.raises(BadInputError, match="is no list of names"):
        agree(tmp_path, text=bare, front_end=stored, labels="3")
    with pytest.raises(BadInputError, match="'quiet' is not a label"):
        agree(tmp_path, text=bare, front_end=stored, labels=json.dumps(["x", "a", "b"]))


def test_a_manifest_must_not_contradict_the_model(tmp_path: Path) -> None:
    front_end = agree(tmp_path).front_end
    assert isinstance(front_end, AudioFrontEnd)
    other = replace(front_end, mel_count=9)
    with pytest.raises(BadInputError, match=r"toml:8: front_end: differs from the front end in the metadata"):
        agree(tmp_path, front_end=other.to_json())


def with_front_end(text: str) -> Edit:
    start, end = devices.KEYWORD.index("[front_end]"), devices.KEYWORD.index("[detector]")
    return lambda manifest: manifest[:start] + text + "\n\n" + manifest[end:]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda t: t.replace("window_frames = 4", "window_frames = 5"),
            "has 32 elements .* 5 frames of 8, which are 40",
        ),
        (lambda t: t.replace('"low", "high"]', '"low"]'), "toml:6: labels: there are 2 labels, and .* has 3 elements"),
        (lambda t: t.replace("stride_ms = 16", "stride_ms = 20"), "stride_ms: 20 ms is no multiple .* hop of 8 ms"),
        (
            lambda t: t.replace("smoothing_ms", "minimum_count = 9\nsmoothing_ms"),
            "minimum_count: is 9, .* 3 inferences",
        ),
        (lambda t: t.replace("mel_count = 8", "mel_count = 0"), "toml:8: front_end: front end: mel_count"),
        (with_front_end('[front_end]\npreset = "hi-fi"'), "toml:9: front_end.preset: there is no preset 'hi-fi'"),
        (with_front_end('[front_end]\npreset = "mlperf-kws"\nx = 1'), "preset stands alone"),
        (with_front_end('[front_end]\npreset = "mlperf-kws"'), "49 frames of 10"),
        (lambda t: t.replace('"keyword"', '"anomaly"'), "has 32 inputs and 3 outputs"),
        (lambda t: t.replace('"keyword"', '"regression"'), "toml:6: labels: a regression has no labels"),
    ],
)
def test_app_and_model_that_do_not_agree(tmp_path: Path, edit: Edit, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        agree(tmp_path, edit)


def changed_port(program: Program, which: str, **changes: object) -> Program:
    ports = getattr(program, which)
    return replace(program, **{which: (replace(ports[0], **changes), *ports[1:])})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (replace(devices.program(), inputs=()), "0 inputs"),
        (changed_port(devices.program(), "inputs", dtype="int32"), "the input 'in' is int32"),
        (changed_port(devices.program(), "inputs", scale=0.0), "without a scale"),
        (changed_port(devices.program(), "outputs", dtype="int64"), "the output 'out' is int64"),
    ],
)
def test_models_that_cannot_be_an_app(tmp_path: Path, program: Program, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        app_model(load(tmp_path, devices.KEYWORD), graph(), program)


def test_one_label_alone(tmp_path: Path) -> None:
    single = changed_port(devices.program(), "outputs", shape=(1, 1), nbytes=1)
    labels = '["quiet", "low", "high"]'
    text = devices.KEYWORD.replace(labels, '["high"]').replace('background = ["quiet"]\n', "")
    model = app_model(load(tmp_path, text), graph(), single)
    assert model.detector is not None and model.detector.thresholds == (0.45,)
    pair = devices.KEYWORD.replace(labels, '["quiet", "high"]')
    model = app_model(load(tmp_path, pair), graph(), single)
    assert model.detector is not None and model.detector.background == (True, False)
    for setting, what in (('mode = "states"', "mode states"), ('output = "softmax"', "a softmax")):
        app = load(tmp_path, text.replace("[detector]", f"[detector]\n{setting}"))
        with pytest.raises(BadInputError, match=f"toml:6: labels: {what} chooses between labels, and there is one"):
            app_model(app, graph(), single)


def test_a_model_with_a_state_sees_each_frame_once(tmp_path: Path) -> None:
    stateful = replace(devices.program(), buffers=(Buffer("s", Place.STATE, 4, "int8"),))
    with pytest.raises(BadInputError, match="keeps a state"):
        app_model(load(tmp_path, devices.KEYWORD), graph(), stateful)
    text = devices.KEYWORD.replace("stride_ms = 16\n", "")
    assert app_model(load(tmp_path, text), graph(), stateful).stride_frames == 4
    assert app_model(load(tmp_path, text), graph(), devices.program()).stride_frames == round(100 / 8)


def test_regressions_and_anomalies(tmp_path: Path) -> None:
    labels = 'labels = ["quiet", "low", "high"]\n'
    text = devices.KEYWORD.replace(labels, "").replace('background = ["quiet"]\n', "")
    regression = agree(tmp_path, text=text.replace('"keyword"', '"regression"'))
    assert regression.labels == () and regression.detector is None
    same_size = changed_port(devices.program(), "outputs", shape=(1, 32), nbytes=32)
    anomaly = text.replace('"keyword"', '"anomaly"')
    with pytest.raises(BadInputError, match="half_error: is missing"):
        app_model(load(tmp_path, anomaly), graph(), same_size)
    anomaly = anomaly.replace("threshold =", "half_error = 2.0\nthreshold =")
    model = app_model(load(tmp_path, anomaly), graph(), same_size)
    assert model.labels == ("normal", "anomaly")
    assert model.detector is not None and model.detector.background == (True, False)


def test_presets_are_known(tmp_path: Path) -> None:
    kws = changed_port(devices.program(), "inputs", shape=(1, 49, 10, 1))
    text = with_front_end('[front_end]\npreset = "mlperf-kws"')(devices.KEYWORD).replace(
        "stride_ms = 16", "stride_ms = 40"
    )
    model = app_model(load(tmp_path, text), graph(), kws)
    assert model.front_end == PRESETS["mlperf-kws"] and model.stride_frames == 2
