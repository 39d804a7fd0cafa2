"""microWakeWord models as ESPHome takes them: a .tflite and a JSON manifest, version 1 or 2, become an app's files."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from fieldwren.app import MANIFEST, app_of_table
from fieldwren.app_model import app_model
from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.features import MicroFrontEnd
from fieldwren.features.extract import model_input
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.tflite import read_model

MODEL_FILE = "model.tflite"
V1_FEATURE_STEP_MS = 20
"""Feature step of the models with manifests of version 1, which do not say it."""

REFRACTORY_MS = 1000
RELEASE = 0.2
_SAMPLES_PER_MS = 16


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


Text = Annotated[str, AfterValidator(_printable)]
Name = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)]
Fraction = Annotated[float, Field(gt=0.0, le=1.0)]
Count = Annotated[int, Field(ge=1, le=1000)]
Table = TypeVar("Table", bound=BaseModel)


class _Manifest(BaseModel):
    """What both versions have. Other fields are left alone: the format belongs to somebody else."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    type: Literal["micro"]
    wake_word: Name
    author: Text | None = None
    website: Text | None = None
    trained_languages: list[Text] = Field(default_factory=list)
    model: Annotated[str, Field(min_length=1)]


class _MicroV1(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    probability_cutoff: Fraction
    sliding_window_average_size: Count
    minimum_esphome_version: Text | None = None


class _MicroV2(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    probability_cutoff: Fraction
    feature_step_size: Annotated[int, Field(ge=1, le=30)]
    sliding_window_size: Count
    tensor_arena_size: Annotated[int, Field(ge=0)] | None = None
    minimum_esphome_version: Text | None = None


class _ManifestV1(_Manifest):
    micro: _MicroV1


class _ManifestV2(_Manifest):
    micro: _MicroV2


@dataclass(frozen=True)
class WakeWord:
    """A manifest, whatever its version.

    `model` is the model file's path. `feature_step_ms`: from one feature frame to the next. `sliding_window`: inferences
    whose probabilities are averaged. `tensor_arena_bytes`: what ESPHome would give TensorFlow Lite Micro; `None` in
    version 1.
    """

    path: Path
    version: int
    wake_word: str
    author: str | None
    website: str | None
    trained_languages: tuple[str, ...]
    model: Path
    probability_cutoff: float
    feature_step_ms: int
    sliding_window: int
    tensor_arena_bytes: int | None
    minimum_esphome_version: str | None


@dataclass(frozen=True)
class WakeWordApp:
    """An app made of a manifest: its files, and the RAM of the model here (arena and state)."""

    files: dict[str, bytes]
    arena_bytes: int


def read_manifest(path: str | Path) -> WakeWord:
    """Reads a manifest and finds its model.

    Raises BadInputError when there is no such file, it is no JSON object, a field is missing or wrong, its version is
    neither 1 nor 2, or the model is not where it says.
    """
    path = Path(path)
    table = _table(path)
    version = table.get("version")
    if version == 1 and version is not True:
        v1 = _checked(_ManifestV1, table, path)
        return _wake_word(path, 1, v1, v1.micro, V1_FEATURE_STEP_MS, v1.micro.sliding_window_average_size, None)
    if version == 2:
        v2 = _checked(_ManifestV2, table, path)
        micro = v2.micro
        return _wake_word(
            path, 2, v2, micro, micro.feature_step_size, micro.sliding_window_size, micro.tensor_arena_size
        )
    said = "is missing" if "version" not in table else f"is {json.dumps(version)}"
    raise BadInputError(f"{path}: version: {said}, and the manifests of microWakeWord have 1 or 2")


def _table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: there is no such file") from error
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadInputError(f"{path}: is not JSON: {error}") from error
    if not isinstance(table, dict):
        raise BadInputError(f"{path}: is no manifest of microWakeWord: it must hold one JSON object")
    return table


def _checked(schema: type[Table], table: dict[str, Any], path: Path) -> Table:
    try:
        return schema.model_validate(table)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            raise BadInputError(f"{path}: {field}: is missing") from error
        message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        raise BadInputError(f"{path}: {field}: is {problem['input']!r}, and {message}") from error


def _wake_word(
    path: Path,
    version: int,
    manifest: _Manifest,
    micro: _MicroV1 | _MicroV2,
    feature_step_ms: int,
    sliding_window: int,
    tensor_arena_bytes: int | None,
) -> WakeWord:
    if "://" in manifest.model:
        raise BadInputError(
            f"{path}: model: {manifest.model} is not a file: download it, and give its name in the manifest"
        )
    model = path.parent / manifest.model
    if not model.is_file():
        raise BadInputError(f"{path}: model: there is no file {model}: put it there, or correct the manifest")
    return WakeWord(
        path=path,
        version=version,
        wake_word=manifest.wake_word,
        author=manifest.author,
        website=manifest.website,
        trained_languages=tuple(manifest.trained_languages),
        model=model,
        probability_cutoff=micro.probability_cutoff,
        feature_step_ms=feature_step_ms,
        sliding_window=sliding_window,
        tensor_arena_bytes=tensor_arena_bytes,
        minimum_esphome_version=micro.minimum_esphome_version,
    )


def wake_word_app(source: WakeWord, folder: Path) -> WakeWordApp:
    """The files of the app `folder.name` around the manifest's model, checked as every verb would check them.

    Nothing is written. Raises BadInputError for a model that is not one of microWakeWord's: [1, n, 40] int8 frames of the
    micro front end in, one probability out.
    """
    graph = read_model(source.model)
    front_end = MicroFrontEnd(variant="microfrontend", hop_samples=source.feature_step_ms * _SAMPLES_PER_MS)
    tensor = model_input(graph, front_end, whole=False)
    frames = tensor.elements // front_end.frame_values
    planned = plan(lower(graph, PORTABLE))
    outputs = planned.program.outputs
    if len(outputs) != 1 or any(size != 1 for size in outputs[0].shape):
        shapes = ", ".join(str(list(port.shape)) for port in outputs) or "none"
        raise BadInputError(f"{source.model}: its outputs are {shapes}, and a wake word has one probability: [1, 1]")
    text = _app_text(source, folder.name, frames)
    app_model(app_of_table(tomllib.loads(text), folder / MANIFEST, text), graph, planned.program)
    arena_bytes = planned.arena_bytes + planned.state_bytes
    files = {
        MANIFEST: text.encode(),
        "README.md": _readme(source, folder.name, frames, planned).encode(),
        MODEL_FILE: source.model.read_bytes(),
    }
    return WakeWordApp(files, arena_bytes)


def _quoted(text: str) -> str:
    """A TOML basic string; for printable text JSON's escapes are TOML's."""
    return json.dumps(text, ensure_ascii=False)


def _app_text(source: WakeWord, name: str, frames: int) -> str:
    stride_ms = frames * source.feature_step_ms
    return f"""schema = 1
name = {_quoted(name)}
kind = "keyword"
model = {_quoted(MODEL_FILE)}
labels = [{_quoted(source.wake_word)}]

[front_end]
kind = "micro"
variant = "microfrontend"
hop_samples = {source.feature_step_ms * _SAMPLES_PER_MS}     # a frame every {source.feature_step_ms} ms
window_frames = {frames}

[detector]
stride_ms = {stride_ms}        # the model remembers what it heard, and hears each frame once
smoothing_ms = {source.sliding_window * stride_ms}     # {source.sliding_window} inferences
minimum_count = {source.sliding_window}
threshold = {source.probability_cutoff!r}
release = {round(min(RELEASE, source.probability_cutoff / 2), 4)!r}         # heard again only after falling so far below the threshold
refractory_ms = {REFRACTORY_MS}
"""


def _readme(source: WakeWord, name: str, frames: int, planned: Plan) -> str:
    rows = [
        ("wake word", source.wake_word),
        ("author", source.author),
        ("website", source.website),
        ("trained languages", ", ".join(source.trained_languages) or None),
        ("manifest", f"{source.path.name}, version {source.version}"),
        ("minimum ESPHome version", source.minimum_esphome_version),
        ("input", f"{frames} frames of 40 values, one every {source.feature_step_ms} ms"),
        ("probability cut-off", f"{source.probability_cutoff:g}"),
        ("sliding window", f"{source.sliding_window} inferences"),
        ("RAM of the model here", f"{planned.arena_bytes} bytes arena, {planned.state_bytes} bytes state"),
        (
            "tensor arena in ESPHome",
            None if source.tensor_arena_bytes is None else f"{source.tensor_arena_bytes} bytes",
        ),
    ]
    table = "\n".join(f"| {what} | {said.replace('|', chr(92) + '|')} |" for what, said in rows if said is not None)
    return f"""# {name}: a wake word

| | |
|---|---|
{table}

Made by `fieldwren new` from the manifest and model of microWakeWord. The model is unchanged; its licence is its author's.

```
fieldwren run {name} --board mps2-an386 --wav speech.wav
```
"""
