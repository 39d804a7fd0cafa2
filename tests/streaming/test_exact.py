"""The incremental model gives what TensorFlow Lite Micro gives for the whole window, at every hop, bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldwren.core import PORTABLE, Core
from fieldwren.errors import BadInputError
from fieldwren.graph import Graph
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.streaming import Streamed, StreamInterpreter, stream
from fieldwren.streaming.analysis import analyse
from fieldwren.streaming.incremental import incremental
from fieldwren.tflite import read_bytes
from ops.executor import guarded_plan
from ops.harness import CORES, Tflm, cases, executor, seeds
from ops.model_builder import tensor
from streaming.models import LAYERS, TAILS, Net, random_model

HOPS = 6


def random_frames(graph: Graph, window_frames: int, count: int, seed: int) -> NDArray[Any]:
    """int8[count, values of a frame]: half of them uniform, half near the zero point."""
    generator = np.random.default_rng(seed)
    source = graph.main.tensors[graph.main.inputs[0]]
    shape = (count, source.elements // window_frames)
    near = np.clip(np.rint(generator.normal(0, 30, shape)), -128, 127)
    return np.where(generator.random((count, 1)) < 0.5, near, generator.integers(-128, 128, shape)).astype(np.int8)


def whole_windows(model: bytes, graph: Graph, frames: NDArray[Any], window: int, hop: int) -> list[list[NDArray[Any]]]:
    """TFLM's outputs for every window that `frames` hold."""
    tflm = Tflm(model)
    shape = graph.main.tensors[graph.main.inputs[0]].shape
    starts = range(0, len(frames) - window + 1, hop)
    return [tflm.invoke([frames[i : i + window].reshape(shape)], len(graph.main.outputs)) for i in starts]


def assert_equal(found: list[list[NDArray[Any]]], expected: list[list[NDArray[Any]]], where: str) -> None:
    assert len(found) == len(expected), where
    for number, (got, wanted) in enumerate(zip(found, expected, strict=True)):
        for value, want in zip(got, wanted, strict=True):
            assert value.tobytes() == want.tobytes(), f"{where}: window {number} differs"


def guarded(streamed: Streamed, core: Core, frames: NDArray[Any]) -> list[list[NDArray[Any]]]:
    """The same by the sanitised fw_run, with red zones between all buffers. One phase only."""
    assert streamed.phases == 1
    planned, zones = guarded_plan(lower(streamed.graph, core))
    executor().open(planned, zones)
    port = planned.program.inputs[0]
    padded = np.concatenate([np.zeros((streamed.hop_frames - streamed.first_frames, frames.shape[1]), np.int8), frames])
    runs = [padded[i : i + streamed.hop_frames] for i in range(0, len(padded), streamed.hop_frames)]
    outputs = [executor().invoke([run.reshape(port.shape)]) for run in runs if len(run) == streamed.hop_frames]
    return outputs[streamed.warm_up :]


def assert_streams(model: bytes, window: int, hop: int, seed: int) -> Streamed:
    """Streams `model` on random frames on every core, before and after a reset."""
    graph = read_bytes(model, "model")
    streamed = stream(graph, window_frames=window, hop_frames=hop)
    frames = random_frames(graph, window, window + HOPS * hop * min(streamed.phases, 3), seed)
    expected = whole_windows(model, graph, frames, window, hop)
    for core in CORES:
        interpreter = StreamInterpreter(streamed, core)
        assert_equal(interpreter.push(frames), expected, core.name)
        interpreter.reset()
        assert_equal(interpreter.push(frames[: window + hop]), expected[:2], f"{core.name} after reset")
        if streamed.phases == 1:
            assert_equal(guarded(streamed, core, frames), expected, f"{core.name} guarded")
    return streamed


@cases(
    24,
    frames=st.integers(12, 40),
    values=st.integers(1, 6),
    along=st.sampled_from([1, 1, 2]),
    layers=st.lists(st.sampled_from(LAYERS), min_size=1, max_size=5),
    tail=st.sampled_from(TAILS),
    hop=st.integers(1, 6),
    seed=seeds,
)
def test_random_models(frames: int, values: int, along: int, layers: list[str], tail: str, hop: int, seed: int) -> None:
    model = random_model(seed, frames=frames, values=values, along=along, layers=layers, tail=tail)
    try:
        stream(read_bytes(model, "model"), window_frames=frames, hop_frames=hop)
    except BadInputError as error:
        assert "cannot stream" in str(error)
        return
    assert_streams(model, frames, hop, seed)


def test_examples_are_not_all_refused() -> None:
    """The property above is not empty: of such models nearly all stream, many with edges, some in phases."""
    generator = np.random.default_rng(1)
    made = []
    for seed in range(30):
        layers = list(generator.choice(LAYERS, 4))
        model = random_model(seed, frames=30, values=4, along=1, layers=layers, tail=str(generator.choice(TAILS)))
        try:
            made.append(stream(read_bytes(model, "model"), window_frames=30, hop_frames=1 + seed % 4))
        except BadInputError:
            continue
    assert len(made) > 20
    assert sum(streamed.phases > 1 for streamed in made) > 3
    names = {call.kernel.name for s in made for call in plan(lower(s.graph, PORTABLE)).program.calls}
    assert {"shift_rows", "running_sums_s8", "mean_of_sums_s8", "average_of_sums_s8"} <= names


def test_layers_far_apart_are_run_whole_where_phases_cost_more() -> None:
    """Strides of 2, 2 and 2: a hop of 8 moves every layer by rows, a hop of 3 would need eight states for the last."""
    net = Net(np.random.default_rng(0), tensor((1, 48, 4, 1), "int8", 0.05, 2), 1)
    for channels in (8, 4, 4):
        net.conv(3, 2, 1, "SAME", channels=channels)
    net.tail("mean")
    assert assert_streams(net.model(), 48, 8, seed=1).phases == 1
    streamed = assert_streams(net.model(), 48, 3, seed=2)
    assert streamed.phases == 4
    graph = read_bytes(net.model(), "model")
    with_all = incremental(analyse(graph, 48), 3)
    assert with_all.phases == 8
    assert lower(streamed.graph, PORTABLE).macs < lower(with_all.graph, PORTABLE).macs
