"""The app: what fieldwren.toml says. Written by people, read by every verb that takes an app folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fieldwren.detector import Mode, Output
from fieldwren.errors import BadInputError

MANIFEST = "fieldwren.toml"
SCHEMA = 1

Kind = Literal["keyword", "presence", "characters", "regression", "anomaly"]
LABEL_BYTES_MOST = 64


def _label(text: str) -> str:
    if not 0 < len(text.encode()) <= LABEL_BYTES_MOST or not text.isprintable():
        raise ValueError(f"the label {text!r} must have 1 to {LABEL_BYTES_MOST} bytes, all printable")
    return text


Label = Annotated[str, AfterValidator(_label)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Milliseconds = Annotated[float, Field(gt=0.0, le=1e9)]

Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: Mapping[int, Migration] = {}
"""Schema number → how a table of that schema becomes one of the next."""

_TABLE = re.compile(r"^\s*\[\s*([A-Za-z0-9_.\- ]+?)\s*\]")
_KEY = re.compile(r"^\s*(?:\"([^\"]+)\"|'([^']+)'|([A-Za-z0-9_-]+))\s*=")


class Strict(BaseModel):
    """Frozen, no unknown keys, no conversions between types (but an integer may stand for a real number)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class DetectorSettings(Strict):
    """How posteriors become detections; times are of the input, not of the clock on the wall.

    `stride_ms`: from one inference to the next, a multiple of the front end's hop (sensor rows: left out, the front end
    says it); `None` is the hop of a front end whose windows do not overlap, else 100 ms, or the hop if that is longer.
    `smoothing_ms`: posteriors are averaged over so long. `threshold`: what a smoothed posterior must reach, `thresholds`
    for single labels. `refractory_ms`: the least time between two detections, or two changes of state.
    `minimum_count`: inferences before anything is reported; `None` is half of those that are averaged. `release`: how far
    below its threshold a label must fall before it can fire again. `background`: labels that are never reported.
    `mode` as in fieldwren.detector; `None` is `events` for keywords and anomalies, `states` for presence, else `every`.
    `output`: what the model's last layer gives; anomalies and regressions have no use for it. `half_error`: for anomalies,
    the mean squared error between input and output at which the confidence is one half.
    """

    stride_ms: Milliseconds | None = None
    smoothing_ms: Annotated[float, Field(ge=0.0, le=1e9)] = 0.0
    threshold: Fraction = 0.5
    thresholds: Mapping[Label, Fraction] = Field(default_factory=dict)
    refractory_ms: Annotated[float, Field(ge=0.0, le=2e9)] = 0.0
    minimum_count: Annotated[int, Field(ge=1, le=65535)] | None = None
    release: Fraction = 0.0
    background: tuple[Label, ...] = ()
    mode: Mode | None = None
    output: Output = "probability"
    half_error: Annotated[float, Field(gt=0.0, le=1e30)] | None = None


class MicrophoneSettings(Strict):
    """What is done to samples before the front end: `gain` (1 leaves them as they are), removal of a constant part."""

    gain: Annotated[float, Field(gt=0.0, lt=256.0)] = 1.0
    remove_dc: bool = False


class LinkSettings(Strict):
    """`buffer_ms`: input that is buffered while the model runs.

    `capture`: whether audio may leave the device. Without it the firmware has no code that could send any; with it the
    host can record what the front end hears, for as long as it likes, and the device keeps `capture_ms` of it for a host
    that is late.
    """

    buffer_ms: Milliseconds | None = None
    capture: bool = False
    capture_ms: Annotated[float, Field(gt=0.0, le=60000.0)] = 1000.0


class LabelRule(Strict):
    """A weak label from a column of the app's rows: `label` while it is above `above`, else `otherwise`.

    Every `every_s` seconds one window is labelled so; a row without the value is not.
    """

    channel: Annotated[str, Field(min_length=1)]
    above: float
    label: Label
    otherwise: Label
    every_s: Annotated[float, Field(gt=0.0, le=1e6)]


class ButtonSettings(Strict):
    """What pressing a button of the board means: `feedback` on the newest detection, `undo`, or a label to `teach`.

    `sample` is what is taught: the `newest`, or the one that was `detected` or nearly was (`missed`) last. A label that the
    model does not have is added at the first press.
    """

    feedback: Literal["right", "wrong"] | None = None
    undo: bool = False
    teach: Label | None = None
    sample: Literal["newest", "detected", "missed"] = "newest"

    @model_validator(mode="after")
    def _one(self) -> ButtonSettings:
        if (self.feedback is not None) + self.undo + (self.teach is not None) != 1:
            raise ValueError('must have one of feedback = "right" or "wrong", undo = true, teach = LABEL')
        if self.sample != "newest" and self.teach is None:
            raise ValueError("sample belongs to teach")
        return self


class LearnSettings(Strict):
    """How the app's last layer goes on learning on the device; a manifest without [learn] has none of it.

    `spare_classes`: classes that people may add. `replay_per_class`: embeddings kept of each class. `guard_samples`:
    embeddings that every change is checked with, and taken back if it costs more than `guard_loss` of them (`None`: 1; of
    values, whose guard are the newest lessons, a fifth of them); 0: no guard. `None`: 15, of values 0.
    `passes`: over what was taught, after teaching. `rate`, `momentum`, `pull` (towards the factory head, per update),
    `imprint`, `replays_per_sample`, `running_statistics`: as in fw_learner.h. `reject_below`: confidence under which an
    answer is "none of them". What was learned is saved `save_after_s` after the last lesson, at most every `save_every_s`
    (`None`: so rarely that the flash lasts ten years). `import_head`: whether a head can be put over the link, which
    takes RAM for all of it; `None`: on boards with 64 KiB or more. `near_misses`: embeddings kept of what was nearly
    detected (apps that report events). `rule`: labels that the device gives itself. `buttons`:
    what the board's first, second … button does; boards without buttons leave them out.
    `fleet`: whether the device can be a member of a federation (docs/fleet.md), which takes RAM for six heads.
    `adapters`: the backbone's last layer learns too, a scale and a bias a channel, `adapter_rate` times as fast.
    `forgetting`: regressions learn by recursive least squares, and what was learned counts this much after each sample;
    `None`: by gradient descent.
    `teach_below`: an anomaly app takes what it sees for normal, and learns it, while its confidence that it is none is
    below this; 0: it learns only what it is told.
    """

    spare_classes: Annotated[int, Field(ge=0, le=64)] = 4
    replay_per_class: Annotated[int, Field(ge=1, le=255)] = 8
    guard_samples: Annotated[int, Field(ge=0, le=1024)] | None = None
    guard_loss: Annotated[int, Field(ge=0, le=1024)] | None = None
    replays_per_sample: Annotated[int, Field(ge=0, le=64)] = 4
    passes: Annotated[int, Field(ge=1, le=1000)] = 20
    rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.05
    momentum: Annotated[float, Field(ge=0.0, le=0.99)] = 0.5
    pull: Annotated[float, Field(ge=0.0, le=0.1)] = 1e-4
    imprint: Fraction = 0.5
    reject_below: Fraction = 0.0
    running_statistics: bool = False
    save_after_s: Annotated[float, Field(ge=0.0, le=86400.0)] = 10.0
    save_every_s: Annotated[float, Field(ge=0.0, le=1e6)] | None = None
    import_head: bool | None = None
    near_misses: Annotated[int, Field(ge=0, le=64)] = 4
    adapters: bool = False
    adapter_rate: Annotated[float, Field(gt=0.0, le=10.0)] = 1.0
    forgetting: Annotated[float, Field(ge=0.9, le=1.0)] | None = None
    rule: LabelRule | None = None
    buttons: tuple[ButtonSettings, ...] = ()
    fleet: bool = False
    teach_below: Fraction = 0.0


class App(Strict):
    """One app. `manifest_path` is the file this was read from; paths in it are relative to its folder.

    `labels` has one name for each output of the model, and is taken from the model's metadata where left out.
    `front_end` is needed only for a model that carries none: `{preset = "mlperf-kws"}`, or the parameters themselves.
    `streaming`: whether the firmware computes only what a new hop changes, with the same results; `auto` is yes where
    that is possible and pays (fieldwren.streaming), and `true` refuses a model that must see the whole window.
    """

    manifest_path: Path
    schema_version: Literal[1] = Field(alias="schema")
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
    kind: Kind
    model: Annotated[str, Field(min_length=1)]
    labels: tuple[Label, ...] | None = None
    front_end: Mapping[str, Any] | None = None
    streaming: bool | Literal["auto"] = "auto"
    detector: DetectorSettings = DetectorSettings()
    microphone: MicrophoneSettings = MicrophoneSettings()
    link: LinkSettings = LinkSettings()
    learn: LearnSettings | None = None

    @field_validator("labels")
    @classmethod
    def _distinct(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if labels is not None and len(set(labels)) != len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            raise ValueError(f"the label {twice!r} stands there twice")
        return labels

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Raises BadInputError when the detector's settings name a label that is not among `labels`."""
        for setting, named in (("background", self.detector.background), ("thresholds", self.detector.thresholds)):
            for label in named:
                if label not in labels:
                    raise BadInputError(
                        f"{self.where('detector', setting)}: {label!r} is not a label of the app: {', '.join(labels)}"
                    )

    def where(self, *parts: str) -> str:
        """`FILE:LINE: field`, for errors about a field that only show later."""
        try:
            text = self.manifest_path.read_text(encoding="utf-8")
        except OSError:
            text = ""
        return _place(self.manifest_path, text, list(parts))

    @property
    def model_path(self) -> Path:
        """The model file."""
        return self.manifest_path.parent / self.model

    @property
    def mode(self) -> Mode:
        """The detector's mode."""
        return self.detector.mode or _MODES[self.kind]


_MODES: Mapping[Kind, Mode] = {
    "keyword": "events",
    "presence": "states",
    "characters": "every",
    "regression": "every",
    "anomaly": "events",
}


def load_app(path: str | Path) -> App:
    """The app in a folder, or of a manifest file.

    Raises BadInputError naming the file, and line and field where it can, when there is no manifest, it is no TOML, a
    field is wrong, or a newer fieldwren wrote it.
    """
    given = Path(path)
    manifest = given / MANIFEST if given.is_dir() else given
    try:
        text = manifest.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise BadInputError(f"{manifest}: there is no such file: an app is a folder with a {MANIFEST}") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{manifest}: is not UTF-8 text") from error
    except OSError as error:
        raise BadInputError(f"{manifest}: cannot be read: {error.strerror or error}") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{manifest}: is not TOML: {error}") from error
    return app_of_table(table, manifest, text)


def app_of_table(table: dict[str, Any], manifest: Path, text: str) -> App:
    """The app of a manifest's parsed table; `text` is what `manifest` holds, or will hold, for lines in errors."""
    try:
        app = App.model_validate(frozen(_migrated(table, manifest)) | {"manifest_path": manifest})
    except ValidationError as error:
        raise BadInputError("; ".join(sentence_of(manifest, text, problem) for problem in error.errors())) from error
    if app.labels is not None:
        app.check_labels(app.labels)
    return app


def _migrated(table: dict[str, Any], manifest: Path) -> dict[str, Any]:
    schema = table.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise BadInputError(f"{manifest}: the first line must be `schema = {SCHEMA}`")
    if schema > SCHEMA:
        raise BadInputError(
            f"{manifest}: schema {schema} is newer than this fieldwren, which reads {SCHEMA}: update it"
        )
    while schema < SCHEMA:
        if schema not in MIGRATIONS:
            raise BadInputError(f"{manifest}: schema {schema} is not known; the present one is {SCHEMA}")
        table = MIGRATIONS[schema](table)
        schema += 1
    return table | {"schema": SCHEMA}


def frozen(value: Any) -> Any:
    """TOML arrays as tuples, which is what frozen models hold."""
    if isinstance(value, dict):
        return {key: frozen(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    return value


def sentence_of(manifest: Path, text: str, problem: Any) -> str:
    """`FILE:LINE: field: what is wrong` of one of pydantic's problems."""
    parts = [str(part) for part in problem["loc"]]
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "there is no such field"
    elif problem["type"] == "missing":
        message = "is missing"
    elif message.startswith("Input should "):
        message = f"is {problem['input']!r}, and should {message.removeprefix('Input should ')}"
    return f"{_place(manifest, text, parts)}: {message}"


def _place(manifest: Path, text: str, parts: list[str]) -> str:
    if not parts:  # of the whole file
        return str(manifest)
    line = _line_of(text, parts)
    return f"{manifest}:{line}: {'.'.join(parts)}" if line else f"{manifest}: {'.'.join(parts)}"


def _line_of(text: str, parts: list[str]) -> int | None:
    """The line (from 1) that sets the field, found by its table and key; None when the text does not show it."""
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _TABLE.match(line):
            table = [part.strip() for part in header.group(1).split(".")]
            if table == parts:
                return number
        elif key := _KEY.match(line):
            path = [*table, next(group for group in key.groups() if group is not None)]
            if parts[: len(path)] == path:
                return number
    return None
