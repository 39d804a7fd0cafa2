"""Devices for tests of the link: the real firmware around a model of a few lines, built for this computer with sanitizers.

Nothing here needs a model file or the shared data.
"""

from __future__ import annotations

import fcntl
import random
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren import paths
from fieldwren.app import App, load_app
from fieldwren.app_model import AppModel, app_model
from fieldwren.boards import load_board
from fieldwren.detector import Detection, Detector, posteriors
from fieldwren.device.transport import ProcessTransport
from fieldwren.features import AudioFrontEnd, AudioStream, SensorFrontEnd
from fieldwren.graph import Graph
from fieldwren.learn import Factory, StoredEmbeddings
from fieldwren.learn.settings import learner_config
from fieldwren.program import Operand, Port, Program
from fieldwren.render.app import app_firmware, render_app
from fieldwren.render.environment import sources_digest

HERE = Path(__file__).parent
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
FLAGS = ("-std=c99", "-O0", "-g1", "-ffp-contract=off", "-Wall", "-Wextra", "-Wconversion", "-Werror")

MODEL_H = b"""#ifndef MODEL_H
#define MODEL_H
#include "fw_model.h"
#define FW_MODEL_ARENA_BYTES 96u
#define FW_MODEL_STATE_BYTES 16u
#endif
"""

KEYWORD = """
schema = 1
name = "tiny"
kind = "keyword"
model = "model.tflite"
labels = ["quiet", "low", "high"]

[front_end]
kind = "mel"
sample_rate_hz = 8000
window_samples = 64
hop_samples = 64
fft_size = 64
mel_count = 8
f_min_hz = 100.0
f_max_hz = 3900.0
window_frames = 4

[detector]
stride_ms = 16
smoothing_ms = 48
threshold = 0.45
refractory_ms = 40
background = ["quiet"]

[link]
buffer_ms = 20
capture = true
capture_ms = 10
"""

PRESENCE = """
schema = 1
name = "room"
kind = "presence"
model = "model.tflite"
labels = ["empty", "one", "many"]

[front_end]
kind = "sensor"
channels = ["a", "b"]
row_interval_ms = 500
offset = [0.0, 1.0]
scale = [1.0, 2.0]
missing_limit = 2
window_frames = 16

[detector]
threshold = 0.4
smoothing_ms = 1000
"""


def program() -> Program:
    """What the compiler would say of model.c."""
    none = Operand(0)
    return Program(
        name="tiny",
        model_sha256="aa" + "00" * 31,
        buffers=(),
        calls=(),
        inputs=(Port("in", none, (1, 32), "int8", 32, 0.125, 0),),
        outputs=(Port("out", none, (1, 3), "int8", 3, 1 / 256, -128), Port("n", none, (1,), "int32", 4, 0.0, 0)),
    )


def read_app(manifest: str, folder: Path) -> App:
    """The app of a manifest's text."""
    path = folder / "fieldwren.toml"
    path.write_text(manifest)
    return load_app(path)


def tiny_app(manifest: str, folder: Path) -> AppModel:
    """The app of a manifest's text around model.c."""
    graph = Graph("tiny", "", (), {}, "", 0)
    return app_model(read_app(manifest, folder), graph, program())


LEARN = """
[learn]
spare_classes = 2
replay_per_class = 3
guard_samples = 4
save_every_s = 0
"""


FLEET = KEYWORD.replace("buffer_ms = 20", "buffer_ms = 50") + LEARN.replace("guard_samples = 4", "guard_samples = 8") + "fleet = true\n"


RULED = (
    PRESENCE
    + LEARN
    + """save_after_s = 0.05

[learn.rule]
channel = "b"
above = 0.5
label = "many"
otherwise = "empty"
every_s = 2.0
"""
)


def learning_app(folder: Path, manifest: str = KEYWORD) -> AppModel:
    """As `tiny_app`, learning: the model's first output is the embedding, and the head takes it as it is."""
    model = tiny_app(manifest if "[learn]" in manifest else manifest + LEARN, folder)
    assert model.app.learn is not None
    head = np.concatenate([10 * np.eye(3, dtype=np.float32).ravel(), np.zeros(3, np.float32)])
    statistics = StoredEmbeddings(np.zeros(3, np.float32), np.full(3, 1 / 32, np.float32))
    factory = Factory(learner_config(model.app.learn), model.labels, "softmax", 3, head, statistics)
    return replace(model, factory=factory)


def build_device(manifest: str, folder: Path, *, learns: bool = False) -> Path:
    """The firmware as an executable with address and undefined-behaviour sanitizer; kept in the cache."""
    app = learning_app(folder, manifest) if learns else tiny_app(manifest, folder)
    rendered = render_app(app, program(), load_board("host"), {"model.h": MODEL_H})
    rendered["model.c"] = (HERE / "model.c").read_bytes()
    if not learns:
        del rendered["app_main.c"]
        rendered["device_main.c"] = (HERE / "device_main.c").read_bytes()
    defines = ("-DFW_LEARN",) if learns else ()
    if "fleet = true" in manifest:
        defines += ("-DFW_FLEET", "-DFW_STREAM_FILE")
    cache = paths.cache() / "link-tests"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        archive = _archive(cache, defines)
        target = cache / f"device-{_digest({**rendered, 'archive': archive.name.encode()})}"
        if not target.is_file():
            _compile(rendered, target, archive, defines)
    return target


def _digest(files: Mapping[str, bytes]) -> str:
    return sources_digest({**files, "flags": repr((FLAGS, SANITIZERS)).encode()}).hex()[:16]


def _archive(cache: Path, defines: tuple[str, ...]) -> Path:
    """Everything that does not depend on the app, compiled once for each state of the firmware."""
    root = paths.firmware()
    contents = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*.[ch]")}
    archive = cache / f"firmware-{_digest({**contents, 'defines': repr(defines).encode()})}.a"
    if archive.is_file():
        return archive
    files = [*(root / name for name in app_firmware()), *sorted((root / "port" / "posix").glob("*.c"))]
    command = ["gcc", *FLAGS, *SANITIZERS, *defines, f"-I{root}", f"-I{root / 'include'}", "-c"]
    with tempfile.TemporaryDirectory(dir=cache) as objects:
        subprocess.run([*command, *map(str, files)], check=True, cwd=objects)
        made = Path(objects) / "firmware.a"
        subprocess.run(["ar", "rcs", str(made), *map(str, sorted(Path(objects).glob("*.o")))], check=True)
        return made.rename(archive)


def _compile(sources: Mapping[str, bytes], target: Path, archive: Path, defines: tuple[str, ...]) -> None:
    root = paths.firmware()
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        for name, data in sources.items():
            (Path(folder) / name).write_bytes(data)
        files = [str(Path(folder) / name) for name in sources if name.endswith(".c")]
        made = Path(folder) / "device"
        command = ["gcc", *FLAGS, *SANITIZERS, *defines, f"-I{folder}", f"-I{root}", f"-I{root / 'include'}", *files]
        subprocess.run([*command, str(archive), "-o", str(made)], check=True)
        made.rename(target)


def start(device: Path, folder: Path | None = None) -> ProcessTransport:
    """Starts a built device, in `folder`; the sanitizers' complaints go to stderr and end it."""
    return ProcessTransport([str(device)] if folder is None else ["env", "-C", str(folder), str(device)])


def reference_model(window: NDArray[np.int8]) -> NDArray[np.int8]:
    """model.c's first output."""
    flat = window.reshape(-1).astype(np.int64)
    sums = [(int(flat[c::3].sum()), len(flat[c::3])) for c in range(3)]
    return np.clip([int(s / n) + 8 * c for c, (s, n) in enumerate(sums)], -128, 127).astype(np.int8)


def expected_detections(model: AppModel, elements: NDArray[Any]) -> list[Detection]:
    """What the device must report, by the host's front end and detector around `reference_model`."""
    assert model.detector is not None
    detector = Detector(model.detector)
    found = []
    for window, t_ms in _windows(model, elements):
        q15 = posteriors(reference_model(window), 1 / 256, -128)
        detection = detector.push(q15, t_ms)
        if detection is not None:
            found.append(detection)
    return found


def _windows(model: AppModel, elements: NDArray[Any]) -> list[tuple[NDArray[np.int8], int]]:
    front_end = model.front_end
    if isinstance(front_end, SensorFrontEnd):
        from fieldwren.features import row_windows

        made = row_windows(front_end, elements, np.int8, 0.125, 0)
        return [
            (w, round((row + 1) * front_end.row_interval_ms)) for w, row in zip(made.inputs, made.last_row, strict=True)
        ]
    assert isinstance(front_end, AudioFrontEnd)
    stream, windows = AudioStream(front_end), []
    hop, first = front_end.hop_samples, front_end.window_samples
    for frame, end in enumerate(range(first, len(elements) + 1, hop), start=1):
        stream.push(elements[end - (first if frame == 1 else hop) : end])
        if frame >= front_end.window_frames and (frame - front_end.window_frames) % model.stride_frames == 0:
            windows.append((stream.window(np.int8, 0.125, 0), end * 1000 // front_end.sample_rate_hz))
    return windows


class Faults:
    """What a bad line does to chunks of bytes: loses, repeats, damages, cuts or delays some, by chance."""

    def __init__(self, rng: random.Random, rate: float) -> None:
        self._rng = rng
        self._rate = rate
        self.count = 0
        choices: list[Callable[[bytes], bytes]] = [
            lambda data: b"",
            lambda data: data + data,
            self._damage,
            lambda data: data[: self._rng.randrange(len(data) + 1)],
            lambda data: data + self._rng.randbytes(self._rng.randrange(1, 40)),
        ]
        self._choices = choices

    def _damage(self, data: bytes) -> bytes:
        if not data:
            return data
        at = self._rng.randrange(len(data))
        return data[:at] + bytes([data[at] ^ self._rng.randrange(1, 256)]) + data[at + 1 :]

    def __call__(self, data: bytes) -> bytes:
        if self._rng.random() >= self._rate:
            return data
        self.count += 1
        return self._rng.choice(self._choices)(data)


class BadLine:
    """A device behind a line with faults in both directions."""

    def __init__(self, device: ProcessTransport, seed: int, rate: float) -> None:
        rng = random.Random(seed)
        self._device = device
        self.out, self.back = Faults(rng, rate), Faults(rng, rate)

    def write(self, data: bytes) -> None:
        self._device.write(self.out(data))

    def read(self, size: int, timeout_s: float) -> bytes:
        data = self._device.read(min(size, 300), timeout_s)
        return self.back(data) if data else data
