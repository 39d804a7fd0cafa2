"""Published keyword models as whole apps: from PCM over the link to what the firmware says it heard."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.device import Detected
from fieldwren.features.extract import extract
from fieldwren.features.wav import read_any_wav, read_wav
from fieldwren.run import run
from support import require_data, require_tool

pytestmark = pytest.mark.emulator

BOARD = "mps2-an386"

MANIFEST = """schema = 1
name = "{name}"
kind = "keyword"
model = "model.tflite"
labels = {labels}

[front_end]
preset = "{preset}"

[detector]
threshold = 0.01
minimum_count = 1
"""


def app(folder: Path, model: str, preset: str, labels: list[str]) -> Path:
    """An app that reports the likeliest class of every window, however unlikely."""
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")
    (folder / "model.tflite").write_bytes(require_data("models", f"{model}.tflite").read_bytes())
    (folder / "fieldwren.toml").write_text(MANIFEST.format(name="published", labels=labels, preset=preset))
    return folder


def heard(folder: Path, wav: Path) -> list[str]:
    return [event.label for event in run(folder, BOARD, wav=wav, surround=False) if isinstance(event, Detected)]


def test_a_word_shorter_than_the_window_is_heard(tmp_path: Path) -> None:
    """The example hears a recording that fills no window, because a device listens before and after it."""
    require_tool("qemu-system-arm")
    with wave.open(str(tmp_path / "seven.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(read_any_wav(require_data("audio", "fsdd", "7_jackson_32.wav"), 16000).tobytes())
    events = list(run(paths.examples() / "digits", BOARD, wav=tmp_path / "seven.wav"))
    found = [event for event in events if isinstance(event, Detected)]
    assert [event.label for event in found] == ["seven"]
    assert 0 <= found[0].t_ms < 2000


@pytest.mark.parametrize("said", ["yes", "no", "silence"])
def test_micro_speech_says_what_was_said(tmp_path: Path, said: str) -> None:
    folder = app(tmp_path, "tflm_micro_speech", "micro-speech", ["silence", "unknown", "yes", "no"])
    assert heard(folder, require_data("audio", "clips", f"{said}_1000ms.wav")) == [said]


def test_mlperf_kws_hears_what_the_golden_logits_say(tmp_path: Path) -> None:
    folder = app(tmp_path, "mlperf_kws_dscnn", "mlperf-kws", [str(i) for i in range(12)])
    goldens = np.load(require_data("features", "mlperf_kws_mfcc.npz"))
    names = [key.removesuffix("_logits") for key in goldens.files if key.endswith("_logits")]
    clips = {}
    for name in names:
        word, _, file = name.partition("_")
        path = require_data("audio", "speech_commands", word, f"{file}.wav")
        # A shorter recording is padded in the golden; the firmware waits for a whole window.
        if len(read_wav(path)[0]) == 16000:
            clips[name] = path
    assert len(clips) >= 2
    for name, path in list(clips.items())[:2]:
        assert heard(folder, path) == [str(int(goldens[f"{name}_logits"].argmax()))], name


def test_features_equal_the_goldens_but_for_one_percent_by_one() -> None:
    goldens = np.load(require_data("features", "mlperf_kws_mfcc.npz"))
    model = require_data("models", "mlperf_kws_dscnn.tflite")
    differing = values = 0
    for key in (key for key in goldens.files if key.endswith("_q")):
        word, _, file = key.removesuffix("_q").partition("_")
        made = extract(
            "mlperf-kws", require_data("audio", "speech_commands", word, f"{file}.wav"), quantised_model=model
        )
        difference = np.abs(made.reshape(-1).astype(int) - goldens[key].reshape(-1))
        assert difference.max() <= 1
        differing += int((difference > 0).sum())
        values += difference.size
    assert differing <= values // 100
