from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from fieldwren.plan import plan
from ops.harness import assert_exact, assert_refused, cases, executor, lowered, sampled_steps, seeds
from ops.model_builder import build, operator, tensor
from ops.strategies import log_scales, zero_points


@pytest.mark.parametrize("name", ["RELU", "RELU6"])
@cases(
    40,
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    scale=log_scales,
    zero_point=zero_points("int8"),
    gain=st.sampled_from([1.0, 1.0, 0.25, 0.9, 3.0]),
    output_zero_point=zero_points("int8") | st.none(),
    dtype=st.sampled_from(["int8", "int8", "int16"]),
    seed=seeds,
)
def test_equal(
    *,
    name: str,
    shape: list[int],
    scale: float,
    zero_point: int,
    gain: float,
    output_zero_point: int | None,
    dtype: str,
    seed: int,
) -> None:
    zero_point = 0 if dtype == "int16" else zero_point
    output_zero_point = zero_point if dtype == "int16" or output_zero_point is None else output_zero_point
    x, y = tensor(shape, dtype, scale, zero_point), tensor(shape, dtype, scale * gain, output_zero_point)
    assert_exact(build([operator(name, [x], [y])], [x], [y]), seed)


@pytest.mark.parametrize("name", ["RELU", "RELU6"])
def test_float_equal(name: str) -> None:
    x, y = tensor((1, 9), "float32"), tensor((1, 9), "float32")
    values = np.array([[-np.inf, -1.0, -0.0, 0.0, 1e-40, 6.0, 6.1, np.inf, np.nan]], np.float32)
    assert_exact(build([operator(name, [x], [y])], [x], [y]), steps=[[values]])


def test_relu_n1_to_1_clamps_the_real_value() -> None:
    # TFLM has no such operator: compared with the definition, in steps of the output's scale.
    x, y = tensor((1, 64), "int8", 0.02, 10), tensor((1, 64), "int8", 0.02, 10)
    program = lowered(build([operator("RELU_N1_TO_1", [x], [y])], [x], [y]))
    executor().open(plan(program))
    for (values,) in sampled_steps(program, 3):
        (result,) = executor().invoke([values])
        assert np.array_equal(result, np.clip(values, 10 - 50, 10 + 50))


def test_refuses_int16_with_a_zero_point() -> None:
    x, y = tensor((1, 4), "int16", 0.1, 1), tensor((1, 4), "int16", 0.1, 1)
    assert_refused(build([operator("RELU", [x], [y])], [x], [y]), "zero point in the int16 tensor")


def test_refuses_a_scale_that_six_overflows() -> None:
    x, y = tensor((1, 4), "int8", 1e-40), tensor((1, 4), "int8", 1e-40)
    assert_refused(build([operator("RELU6", [x], [y])], [x], [y]), "too small for 6")
