from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, tflm_accepts
from ops.model_builder import build, operator, tensor
from ops.strategies import gains, log_scales, zero_points


@cases(60, scale=log_scales, gain=gains, points=st.tuples(*[zero_points("int8")] * 2))
def test_all_int8_values(*, scale: float, gain: float, points: tuple[int, int]) -> None:
    x, y = tensor((256,), "int8", scale, points[0]), tensor((256,), "int8", scale * gain, points[1])
    assert_exact(build([operator("ELU", [x], [y])], [x], [y]), steps=[[np.arange(-128, 128, dtype=np.int8)]])


def test_refuses_what_the_reference_does() -> None:
    x, y = tensor((5,), "int16", 0.1), tensor((5,), "int16", 0.1)
    model = build([operator("ELU", [x], [y])], [x], [y])
    assert_refused(model, "int16 tensor .*supported: int8")
    assert not tflm_accepts(model, [np.zeros(5, np.int16)])
