from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

import tflite
from fieldwren.plan import plan
from ops.harness import Tflm, assert_exact, assert_refused, cases, executor, lowered, seeds
from ops.model_builder import build, tensor
from ops.test_signal_spectrum import custom


@cases(30, rows=st.integers(1, 3), frame=st.integers(1, 12), delay=st.integers(0, 20), seed=seeds)
def test_delay(*, rows: int, frame: int, delay: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = tensor((rows, frame), "int16"), tensor((rows, frame), "int16")
    model = build([custom("SignalDelay", [x], [y], delay_length=delay)], [x], [y])
    steps = [[generator.integers(-32768, 32768, (rows, frame)).astype(np.int16)] for _ in range(6)]
    assert_exact(model, steps=steps)


def assert_valid_frames_exact(model: bytes, steps: list[list[np.ndarray]]) -> None:
    """Equal validity in every step, and equal frames where they are valid; the reference leaves others undefined."""
    tflm = Tflm(model)
    executor().open(plan(lowered(model)), [])
    for step in steps:
        expected, found = tflm.invoke(step, 2), executor().invoke(step)
        assert found[1].tolist() == expected[1].tolist()
        if expected[1]:
            assert np.array_equal(found[0], expected[0])


@cases(
    40,
    rows=st.integers(1, 2),
    frames=st.integers(1, 3),
    size=st.integers(1, 12),
    step=st.integers(1, 8),
    prefill=st.booleans(),
    seed=seeds,
)
def test_framer(*, rows: int, frames: int, size: int, step: int, prefill: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    prefill &= size >= step
    x, y, valid = tensor((rows, frames * step), "int16"), tensor((rows, frames, size), "int16"), tensor((), "bool")
    options = {"frame_size": size, "frame_step": step, "prefill": prefill}
    model = build([custom("SignalFramer", [x], [y, valid], **options)], [x], [y, valid])
    steps = [[generator.integers(-32768, 32768, x.shape).astype(np.int16)] for _ in range(8)]
    assert_valid_frames_exact(model, steps)


@cases(40, channels=st.integers(1, 5), left=st.integers(0, 3), right=st.integers(0, 3), seed=seeds)
def test_stacker(*, channels: int, left: int, right: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    stack = left + right + 1
    x, y, valid = tensor((channels,), "int16"), tensor((stack * channels,), "int16"), tensor((), "bool")
    options = {
        "num_channels": channels,
        "stacker_left_context": left,
        "stacker_right_context": right,
        "stacker_step": int(generator.integers(1, stack + 1)),
    }
    model = build([custom("SignalStacker", [x], [y, valid], **options)], [x], [y, valid])
    steps = [[generator.integers(-32768, 32768, x.shape).astype(np.int16)] for _ in range(12)]
    assert_valid_frames_exact(model, steps)


@cases(
    40,
    rows=st.integers(1, 2),
    frames=st.integers(1, 3),
    size=st.integers(1, 12),
    dtype=st.sampled_from(["int16", "float32"]),
    seed=seeds,
)
def test_overlap_add(*, rows: int, frames: int, size: int, dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    step = int(generator.integers(1, size + 1))
    x, y = tensor((rows, frames, size), dtype), tensor((rows, frames * step), dtype)
    kind = tflite.TensorType.INT16 if dtype == "int16" else tflite.TensorType.FLOAT32
    model = build([custom("SignalOverlapAdd", [x], [y], T=kind, frame_step=step)], [x], [y])
    assert_exact(model, seed)


def test_refuses_sizes_that_do_not_fit() -> None:
    x, y, valid = tensor((10,), "int16"), tensor((2, 8), "int16"), tensor((), "bool")
    options = {"frame_size": 8, "frame_step": 4, "prefill": False}
    assert_refused(build([custom("SignalFramer", [x], [y, valid], **options)], [x], [y, valid]), "every 4")
    frames = tensor((3, 8), "int16")
    model = build([custom("SignalOverlapAdd", [frames], [x], T=tflite.TensorType.INT16, frame_step=9)], [frames], [x])
    assert_refused(model, "frame_step = 9")
    stacked = tensor((30,), "int16")
    options = {"num_channels": 10, "stacker_left_context": 1, "stacker_right_context": 1, "stacker_step": 4}
    assert_refused(
        build([custom("SignalStacker", [x], [stacked, valid], **options)], [x], [stacked, valid]), "stacker_step = 4"
    )
