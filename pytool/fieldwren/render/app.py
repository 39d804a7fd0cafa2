"""An app → frontend.*, app_config.* and app_main.c: tables, memory and a loop over firmware/app."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from fieldwren import paths
from fieldwren.app import App
from fieldwren.app_model import AppModel
from fieldwren.boards import Board
from fieldwren.boards.definition import HostProcess, QemuMachine
from fieldwren.core import Optimise
from fieldwren.detector import MODES, to_q15
from fieldwren.errors import BadInputError
from fieldwren.features import SensorFrontEnd
from fieldwren.features.render import render_front_end
from fieldwren.features.tables import front_end_data
from fieldwren.learn.settings import store_layout
from fieldwren.plan import Plan
from fieldwren.program import Program
from fieldwren.render.environment import Provenance, render, sources_digest
from fieldwren.render.learning import learning_context
from fieldwren.render.model import optimise_flags, optimised_sources, render_optimised
from fieldwren.render.renode import Heard, renode_files
from fieldwren.sources import Sources

PORT_RING_BYTES = 1024
"""What a board's port buffers of the link unless its definition says otherwise (FW_RING_BYTES)."""

_FOLDERS = ("app", "features", "learn", "link", "store")
_RUNTIME = ("capture", "crc32", "debounce", "detector", "ima_adpcm", "microphone", "posterior", "sample_ring")
_SMALL_RAM_BYTES = 64 * 1024
_MICROPHONE_BUFFER_MS = 140.0
"""A microphone's block comes every 10 ms: the model may take this long. A host sends larger pieces."""

_PCM_BAUD = 1_000_000
_ADPCM_HEADER_BYTES = 4
_CAPTURE_BLOCKS_LEAST = 3

_GAIN_ONE = 256
_LEVEL_SAMPLES_MOST = 65536
_POSTERIORS = {
    "probability": "FW_POSTERIOR_PROBABILITY",
    "softmax": "FW_POSTERIOR_SOFTMAX",
    "logistic": "FW_POSTERIOR_LOGISTIC",
}


@dataclass(frozen=True)
class _Sizes:
    """Buffers of the image, in what their names say."""

    ring_elements: int
    element_bytes: int
    payload_bytes: int
    window_bytes: int
    answers: int
    capture: _Capture | None


@dataclass(frozen=True)
class _Capture:
    """Blocks that are kept for the host, and what is in them."""

    blocks: int
    block_bytes: int
    encoding: str


def app_sources(
    model: AppModel,
    planned: Plan,
    board: Board,
    *,
    optimise: Optimise = "balanced",
    heard: Heard | None = None,
) -> Sources:
    """Everything of the app's image: rendered files, and the hand-written firmware they call.

    For a board that Renode runs also renode/, whose microphone hears `heard`, or silence.
    """
    provenance = Provenance(planned.program.model_sha256, model.app.name, board.id)
    rendered = render_optimised(planned, provenance, optimise)
    firmware = {*app_firmware(), *optimised_sources(planned, optimise)}
    hearing = microphone_of(model, board)
    if hearing is not None and hearing.halve:
        firmware.add("runtime/halve.c")
    files, image = _rendered_app(model, planned.program, board, rendered)
    defines: dict[str, str | None] = {"FW_FRONTEND_KINDS": f"{1 << front_end_data(model.device_front_end).kind}u"}
    if model.app.link.capture:
        defines["FW_CAPTURE"] = None
    if model.factory is not None:
        defines["FW_LEARN"] = None
        if model.app.learn is not None and model.app.learn.fleet:
            defines["FW_FLEET"] = None
            if isinstance(board.emulator, QemuMachine | HostProcess):
                defines["FW_STREAM_FILE"] = None
    if model.factory is not None and model.factory.config.forgetting > 0:
        defines["FW_RECURSIVE"] = None
        layout = store_layout(model.factory, board)
        if layout is not None and not layout.has_matrix:
            defines["FW_RECORD_NO_MATRIX"] = None
    if model.adapter_tables is not None:
        defines["FW_ADAPTERS"] = None
    learning = learning_context(model, board)
    presses = [button.action for button in learning.buttons] if learning else []
    renode = renode_files(
        board, provenance, image=image.hex(), learns="FW_LEARN" in defines, heard=heard, presses=presses
    )
    return Sources(
        files=files,
        build_id=image.hex(),
        extra={f"renode/{name}": content for name, content in renode.items()},
        firmware=tuple(sorted(firmware)),
        defines=defines,
        optimise_flags=optimise_flags(optimise),
    )


@dataclass(frozen=True)
class Hearing:
    """How an app hears its board's microphone: as it comes, or at half its rate."""

    halve: bool


def microphone_of(model: AppModel, board: Board) -> Hearing | None:
    """None for an app of rows, and on a board without a microphone.

    Raises BadInputError when the microphone gives neither the front end's rate nor twice that.
    """
    if board.microphone is None or isinstance(model.front_end, SensorFrontEnd):
        return None
    gives, hears = board.microphone.rate_hz, model.front_end.sample_rate_hz
    if gives not in (hears, 2 * hears):
        raise BadInputError(
            f"{model.app.where('front_end')}: hears {hears} Hz, and the microphone of {board.id} gives {gives} Hz: "
            f"make a front end for {gives} or {gives // 2} Hz"
        )
    return Hearing(halve=gives != hears)


def app_firmware() -> tuple[str, ...]:
    """The hand-written C of every app, relative to firmware/; the linker leaves out what an app does not use."""
    root = paths.firmware()
    found = {p.relative_to(root).as_posix() for folder in _FOLDERS for p in (root / folder).glob("*.c")}
    return tuple(sorted(found | {f"runtime/{name}.c" for name in _RUNTIME}))


def front_end_firmware() -> tuple[str, ...]:
    """The hand-written C of the front ends, relative to firmware/."""
    return tuple(name for name in app_firmware() if name.startswith("features/"))


def render_app(model: AppModel, program: Program, board: Board, rendered: Mapping[str, bytes]) -> dict[str, bytes]:
    """`rendered` (model.h, model.c) and frontend.h, frontend.c, app_config.h, app_config.c, app_main.c.

    The build id that the firmware reports as `image` is the SHA-256 over all of them, with zeros in its own place.
    """
    return _rendered_app(model, program, board, rendered)[0]


def _rendered_app(
    model: AppModel, program: Program, board: Board, rendered: Mapping[str, bytes]
) -> tuple[dict[str, bytes], bytes]:
    """The files, and the build id in them."""
    provenance = Provenance(program.model_sha256, model.app.name, board.id)
    context = _context(model, program, board)
    files_before = dict(rendered) | render_front_end(model.device_front_end, provenance)

    def files(image: bytes) -> dict[str, bytes]:
        return files_before | {
            name: render(f"{name}.j2", provenance, **context, image=image)
            for name in ("app_config.h", "app_config.c", "app_main.c")
        }

    image = sources_digest(files(bytes(32)))
    return files(image), image


def _context(model: AppModel, program: Program, board: Board) -> dict[str, object]:
    app, detector = model.app, model.detector
    period = model.element_period_ms
    learning = learning_context(model, board)
    spare = learning.spare if learning else 0
    return {
        "app": app,
        "board": board.id,
        "labels": (*model.labels, *[""] * spare),
        "detector": detector,
        "learning": learning,
        "thresholds": [to_q15(t) for t in (*detector.thresholds, *[app.detector.threshold] * spare)]
        if detector
        else [],
        "background": (*detector.background, *[False] * spare) if detector else (),
        "mode": MODES[detector.mode] if detector else 0,
        "release_q15": to_q15(detector.release) if detector else 0,
        "gain_q8": max(1, round(app.microphone.gain * _GAIN_ONE)),
        "level_samples": min(_LEVEL_SAMPLES_MOST, max(1, round(1000 / period))),
        "anomaly": model.anomaly,
        "posterior": _posterior(app),
        "microphone": microphone_of(model, board),
        "framework": board.framework,
        "light": "FW_LIGHT_PIN" in board.port.defines,
        "input": _input(model),
        "columns": model.columns,
        "targets": len(model.targets),
        "teach_below": app.learn.teach_below if app.learn else 0.0,
        "window_ms": _window_ms(model),
        "stride_frames": model.stride_frames,
        "streaming": model.streaming,
        "period": _Period(*_period(model)),
        "window_bytes_copied": program.inputs[0].nbytes if app.kind == "anomaly" else 0,
        "window_elements": math.prod(program.inputs[0].shape),
        **vars(_sizes(model, board)),
    }


@dataclass(frozen=True)
class _Period:
    numerator: int
    denominator: int


def _period(model: AppModel) -> tuple[int, int]:
    """Numerator in ms and denominator; for audio 1000 and the sample rate, not reduced."""
    period = model.element_period_ms
    if not isinstance(model.front_end, SensorFrontEnd):
        return 1000, round(1000 / period)
    return period.numerator, period.denominator


def _input(model: AppModel) -> str:
    if not isinstance(model.front_end, SensorFrontEnd):
        return "FW_INPUT_PCM"
    return "FW_INPUT_ROWS_INT8" if model.front_end.element == "int8" else "FW_INPUT_ROWS"


def _window_ms(model: AppModel) -> int:
    """The input that one inference hears; 0 for rows."""
    if isinstance(model.front_end, SensorFrontEnd):
        return 0
    return math.ceil(model.front_end.window_total_samples * model.element_period_ms)


def _posterior(app: App) -> str:
    if app.kind == "regression":
        return "FW_POSTERIOR_VALUES"
    if app.kind == "anomaly":
        return "FW_POSTERIOR_RECONSTRUCTION"
    return _POSTERIORS[app.detector.output]


def _value_bytes(model: AppModel) -> int:
    return 1 if isinstance(model.front_end, SensorFrontEnd) and model.front_end.element == "int8" else 4


def _sizes(model: AppModel, board: Board) -> _Sizes:
    window = int(board.port.defines.get("FW_RING_BYTES", f"{PORT_RING_BYTES}u").rstrip("uU"), 0)
    payload = 256 if window >= PORT_RING_BYTES else window // 4
    rows = isinstance(model.front_end, SensorFrontEnd)
    element_bytes = model.columns * _value_bytes(model) if rows else 2
    if element_bytes > payload:
        raise BadInputError(
            f"{model.app.where('front_end')}: a row of {model.columns} values is {element_bytes} bytes, and the link of "
            f"{board.id} carries at most {payload} at once"
        )
    small = board.memory is not None and board.memory.ram.bytes < _SMALL_RAM_BYTES
    buffer_ms = model.app.link.buffer_ms
    if buffer_ms is None:
        buffer_ms = (
            float(8 * model.element_period_ms)
            if rows
            else (50.0 if small else _MICROPHONE_BUFFER_MS if board.microphone else 250.0)
        )
    elements = max(1, -(-payload // element_bytes), round(buffer_ms / model.element_period_ms))
    return _Sizes(
        ring_elements=elements,
        element_bytes=element_bytes,
        payload_bytes=payload,
        window_bytes=window,
        answers=2 if small else 4,
        capture=_capture(model, board, payload),
    )


def _capture(model: AppModel, board: Board, payload_bytes: int) -> _Capture | None:
    """16-bit samples where the link carries them beside all else, else IMA ADPCM."""
    link = model.app.link
    if not link.capture:
        return None
    if isinstance(model.front_end, SensorFrontEnd):
        raise BadInputError(
            f"{model.app.where('link', 'capture')}: only audio can be recorded, and this app hears rows"
        )
    is_fast = board.link.transport != "uart" or (board.link.baud or 0) >= _PCM_BAUD
    samples = payload_bytes // 2 if is_fast else 1 + 2 * (payload_bytes - _ADPCM_HEADER_BYTES)
    kept = math.ceil(link.capture_ms / float(samples * model.element_period_ms))
    return _Capture(
        blocks=max(_CAPTURE_BLOCKS_LEAST, kept + 1),
        block_bytes=payload_bytes,
        encoding="FW_CAPTURE_PCM" if is_fast else "FW_CAPTURE_IMA_ADPCM",
    )
