"""A microWakeWord model as firmware: it hears its word, nothing else, and what it computes is what the public tools do."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.device import Detected, Values
from fieldwren.features.wav import read_any_wav, read_wav
from fieldwren.new import new_from_manifest
from fieldwren.run import run
from support import require_module, require_tool

Pcm = NDArray[np.int16]
RATE_HZ = 16000
WORD = "Okay Nabu"
SENTENCES = (
    "The weather will be fine tomorrow, and we are going to the lake.",
    "Okay, never mind. The nearby harbour was already closed.",
    "Turn on the light in the kitchen, please.",
)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE_HZ), np.int16)


def spoken(text: str, voice: str = "en-us+m3") -> Pcm:
    """Synthetic speech at 16 kHz, as its speaker ended it."""
    require_tool("espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["espeak-ng", "-w", path, "-v", voice, "-s", "160", "--", text], check=True)
        return read_any_wav(path, RATE_HZ)


def write_wav(path: Path, pcm: Pcm) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(pcm.astype("<i2").tobytes())
    return path


@pytest.fixture
def app(shared_data: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Makes an app of a model, with the fields of the public manifest."""

    def make(model: str) -> Path:
        shutil.copy(shared_data / "models" / f"{model}.tflite", tmp_path / "word.tflite")
        (tmp_path / "word.json").write_text(
            json.dumps(
                {
                    "type": "micro",
                    "wake_word": WORD,
                    "author": "A. Author",
                    "model": "word.tflite",
                    "trained_languages": ["en"],
                    "version": 2,
                    "micro": {
                        "probability_cutoff": 0.97,
                        "feature_step_size": 10,
                        "sliding_window_size": 5,
                        "tensor_arena_size": 22860,
                        "minimum_esphome_version": "2024.7.0",
                    },
                }
            )
        )
        return new_from_manifest(tmp_path / "hey", tmp_path / "word.json").folder

    return make


def probabilities(model: Path, pcm: Pcm) -> list[int]:
    """The model's uint8 outputs by the tools that microWakeWord is trained and run with."""
    front_end = require_module("pymicro_features").MicroFrontend()
    interpreter = require_module("tflite_micro").runtime.Interpreter.from_file(str(model))
    frames = []
    for start in range(0, len(pcm) - 159, 160):
        made = front_end.process_samples(pcm[start : start + 160].tobytes()).features
        if made:
            frames.append(np.rint(np.asarray(made) * 25.6).astype(np.int64))  # back to the uint16 of the library
    quantised = np.clip((np.stack(frames) * 256 + 333) // 666 - 128, -128, 127).astype(np.int8)
    outputs = []
    for window in range(len(quantised) // 3):
        interpreter.set_input(quantised[3 * window : 3 * window + 3].reshape(1, 3, 40), 0)
        interpreter.invoke()
        outputs.append(int(interpreter.get_output(0).ravel()[0]))
    return outputs


def need(board: str) -> None:
    for tool in ("gcc",) if board == "host" else ("qemu-system-arm", "arm-none-eabi-gcc"):
        require_tool(tool)


def other_sounds(clips: Path) -> list[Pcm]:
    """What is not the word: noise, silence, recorded and synthetic speech."""
    noise = np.random.default_rng(7).normal(0.0, 1500.0, RATE_HZ).astype(np.int16)
    names = ("yes_1000ms", "no_1000ms", "noise_1000ms", "marvin_617de221_0")
    recorded = [read_wav(clips / f"{name}.wav")[0] for name in names]
    return [noise, *recorded, *(np.concatenate([spoken(sentence), silence(0.5)]) for sentence in SENTENCES)]


@pytest.mark.slow
@pytest.mark.emulator
@pytest.mark.parametrize("board", ["host", "mps2-an386"])
def test_it_hears_its_word_and_nothing_else(
    app: Callable[[str], Path], shared_data: Path, tmp_path: Path, board: str
) -> None:
    need(board)
    other = other_sounds(shared_data / "audio" / "clips")
    if board != "host":
        other = [other[0], other[1], other[-1]]  # emulation takes its time
    word = np.concatenate([spoken("okay nabu"), silence(1.0)])
    pcm = np.concatenate([silence(1.0), *other, word, other[0], word])
    starts = [len(pcm) - 2 * len(word) - len(other[0]), len(pcm) - len(word)]
    events = run(app("mww_v2_okay_nabu"), board, wav=write_wav(tmp_path / "speech.wav", pcm), surround=False)
    found = [event for event in events if isinstance(event, Detected)]
    assert len(found) == 2, found
    for event, start in zip(found, starts, strict=True):
        assert isinstance(event, Detected) and event.label == WORD and event.confidence >= 0.97
        assert start < event.t_ms * RATE_HZ / 1000 < start + len(word)


@pytest.mark.slow
@pytest.mark.emulator
@pytest.mark.parametrize(
    ("board", "model"),
    [("host", "mww_v2_okay_nabu"), ("mps2-an386", "mww_v2_okay_nabu"), ("host", "mww_v2_vad")],
)
def test_every_probability_is_that_of_the_public_tools(
    app: Callable[[str], Path], shared_data: Path, tmp_path: Path, board: str, model: str
) -> None:
    need(board)
    folder = app(model)
    manifest = folder / "fieldwren.toml"
    text = manifest.read_text().replace('kind = "keyword"', 'kind = "regression"')  # which says each output
    manifest.write_text(text.replace(f'labels = ["{WORD}"]\n', ""))
    rng = np.random.default_rng(11)
    speech = [spoken("okay nabu")] if board != "host" else [spoken("okay nabu"), *map(spoken, SENTENCES)]
    pcm = np.concatenate([silence(0.3), *speech, rng.normal(0.0, 3000.0, RATE_HZ // 4).astype(np.int16), silence(0.2)])
    events = run(folder, board, wav=write_wav(tmp_path / "speech.wav", pcm), surround=False)
    found = [round(event.values[0] * 256) for event in events if isinstance(event, Values)]
    expected = probabilities(folder / "model.tflite", pcm)
    assert min(expected) < 10 and max(expected) > 245  # the comparison has something to compare
    assert found == expected
