"""`fieldwren generate` and `fieldwren build`: an app or a bare model becomes a PlatformIO project, and that an image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from fieldwren import __version__
from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import Board, Image, load_board, write_project
from fieldwren.boards import build as build_project
from fieldwren.boards.definition import HostProcess, QemuMachine, RenodeMachine, with_framework
from fieldwren.boards.project import MARKER, write_folder
from fieldwren.compiler import compile_model
from fieldwren.core import Optimise
from fieldwren.errors import BadInputError
from fieldwren.features.resample import resample
from fieldwren.features.wav import read_wav
from fieldwren.images import cached_image, core_of, model_sources
from fieldwren.mlperf import benchmark_sources
from fieldwren.render.app import app_sources
from fieldwren.render.environment import Provenance
from fieldwren.render.package import Form, package_files
from fieldwren.render.renode import Heard
from fieldwren.sources import Sources

MODEL_SUFFIX = ".tflite"

Personality = Literal["benchmark"]
"""`benchmark`: the model behind the MLPerf Tiny device protocol."""


@dataclass(frozen=True)
class GenerateResult:
    """A written project, and the files of its own in it."""

    name: str
    board: str
    directory: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class BuildResult:
    """A built image; sizes in bytes, `weights_bytes` is None where the linker does not keep them apart."""

    name: str
    board: str
    elf: str
    sha256: str
    flash_bytes: int
    ram_static_bytes: int
    stack_bytes: int
    weights_bytes: int | None


def sources_of(
    source: str | Path,
    board: Board,
    optimise: Optimise = "balanced",
    personality: Personality | None = None,
    heard: Heard | None = None,
) -> tuple[str, Sources]:
    """(name, sources of the image): an app folder gives the app, a .tflite the `exec` image that is fed tensors.

    With `personality` "benchmark" a .tflite gives the image that speaks the MLPerf Tiny device protocol.
    """
    path = Path(source)
    if path.suffix == MODEL_SUFFIX and not path.is_dir():
        planned = compile_model(path, core_of(board), optimise)
        if personality == "benchmark":
            return planned.program.name, benchmark_sources(planned, board, optimise=optimise)
        if not isinstance(board.emulator, QemuMachine | HostProcess):
            raise BadInputError(
                f"{path}: a bare model has no input on {board.id}: make an app for it with `fieldwren new`, or choose a "
                "board that runs in QEMU"
            )
        return planned.program.name, model_sources(planned, board, "exec", optimise=optimise)
    if personality is not None:
        raise BadInputError(f"{path}: only a bare model (.tflite) has the personality {personality!r}")
    app = load_app(path)
    model, planned = load_device_app(app, board, optimise)
    return app.name, app_sources(model, planned, board, optimise=optimise, heard=heard)


def generate(
    source: str | Path,
    board: str,
    directory: str | Path,
    *,
    optimise: Optimise = "balanced",
    personality: Personality | None = None,
    wav: str | Path | None = None,
    label: str | None = None,
    framework: str | None = None,
) -> GenerateResult:
    """Writes a self-contained PlatformIO project of the app folder or .tflite `source` to `directory`.

    `pio run` builds it, and `pio run -c offline.ini` does so without network and without fieldwren. For a board that
    Renode runs there is renode/ with a script and a test suite; `wav` is then what its microphone hears, and `label` what
    the suite waits for. `framework` ("arduino", "espidf") chooses between a board's PlatformIO projects and the bare board.
    """
    target = with_framework(load_board(board), framework)
    heard = _heard(target, wav, label) if wav is not None or label is not None else None
    name, sources = sources_of(source, target, optimise, personality, heard)
    project = write_project(sources, target, Path(directory))
    files = sorted(p.relative_to(project.directory).as_posix() for p in (project.directory / "src").rglob("*"))
    plain = sorted(p.name for p in project.directory.iterdir() if p.is_file() and p.name != MARKER)
    own = (*files, *sorted(sources.extra), *plain)
    return GenerateResult(name, target.id, str(project.directory), own)


def _heard(board: Board, wav: str | Path | None, label: str | None) -> Heard:
    """The recording for the emulated microphone of `board`, with a second of silence before and after it."""
    if wav is None or label is None:
        raise BadInputError("--wav and --label belong together: a recording, and the label that is said in it")
    if not isinstance(board.emulator, RenodeMachine) or board.microphone is None:
        raise BadInputError(f"{board.id}: has no microphone that Renode could feed with {wav}")
    samples, rate_hz = read_wav(wav)
    heard = resample(samples, rate_hz, board.microphone.rate_hz)
    silence = np.zeros(board.microphone.rate_hz)
    whole = np.clip(np.rint(np.concatenate([silence, heard, silence])), -32768, 32767).astype("<i2")
    return Heard(whole.tobytes(), label)


def build(
    source: str | Path,
    board: str,
    directory: str | Path | None = None,
    *,
    optimise: Optimise = "balanced",
    personality: Personality | None = None,
    framework: str | None = None,
) -> BuildResult:
    """Generates and builds with PlatformIO: in `directory`, or in the cache when none is given."""
    target = with_framework(load_board(board), framework)
    name, sources = sources_of(source, target, optimise, personality)
    image = _built(sources, target, directory)
    return BuildResult(
        name=name,
        board=target.id,
        elf=str(image.elf),
        sha256=image.sha256,
        flash_bytes=image.flash_bytes,
        ram_static_bytes=image.ram_static_bytes,
        stack_bytes=image.stack_bytes,
        weights_bytes=image.weights_bytes,
    )


def _built(sources: Sources, board: Board, directory: str | Path | None) -> Image:
    if directory is None:
        return cached_image(sources, board)
    return build_project(write_project(sources, board, Path(directory)))


@dataclass(frozen=True)
class PackageResult:
    """A written library, and its files."""

    name: str
    form: str
    directory: str
    files: tuple[str, ...]


def package(
    app: str | Path, form: Form, directory: str | Path, *, board: str = "host", optimise: Optimise = "balanced"
) -> PackageResult:
    """Writes the app folder `app` to `directory` as a library for one's own firmware, with an example.

    `board` only says which processor the kernels are chosen for; `host` stands for any. An app with [learn] learns there,
    too; what it learned lasts until the next start unless the caller defines the page functions of fw_flash.h.
    """
    target = load_board(board)
    loaded = load_app(app)
    if loaded.learn is not None:  # the rounds of a fleet come over the link, which is not the library's
        loaded = loaded.model_copy(update={"learn": loaded.learn.model_copy(update={"fleet": False})})
    model, planned = load_device_app(loaded, target, optimise)
    sources = app_sources(model, planned, target, optimise=optimise)
    provenance = Provenance(planned.program.model_sha256, loaded.name)
    files = package_files(model, sources, provenance, form)
    marker = json.dumps({"fieldwren": __version__, "form": form}) + "\n"
    written = write_folder({**files, MARKER: marker.encode()}, Path(directory))
    return PackageResult(loaded.name, form, str(written), tuple(files))
