"""An app hears the same, at the same times, whether its firmware runs whole windows or computes what a hop changes."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from fieldwren.app import load_app
from fieldwren.app_model import load_app_model
from fieldwren.app_streaming import decide, load_device_app, state_bytes
from fieldwren.boards import load_board
from fieldwren.check import check
from fieldwren.device import Detected, StreamEnd
from fieldwren.errors import BadInputError
from fieldwren.features.wav import read_wav
from fieldwren.run import RunEvent, Started, run
from fieldwren.tflite import read_model
from streaming.models import ds_cnn_stream
from support import require_data, require_tool

MANIFEST = """schema = 1
name = "stream"
kind = "keyword"
model = "model.tflite"
labels = ["silence", "unknown", "yes", "no"]
streaming = {streaming}

[front_end]
preset = "micro-speech"

[detector]
stride_ms = {stride_ms}
smoothing_ms = 120
threshold = 0.01
minimum_count = 1
mode = "every"
"""


def micro_speech(folder: Path, streaming: str, stride_ms: int = 40) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(require_data("models", "tflm_micro_speech.tflite").read_bytes())
    (folder / "fieldwren.toml").write_text(MANIFEST.format(streaming=streaming, stride_ms=stride_ms))
    return folder


def kws(folder: Path, streaming: str, front_end: str = 'preset = "mlperf-kws"') -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(require_data("models", "mlperf_kws_dscnn.tflite").read_bytes())
    labels = [str(i) for i in range(12)]
    text = MANIFEST.format(streaming=streaming, stride_ms=40).replace('preset = "micro-speech"', front_end)
    (folder / "fieldwren.toml").write_text(text.replace('["silence", "unknown", "yes", "no"]', str(labels)))
    return folder


def heard(folder: Path, board: str, wav: Path, *, surround: bool = True) -> list[RunEvent]:
    return [event for event in run(folder, board, wav=wav, surround=surround) if not isinstance(event, Started)]


@pytest.mark.slow
@pytest.mark.parametrize(("stride_ms", "phases"), [(40, 1), (100, 2)])
def test_the_same_detections_on_the_host(tmp_path: Path, stride_ms: int, phases: int) -> None:
    streamed = micro_speech(tmp_path / "streamed", "true", stride_ms)
    model, planned = load_device_app(load_app(streamed), load_board("host"))
    assert model.streaming is not None and model.streaming.phases == phases
    assert planned.program.is_stateful
    clip = require_data("audio", "clips", "yes_1000ms.wav")
    found = heard(streamed, "host", clip)
    assert found == heard(micro_speech(tmp_path / "whole", "false", stride_ms), "host", clip)
    assert len({event.label for event in found if isinstance(event, Detected)}) > 1
    # The first inference is that of the first whole window.
    alone = heard(streamed, "host", clip, surround=False)
    ends = [event for event in alone if isinstance(event, StreamEnd)]
    assert ends[0].inferences == 1 and sum(isinstance(event, Detected) for event in alone) == 1


@pytest.mark.slow
def test_the_same_detections_with_a_running_mean(tmp_path: Path) -> None:
    """A network that is VALID in time, as training makes them, behind a front end that normalises as it goes."""
    front_end = 'kind = "mel"\nhop_samples = 320\ncoefficient_count = 10\nwindow_frames = 49\n'
    front_end += 'normalisation = "running-mean"\nrunning_frames = 25'
    events = []
    for streaming in ("true", "false"):
        folder = kws(tmp_path / streaming, streaming, front_end)
        (folder / "model.tflite").write_bytes(ds_cnn_stream(frames=49, channels=16))
        events.append(heard(folder, "host", require_data("audio", "clips", "yes_1000ms.wav")))
    assert events[0] == events[1]
    assert len({event.confidence for event in events[0] if isinstance(event, Detected)}) > 3


@pytest.mark.slow
def test_the_same_detections_of_an_app_that_learns(tmp_path: Path) -> None:
    """Its backbone streams; the head hears the same embeddings."""
    events = []
    for streaming in ("true", "false"):
        folder = micro_speech(tmp_path / streaming, streaming)
        with (folder / "fieldwren.toml").open("a") as manifest:
            manifest.write("\n[learn]\nreplay_per_class = 1\nguard_samples = 0\n")
        model, planned = load_device_app(load_app(folder), load_board("host"))
        assert model.factory is not None
        assert planned.program.is_stateful == (streaming == "true")
        events.append(heard(folder, "host", require_data("audio", "clips", "yes_1000ms.wav")))
    assert events[0] == events[1]
    assert len({event.confidence for event in events[0] if isinstance(event, Detected)}) > 3


@pytest.mark.emulator
def test_the_same_detections_on_cortex_m4f(tmp_path: Path) -> None:
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")
    clips = [read_wav(require_data("audio", "clips", f"{word}_1000ms.wav"))[0] for word in ("yes", "no")]
    with wave.open(str(tmp_path / "two.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.concatenate(clips)[:24000].tobytes())
    found = heard(micro_speech(tmp_path / "streamed", "true"), "mps2-an386", tmp_path / "two.wav", surround=False)
    whole = micro_speech(tmp_path / "whole", "false")
    assert found == heard(whole, "mps2-an386", tmp_path / "two.wav", surround=False)
    assert len({event.confidence for event in found if isinstance(event, Detected)}) > 3


def test_auto_streams_where_it_is_possible_and_pays(tmp_path: Path) -> None:
    board = load_board("mps2-an386")

    def reason(folder: Path) -> str | None:
        app = load_app(folder)
        model, whole = load_app_model(app)
        return decide(model, read_model(app.model_path), whole, board).reason

    assert reason(micro_speech(tmp_path / "a", '"auto"')) is None
    assert reason(micro_speech(tmp_path / "b", "false")) == "the app says streaming = false"
    running = 'kind = "mel"\nhop_samples = 320\ncoefficient_count = 10\nwindow_frames = 49\n'
    running += 'normalisation = "running-mean"\nrunning_frames = 100'
    assert reason(kws(tmp_path / "e", '"auto"', running)) is None
    pays_not = reason(micro_speech(tmp_path / "c", '"auto"', 300))
    assert pays_not is not None and "streaming does not pay" in pays_not
    normalised = reason(kws(tmp_path / "d", '"auto"'))
    assert normalised is not None and "(window-max) changes all frames of the window" in normalised


def test_auto_leaves_small_boards_their_ram(tmp_path: Path) -> None:
    front_end = 'kind = "mel"\nhop_samples = 320\ncoefficient_count = 10\nwindow_frames = 49'
    app = load_app(kws(tmp_path, '"auto"', front_end))
    assert load_device_app(app, load_board("mps2-an386"))[0].streaming is not None
    assert load_device_app(app, load_board("microbit"))[0].streaming is None


def test_true_refuses_what_cannot_stream(tmp_path: Path) -> None:
    with pytest.raises(
        BadInputError, match=r"fieldwren\.toml:6: streaming: .*cannot stream: its front end \(window-max\)"
    ):
        load_device_app(load_app(kws(tmp_path, "true")), load_board("host"))


def test_anything_else_is_no_setting(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"fieldwren\.toml:6: streaming"):
        load_app(micro_speech(tmp_path, '"perhaps"'))


def test_the_front_end_keeps_only_the_frames_of_a_hop(tmp_path: Path) -> None:
    model, planned = load_device_app(load_app(micro_speech(tmp_path, "true", 100)), load_board("host"))
    assert (model.front_end.window_frames, model.device_front_end.window_frames) == (49, 10)
    assert planned.program.inputs[0].nbytes == 10 * 40
    assert state_bytes(planned, model.streaming) == 2 * -(-planned.state_bytes // 16) * 16


def test_check_says_what_the_state_takes(tmp_path: Path) -> None:
    """RAM of the app as its firmware runs it; a bare model is a window."""
    folder = micro_speech(tmp_path, "true", 100)
    model, planned = load_device_app(load_app(folder), load_board("mps2-an386"))
    found = check(folder, "mps2-an386")
    assert found.state_bytes == state_bytes(planned, model.streaming) > 0
    assert found.arena_bytes == planned.arena_bytes
    assert check(folder / "model.tflite", "mps2-an386").state_bytes == 0
    whole = check(micro_speech(tmp_path / "whole", "false"), "mps2-an386")
    assert whole.state_bytes == 0 and whole.ops == found.ops
    for result in (found, whole):
        memory = result.arena_bytes + result.state_bytes + result.stack_bytes
        assert 0 <= result.ram_bytes - memory < 1024  # what start-up keeps


def test_own_models_stream_by_themselves(tmp_path: Path) -> None:
    """`auto` takes a VALID network, at a stride that needs phases too."""
    front_end = 'kind = "mel"\nhop_samples = 160\ncoefficient_count = 10\nwindow_frames = 98'
    folder = kws(tmp_path, '"auto"', front_end)
    (folder / "model.tflite").write_bytes(ds_cnn_stream(channels=16))
    model, _ = load_device_app(load_app(folder), load_board("microbit"))
    assert model.streaming is not None and model.streaming.phases == 1
