"""An app together with what its model says: front end, labels and tensors agree, or one sentence says why not."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from fieldwren.anomaly import Anomaly, stored_anomaly
from fieldwren.app import App
from fieldwren.core import PORTABLE, Core, Optimise
from fieldwren.detector import DetectorConfig
from fieldwren.errors import BadInputError
from fieldwren.features import METADATA_KEY, PRESETS, FrontEndParameters, SensorFrontEnd, from_json
from fieldwren.graph import Graph
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.program import Port, Program
from fieldwren.streaming import Streamed
from fieldwren.tflite import read_model

if TYPE_CHECKING:
    from fieldwren.learn import Factory
    from fieldwren.learn.adapters import AdapterTables

LABELS_KEY = "fieldwren.labels"
DEFAULT_STRIDE_MS = 100.0
INPUT_DTYPES = ("int8", "uint8", "int16", "float32")
OUTPUT_DTYPES = ("int8", "uint8", "int16", "float32")
VALUES_MOST = 16
ANOMALY_LABELS = ("normal", "anomaly")


@dataclass(frozen=True)
class AppModel:
    """A checked app. `labels` and `detector` are empty and `None` for a regression, which has no classes; `outputs` names
    its values.

    `streaming` is None for a model that is run on whole windows.
    `stride_frames` is what the app loop counts: frames of an audio front end from one inference to the next (rows: 1, the
    front end itself says when a window is due). `stride_ms` is the same in time. `factory` is what the learner of an app with
    [learn] starts from; its firmware has only the model's backbone, with `adapter_tables` in its state if it has adapters.
    """

    app: App
    front_end: FrontEndParameters
    labels: tuple[str, ...]
    detector: DetectorConfig | None
    stride_frames: int
    stride_ms: float
    streaming: Streamed | None = None
    factory: Factory | None = None
    adapter_tables: AdapterTables | None = None
    outputs: tuple[str, ...] = ()
    anomaly: Anomaly | None = None

    @property
    def device_front_end(self) -> FrontEndParameters:
        """The front end as the firmware runs it: an incremental model remembers the older frames of the window itself."""
        if self.streaming is None or isinstance(self.front_end, SensorFrontEnd):
            return self.front_end
        return replace(self.front_end, window_frames=self.streaming.fed_frames)

    @property
    def element_period_ms(self) -> Fraction:
        """How long one sample, or one row, lasts."""
        if not isinstance(self.front_end, SensorFrontEnd):
            return Fraction(1000, self.front_end.sample_rate_hz)
        return Fraction(self.front_end.row_interval_ms).limit_denominator(1000)

    @property
    def targets(self) -> tuple[str, ...]:
        """Columns of a row behind the channels that say what a regression that learns should have answered."""
        return self.outputs if self.app.learn is not None else ()

    @property
    def row_columns(self) -> tuple[str, ...]:
        """All columns of a row, in order; none for audio."""
        return (*self.front_end.channels, *self.targets) if isinstance(self.front_end, SensorFrontEnd) else ()

    @property
    def columns(self) -> int:
        """Values in one element of input: 1 for audio."""
        return len(self.row_columns) or 1


def load_app_model(app: App, core: Core = PORTABLE, optimise: Optimise = "balanced") -> tuple[AppModel, Plan]:
    """Reads the app's model, lowers it for `core`, lays it out, and checks that app and model agree.

    Raises BadInputError naming the manifest's field or the model's tensor.
    """
    graph = read_model(app.model_path)
    planned = plan(lower(graph, core, optimise))
    return app_model(app, graph, planned.program), planned


def app_model(app: App, graph: Graph, program: Program) -> AppModel:
    """`app` with front end, labels and detector, checked against the model."""
    front_end = app_front_end(app, graph)
    if len(program.inputs) != 1 or not program.outputs:
        raise BadInputError(
            f"{app.model_path}: the model has {len(program.inputs)} inputs and {len(program.outputs)} outputs, "
            "and an app feeds one input and reads the first output"
        )
    _check_input(app, front_end, program.inputs[0])
    stride_frames, stride_ms = _stride(app, front_end, program)
    labels = _labels(app, graph, program)
    detector = _detector(app, labels, stride_ms) if labels else None
    return AppModel(
        app,
        front_end,
        labels,
        detector,
        stride_frames,
        stride_ms,
        outputs=_output_names(app, graph, program) if app.kind == "regression" else (),
        anomaly=_anomaly(app, graph, program) if app.kind == "anomaly" else None,
    )


def app_front_end(app: App, graph: Graph) -> FrontEndParameters:
    """The front end in the model's metadata or in the manifest; BadInputError for none, or two that differ."""
    stored = from_json(graph.metadata[METADATA_KEY]) if METADATA_KEY in graph.metadata else None
    given = None if app.front_end is None else _given_front_end(app)
    if stored is None and given is None:
        raise BadInputError(
            f"{app.model_path}: the model does not say which front end it was trained with: add "
            f"[front_end] to {app.manifest_path} (presets: {', '.join(PRESETS)})"
        )
    if stored is not None and given is not None and stored != given:
        raise BadInputError(
            f"{app.where('front_end')}: differs from the front end in the metadata of {app.model}: remove it from the manifest"
        )
    made = given if stored is None else stored
    assert made is not None
    return made


def _given_front_end(app: App) -> FrontEndParameters:
    assert app.front_end is not None
    fields = dict(app.front_end)
    preset = fields.pop("preset", None)
    if preset is None:
        try:
            return from_json(json.dumps({"schema": 1, **fields}))
        except BadInputError as error:
            raise BadInputError(f"{app.where('front_end')}: {error}") from error
    if preset not in PRESETS or fields:
        what = f"there is no preset {preset!r}" if preset not in PRESETS else "a preset stands alone"
        raise BadInputError(f"{app.where('front_end', 'preset')}: {what}: the presets are {', '.join(PRESETS)}")
    return PRESETS[preset]


def _check_input(app: App, front_end: FrontEndParameters, port: Port) -> None:
    elements = front_end.window_frames * front_end.frame_values
    has = 1
    for size in port.shape:
        has *= size
    if has != elements:
        raise BadInputError(
            f"{app.model_path}: the input {port.name!r} has {has} elements {list(port.shape)}, and the front end gives "
            f"{front_end.window_frames} frames of {front_end.frame_values}, which are {elements}"
        )
    if port.dtype not in INPUT_DTYPES:
        raise BadInputError(
            f"{app.model_path}: the input {port.name!r} is {port.dtype}; an app feeds {', '.join(INPUT_DTYPES)}"
        )
    if port.dtype != "float32" and not port.scale > 0.0:
        raise BadInputError(
            f"{app.model_path}: the input {port.name!r} is {port.dtype} without a scale: quantise the model"
        )


def _stride(app: App, front_end: FrontEndParameters, program: Program) -> tuple[int, float]:
    """Frames and milliseconds from one inference to the next."""
    wanted = app.detector.stride_ms
    hop_ms = front_end.hop_ms
    if isinstance(front_end, SensorFrontEnd):
        if wanted is not None and wanted != hop_ms:
            raise BadInputError(
                f"{app.where('detector', 'stride_ms')}: the front end makes a window every {hop_ms:g} ms: remove stride_ms"
            )
        return 1, hop_ms
    if wanted is None:
        # A model with a state expects each frame once; any other looks at a window that slides.
        frames = front_end.window_frames if program.is_stateful else max(1, round(DEFAULT_STRIDE_MS / hop_ms))
        return frames, frames * hop_ms
    frames = round(wanted / hop_ms)
    if frames < 1 or abs(frames * hop_ms - wanted) > 1e-6 * wanted:
        raise BadInputError(
            f"{app.where('detector', 'stride_ms')}: {wanted:g} ms is no multiple of the front end's hop of {hop_ms:g} ms"
        )
    if program.is_stateful and frames != front_end.window_frames:
        raise BadInputError(
            f"{app.where('detector', 'stride_ms')}: the model keeps a state between inferences and must see each frame once: "
            f"its windows are {front_end.window_frames} frames, {front_end.window_frames * hop_ms:g} ms"
        )
    return frames, wanted


def _output_elements(port: Port) -> int:
    elements = 1
    for size in port.shape:
        elements *= size
    return elements


def _labels(app: App, graph: Graph, program: Program) -> tuple[str, ...]:
    port = program.outputs[0]
    count = _output_elements(port)
    if port.dtype not in OUTPUT_DTYPES:
        raise BadInputError(
            f"{app.model_path}: the output {port.name!r} is {port.dtype}; an app reads {', '.join(OUTPUT_DTYPES)}"
        )
    if app.kind == "regression":
        if count > VALUES_MOST or app.labels is not None:
            what = f"has {count} elements, a regression shows at most {VALUES_MOST}" if count > VALUES_MOST else None
            raise BadInputError(
                f"{app.model_path}: the output {port.name!r} {what}"
                if what
                else f"{app.where('labels')}: a regression has no labels"
            )
        return ()
    labels = app.labels or _stored_labels(app, graph)
    if app.kind == "anomaly":
        return _anomaly_labels(app, program, labels)
    if labels is None:
        raise BadInputError(
            f"{app.manifest_path}: labels: is missing, and the model carries none: name its {count} outputs in order"
        )
    if len(labels) != count and not (count == 1 and len(labels) == 2):
        raise BadInputError(
            f"{app.where('labels')}: there are {len(labels)} labels, and the model's output {port.name!r} has {count} "
            f"element{'s' if count != 1 else ''}: give one label for each, in order"
        )
    if len(labels) == 1 and (app.mode != "events" or app.detector.output == "softmax"):
        what = f"mode {app.mode}" if app.mode != "events" else "a softmax"
        raise BadInputError(
            f"{app.where('labels')}: {what} chooses between labels, and there is one: name first what it is not"
        )
    app.check_labels(labels)
    return labels


def _output_names(app: App, graph: Graph, program: Program) -> tuple[str, ...]:
    """Names of a regression's values: the metadata's, or y0, y1 …"""
    count = _output_elements(program.outputs[0])
    names = _stored_labels(app, graph) or tuple(f"y{number}" for number in range(count))
    if len(names) != count:
        raise BadInputError(
            f"{app.model_path}: the metadata {LABELS_KEY} names {len(names)} outputs, and the model has {count}"
        )
    return names


def _anomaly(app: App, graph: Graph, program: Program) -> Anomaly:
    """How errors become a score: the model's metadata, in which the manifest's half_error comes first."""
    stored = stored_anomaly(graph, _output_elements(program.inputs[0]))
    half_error = app.detector.half_error or (stored.half_error if stored else None)
    if half_error is None:
        raise BadInputError(f"{app.where('detector', 'half_error')}: is missing, and needed for anomalies")
    return Anomaly(half_error, stored.whitening if stored else None)


def _anomaly_labels(app: App, program: Program, labels: tuple[str, ...] | None) -> tuple[str, ...]:
    if _output_elements(program.inputs[0]) != _output_elements(program.outputs[0]):
        raise BadInputError(
            f"{app.model_path}: a model for anomalies gives back its input, and this one has "
            f"{_output_elements(program.inputs[0])} inputs and {_output_elements(program.outputs[0])} outputs"
        )
    labels = labels or ANOMALY_LABELS
    if len(labels) != 2:
        raise BadInputError(
            f"{app.where('labels')}: an anomaly app has two labels: of what is normal, and of what is not"
        )
    app.check_labels(labels)
    return labels


def _stored_labels(app: App, graph: Graph) -> tuple[str, ...] | None:
    if LABELS_KEY not in graph.metadata:
        return None
    try:
        labels = json.loads(graph.metadata[LABELS_KEY])
    except ValueError:
        labels = None
    if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
        raise BadInputError(
            f"{app.model_path}: the metadata {LABELS_KEY} is no list of names: give labels in the manifest"
        )
    return tuple(labels)


def _detector(app: App, labels: tuple[str, ...], stride_ms: float) -> DetectorConfig:
    settings = app.detector
    smoothing = max(1, round(settings.smoothing_ms / stride_ms))
    minimum = (smoothing + 1) // 2 if settings.minimum_count is None else settings.minimum_count
    if minimum > smoothing:
        raise BadInputError(
            f"{app.where('detector', 'minimum_count')}: is {minimum}, and {settings.smoothing_ms:g} ms of smoothing are "
            f"{smoothing} inference{'s' if smoothing != 1 else ''}"
        )
    background = settings.background or (labels[:1] if app.kind == "anomaly" else ())
    return DetectorConfig(
        thresholds=tuple(settings.thresholds.get(label, settings.threshold) for label in labels),
        background=tuple(label in background for label in labels),
        mode=app.mode,
        smoothing=smoothing,
        minimum_count=minimum,
        refractory_ms=round(settings.refractory_ms),
        release=settings.release,
    )
