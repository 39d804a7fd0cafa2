"""Published and example models as a stream of frames; what cannot be one is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError, FieldwrenError
from fieldwren.features import PRESETS, AudioFrontEnd, AudioStream
from fieldwren.features.wav import read_any_wav
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.streaming import StreamInterpreter, stream, stride_in_time
from fieldwren.tflite import read_bytes
from ops.model_builder import build, constant, operator, tensor
from streaming.models import ds_cnn_stream
from streaming.test_exact import assert_equal, assert_streams, random_frames, whole_windows
from support import require_data


@pytest.mark.parametrize("hop", [2, 5])
def test_mlperf_kws_on_random_frames(hop: int) -> None:
    model = require_data("models", "mlperf_kws_dscnn.tflite").read_bytes()
    streamed = assert_streams(model, 49, hop, seed=hop)
    assert streamed.phases == (1 if hop % 2 == 0 else 2)


def test_mlperf_kws_on_the_features_of_a_recording() -> None:
    """MFCC frames of real words one after the other, without the normalisation over the window."""
    model = require_data("models", "mlperf_kws_dscnn.tflite").read_bytes()
    graph = read_bytes(model, "kws")
    preset = PRESETS["mlperf-kws"]
    assert isinstance(preset, AudioFrontEnd)
    front_end = replace(preset, normalisation="none")
    folder = require_data("audio", "speech_commands")
    files = sorted(folder.glob("*/*.wav"))[:3]
    pcm = np.concatenate([read_any_wav(file, 16000) for file in files])
    source = graph.main.tensors[graph.main.inputs[0]]
    assert source.quantisation is not None
    values = AudioStream(front_end).push(pcm) / source.quantisation.scale + source.quantisation.zero_point
    frames = np.clip(np.rint(values), -128, 127).astype(np.int8)
    expected = whole_windows(model, graph, frames, 49, 2)
    assert len({output.tobytes() for (output,) in expected}) > 20
    found = StreamInterpreter(stream(graph, window_frames=49, hop_frames=2)).push(frames)
    assert_equal(found, expected, "kws")


def test_what_exactness_leaves_of_mlperf_kws() -> None:
    """docs/streaming.md: 6 of 25 rows of the first layer, then 8, 10, 12 and 14."""
    graph = read_bytes(require_data("models", "mlperf_kws_dscnn.tflite").read_bytes(), "kws")
    streamed = stream(graph, window_frames=49, hop_frames=2)
    planned = plan(lower(streamed.graph, PORTABLE))
    whole = lower(graph, PORTABLE)
    first, block = 25 * 5 * 64 * 40, 25 * 5 * 64 * (9 + 64)
    assert whole.macs == first + 4 * block + 64 * 12
    assert planned.program.macs == (6 * first + (8 + 10 + 12 + 14) * block) // 25 + 64 * 12


def test_digits_in_two_phases() -> None:
    """Ten frames a hop, four from row to row."""
    model = (paths.examples() / "digits" / "model.tflite").read_bytes()
    assert stride_in_time(read_bytes(model, "digits"), window_frames=98) == 4
    assert assert_streams(model, 98, 10, seed=1).phases == 2


@pytest.mark.parametrize("frames", [49, 98])
def test_valid_in_time(frames: int) -> None:
    """A hop takes at most a tenth of the window, and nothing at its edges is computed twice."""
    model = ds_cnn_stream(frames=frames, channels=16)
    streamed = assert_streams(model, frames, 2, seed=3)
    assert streamed.phases == 1
    program = lower(streamed.graph, PORTABLE)
    assert program.macs <= lower(read_bytes(model, "m"), PORTABLE).macs / 10
    rows = [dict(zip((p.name for p in c.kernel.parameters), c.parameters, strict=True)) for c in program.calls]
    assert {row["output_height"] for row in rows if "output_height" in row} == {1}


def test_a_flat_window_that_is_reshaped() -> None:
    """micro_speech takes its 49 frames as one vector."""
    model = require_data("models", "tflm_micro_speech.tflite").read_bytes()
    assert_streams(model, 49, 2, seed=5)
    assert assert_streams(model, 49, 3, seed=6).phases == 2


def test_int16_activations() -> None:
    generator = np.random.default_rng(2)
    x = tensor((1, 20, 3, 4), "int16", 0.01)
    w = constant(generator.integers(-127, 128, (8, 3, 2, 4)).astype(np.int8), np.full(8, 0.01), axis=0)
    y, z = tensor((1, 20, 3, 8), "int16", 0.02), tensor((1, 8), "int16", 0.02)
    convolution = operator("CONV_2D", [x, w], [y], padding="SAME", stride_h=1, stride_w=1)
    mean = operator("MEAN", [y, constant(np.array([1, 2], np.int32))], [z], keep_dims=False)
    model = build([convolution, mean], [x], [z])
    graph = read_bytes(model, "int16")
    frames = generator.integers(-32768, 32768, (32, 12)).astype(np.int16)
    expected = whole_windows(model, graph, frames, 20, 3)
    found = StreamInterpreter(stream(graph, window_frames=20, hop_frames=3)).push(frames)
    assert_equal(found, expected, "int16")


@pytest.mark.parametrize(
    ("name", "frames", "hop", "reason"),
    [
        ("mlperf_ad01", 5, 1, "operator 0 FULLY_CONNECTED needs the whole window"),
        ("mww_v2_okay_nabu", 3, 1, "keeps a state between inferences already"),
        ("mlperf_kws_dscnn", 48, 2, "is no window of 48 frames"),
        ("mlperf_kws_dscnn", 49, 49, "changes all of the window"),
    ],
)
def test_refused(name: str, frames: int, hop: int, reason: str) -> None:
    graph = read_bytes(require_data("models", f"{name}.tflite").read_bytes(), name)
    with pytest.raises(BadInputError, match=f"^{name}: cannot stream: .*{reason}"):
        stream(graph, window_frames=frames, hop_frames=hop)


def test_frames_that_do_not_follow_each_other_are_refused() -> None:
    """Features before time: [1, values, frames, 1]."""
    x, y = tensor((1, 10, 20, 1), "int8", 0.1), tensor((1, 10, 20, 1), "int8", 0.1)
    graph = read_bytes(build([operator("RELU", [x], [y])], [x], [y]), "turned")
    with pytest.raises(BadInputError, match=r"20 frames of the input .* do not follow each other"):
        stream(graph, window_frames=20, hop_frames=1)


def test_operators_of_streams_are_none_of_files() -> None:
    x, y = tensor((1, 4), "int8", 0.1), tensor((1, 4), "int8", 0.1)
    for name in ("STREAM_SLAB", "STREAM_ROWS", "STREAM_STORE", "STREAM_MEAN"):
        model = build([operator(name, [x], [y], custom_options=b"")], [x], [y])
        with pytest.raises(FieldwrenError, match="is no operator of model files"):
            lower(read_bytes(model, "model"), PORTABLE)


def test_frames_before_the_window_change_nothing() -> None:
    """What a state remembers from before the oldest frame must not be seen: two histories, one window."""
    model = ds_cnn_stream(frames=49, channels=8)
    graph = read_bytes(model, "m")
    streamed = stream(graph, window_frames=49, hop_frames=3)
    frames = random_frames(graph, 49, 49, 1)
    found = []
    for seed in (2, 3):
        interpreter = StreamInterpreter(streamed)
        interpreter.push(random_frames(graph, 49, 30, seed))
        found.append(interpreter.push(np.concatenate([frames, frames[:2]]))[-1][0])
    np.testing.assert_array_equal(found[0], found[1])
