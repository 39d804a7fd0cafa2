from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases
from ops.model_builder import build, operator, tensor
from ops.strategies import log_scales, zero_points


@cases(40, scale=st.floats(-14, 2).map(lambda e: 2.0**e), zero_point=zero_points("int8"))
def test_all_int8_values(scale: float, zero_point: int) -> None:
    x, y = tensor((256,), "int8", scale, zero_point), tensor((256,), "int8", 1 / 128, 0)
    model = build([operator("TANH", [x], [y])], [x], [y])
    assert_exact(model, steps=[[np.arange(-128, 128, dtype=np.int8)]])


@cases(12, scale=log_scales | st.sampled_from([2.0**-11, 2.0**-12, 2.0**-12 * 1.0002, 2.0**-13]))
def test_all_int16_values(scale: float) -> None:
    x, y = tensor((65536,), "int16", scale), tensor((65536,), "int16", 2.0**-15)
    model = build([operator("TANH", [x], [y])], [x], [y])
    assert_exact(model, steps=[[np.arange(-32768, 32768, dtype=np.int16)]])


@pytest.mark.parametrize(("input_zero_point", "output_scale"), [(3, 2.0**-15), (0, 2.0**-14)])
def test_refuses_other_int16_quantisation(input_zero_point: int, output_scale: float) -> None:
    x, y = tensor((4,), "int16", 0.001, input_zero_point), tensor((4,), "int16", output_scale)
    assert_refused(build([operator("TANH", [x], [y])], [x], [y]), "zero point|2\\^-15")
