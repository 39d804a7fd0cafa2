from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, tflm_accepts
from ops.model_builder import build, operator, tensor
from ops.strategies import zero_points


def model(x_scale: float, y_scale: float, points: tuple[int, int]) -> bytes:
    x, y = tensor((256,), "int8", x_scale, points[0]), tensor((256,), "int8", y_scale, points[1])
    return build([operator("HARD_SWISH", [x], [y])], [x], [y])


@cases(
    60,
    scale=st.floats(-9, 1).map(lambda e: 2.0**e),
    gain=st.floats(-3, 4).map(lambda e: 2.0**e),
    points=st.tuples(*[zero_points("int8")] * 2),
)
def test_all_int8_values(*, scale: float, gain: float, points: tuple[int, int]) -> None:
    assert_exact(model(scale, scale * gain, points), steps=[[np.arange(-128, 128, dtype=np.int8)]])


def test_floats() -> None:
    x, y = tensor((9,), "float32"), tensor((9,), "float32")
    values = np.array([-9, -3, -2.9, -1, -0.0, 0.3, 2.9999, 3, 100], np.float32)
    assert_exact(build([operator("HARD_SWISH", [x], [y])], [x], [y]), steps=[[values]])


def test_refuses_what_the_reference_refuses() -> None:
    refused = model(1.0, 1 / 1024, (0, 0))
    assert not tflm_accepts(refused)
    assert_refused(refused, "16-bit arithmetic")
