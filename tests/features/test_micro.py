"""The micro front end against both libraries it reproduces, value for value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from features.signals import HARSH, harsh
from fieldwren.features import AudioStream, MicroFrontEnd, frames
from fieldwren.features.tables import micro
from fieldwren.features.wav import read_wav
from support import require_data, require_module

Pcm = npt.NDArray[np.int16]

SIGNAL_10_MS = MicroFrontEnd(hop_samples=160)
SIGNAL_20_MS = MicroFrontEnd()
MICROFRONTEND = MicroFrontEnd(variant="microfrontend", hop_samples=160)
LOG_TENSOR = 34
"""Index of the uint16 features in TFLM's preprocessor model, before its int8 form."""


class Tflm:
    """TFLM's audio preprocessor model, with one of its inner tensors as output."""

    def __init__(self, tensor: int | None) -> None:
        schema = require_module("tflite")
        runtime = require_module("tflite_micro.python.tflite_micro.runtime")
        content = bytearray(require_data("models", "tflm_audio_preproc_int8.tflite").read_bytes())
        graph = schema.Model.GetRootAsModel(content, 0).Subgraphs(0)
        if tensor is not None:
            outputs = graph._tab.Vector(graph._tab.Offset(8))
            content[outputs : outputs + 4] = np.int32(tensor).tobytes()
        self.interpreter: Any = runtime.Interpreter.from_bytes(bytes(content))

    def __call__(self, pcm: Pcm, hop: int) -> npt.NDArray[Any]:
        self.interpreter.reset()
        out = []
        for at in range(0, len(pcm) - 480 + 1, hop):
            self.interpreter.set_input(pcm[np.newaxis, at : at + 480], 0)
            self.interpreter.invoke()
            out.append(self.interpreter.get_output(0).ravel().copy())
        return np.array(out)


@pytest.fixture(scope="module")
def tflm() -> Tflm:
    return Tflm(LOG_TENSOR)


def pymicro(pcm: Pcm) -> npt.NDArray[np.int64]:
    """pymicro-features' frames as the uint16 they were (it gives value * 10 / 256)."""
    front_end = require_module("pymicro_features").MicroFrontend()
    content, at, out = pcm.tobytes(), 0, []
    while at + 320 <= len(content):
        answer = front_end.process_samples(content[at : at + 320])
        at += 2 * answer.samples_read
        if answer.features:
            out.append(answer.features)
    return np.rint(np.array(out) * 25.6).astype(np.int64)


def recordings(shared_data: Path) -> list[Path]:
    audio = shared_data / "audio"
    return sorted((audio / "clips").glob("*.wav")) + sorted((audio / "speech_commands").rglob("*.wav"))


def test_equals_tflm_signal_library_on_every_recording(shared_data: Path, tflm: Tflm) -> None:
    names = recordings(shared_data)
    assert len(names) > 200
    for name in names:
        pcm, _ = read_wav(name, rate_hz=16000)
        np.testing.assert_array_equal(frames(SIGNAL_20_MS, pcm), tflm(pcm, 320), err_msg=name.name)


def test_equals_tflm_signal_library_at_10_ms(shared_data: Path, tflm: Tflm) -> None:
    for name in recordings(shared_data)[::20]:
        pcm, _ = read_wav(name, rate_hz=16000)
        np.testing.assert_array_equal(frames(SIGNAL_10_MS, pcm), tflm(pcm, 160), err_msg=name.name)


def test_equals_pymicro_features_on_every_recording(shared_data: Path) -> None:
    for name in recordings(shared_data):
        pcm, _ = read_wav(name, rate_hz=16000)
        np.testing.assert_array_equal(frames(MICROFRONTEND, pcm), pymicro(pcm), err_msg=name.name)


@pytest.mark.parametrize("kind", HARSH)
def test_equals_both_on_harsh_signals(kind: str, tflm: Tflm) -> None:
    for seed in range(8):
        pcm = harsh(kind, seed)
        np.testing.assert_array_equal(frames(SIGNAL_20_MS, pcm), tflm(pcm, 320))
        np.testing.assert_array_equal(frames(MICROFRONTEND, pcm), pymicro(pcm))


def test_int8_form_equals_the_preprocessor(shared_data: Path) -> None:
    pcm, _ = read_wav(shared_data / "audio" / "clips" / "yes_1000ms.wav", rate_hz=16000)
    stream = AudioStream(SIGNAL_20_MS)
    stream.push(pcm)
    np.testing.assert_array_equal(stream.window(np.int8), Tflm(None)(pcm, 320))


def test_micro_speech_goldens(shared_data: Path) -> None:
    golden = np.load(shared_data / "features" / "micro_speech.npz")
    for name in ("yes", "no", "noise", "silence"):
        stream = AudioStream(SIGNAL_20_MS)
        stream.push(golden[f"{name}_1000ms_pcm"])
        np.testing.assert_array_equal(stream.window(np.int8), golden[f"{name}_1000ms_feat"], err_msg=name)


def test_int8_form_of_every_value() -> None:
    """The integer formula, at its ends too: frames of all loudness give values over the whole range."""
    stream = AudioStream(MicroFrontEnd(window_frames=60))
    rng = np.random.default_rng(1)
    level = np.repeat(np.geomspace(1, 30000, 61), 320)
    stream.push(np.rint(rng.standard_normal(len(level)) * level).clip(-32768, 32767).astype(np.int16))
    raw = stream.window(np.uint16).astype(np.int64)
    assert raw.min() == 0
    assert raw.max() > 500
    expected = np.minimum((raw * 256 + 333) // 666 - 128, 127)
    np.testing.assert_array_equal(stream.window(np.int8), expected)
    np.testing.assert_array_equal(stream.window(np.float32), (raw * 0.0390625).astype(np.float32))


def test_tables_equal_the_preprocessor_model() -> None:
    schema = require_module("tflite")
    model = schema.Model.GetRootAsModel(require_data("models", "tflm_audio_preproc_int8.tflite").read_bytes(), 0)
    graph = model.Subgraphs(0)

    def constant(tensor: int) -> npt.NDArray[np.int16]:
        return model.Buffers(graph.Tensors(tensor).Buffer()).DataAsNumpy().view(np.int16)

    np.testing.assert_array_equal(micro.window(480, "signal"), constant(1))
    np.testing.assert_array_equal(micro.gain(0.95, 80.0), constant(8))
    first, weights, bins = micro.filter_bank(SIGNAL_20_MS)
    below, above, starts, offsets, widths = (constant(t) for t in (13, 12, 11, 10, 9))
    theirs, ours = np.zeros((2, 41, 257), int), np.zeros((2, 41, 257), int)
    at = first
    for c in range(41):
        span = slice(starts[c], starts[c] + widths[c])
        theirs[0, c, span] = below[offsets[c] : offsets[c] + widths[c]]
        theirs[1, c, span] = above[offsets[c] : offsets[c] + widths[c]]
        ours[:, c, at : at + bins[c]] = weights[at - first : at - first + bins[c]].T
        at += bins[c]
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8])
def test_other_input_types_are_refused(dtype: type[Any]) -> None:
    stream = AudioStream(MicroFrontEnd(window_frames=1))
    stream.push(np.zeros(480, np.int16))
    with pytest.raises(Exception, match="cannot write a model input"):
        stream.window(dtype, 0.1, 0)
