from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import weights, zero_points


def lstm(
    generator: np.random.Generator,
    *,
    batches: int = 1,
    steps: int = 3,
    width: int = 4,
    units: int = 3,
    dtype: str = "int8",
    zero_point: tuple[int, int] = (0, 0),
    cell_power: int = -11,
    cell_clip: float = 0.0,
    time_major: bool = False,
    **changes: Any,
) -> bytes:
    levels = 1 if dtype == "int8" else 256
    x_scale, h_scale = 0.0137 / levels, 0.0079 / levels
    rows = (steps, batches) if time_major else (batches, steps)
    x = tensor((*rows, width), dtype, x_scale, zero_point[0])
    y = tensor((*rows, units), dtype, h_scale, zero_point[1])
    hidden = tensor((batches, units), dtype, h_scale, zero_point[1], is_variable=True)
    cell = tensor((batches, units), "int16", 2.0**cell_power, is_variable=True)
    bias_type = np.int32 if dtype == "int8" else np.int64
    scales = generator.uniform(0.005, 0.03, 8)
    inputs: list[Any] = [None] * 24
    inputs[0], inputs[18], inputs[19] = x, hidden, cell
    for gate in range(4):
        inputs[1 + gate] = constant(weights(generator, (units, width)), scales[gate])
        inputs[5 + gate] = constant(weights(generator, (units, units)), scales[4 + gate])
        values = generator.normal(0, 1 / (x_scale * scales[gate]), units)
        inputs[12 + gate] = constant(np.rint(values).astype(bias_type), x_scale * scales[gate])
    for number, changed in changes.items():
        inputs[int(number.removeprefix("input"))] = changed
    layer = operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs,
        [y],
        fused_activation_function="TANH",
        cell_clip=cell_clip,
        time_major=time_major,
    )
    return build([layer], [x], [y])


@cases(
    40,
    batches=st.integers(1, 3),
    steps=st.integers(1, 5),
    width=st.integers(1, 9),
    units=st.integers(1, 7),
    dtype=st.sampled_from(["int8", "int16"]),
    input_zero_point=zero_points("int8"),
    hidden_zero_point=zero_points("int8"),
    cell_power=st.sampled_from([-15, -13, -12, -11, -9, -5]),
    cell_clip=st.sampled_from([0.0, 0.0, 0.4]),
    time_major=st.booleans(),
    seed=seeds,
)
def test_equal(
    *,
    batches: int,
    steps: int,
    width: int,
    units: int,
    dtype: str,
    input_zero_point: int,
    hidden_zero_point: int,
    cell_power: int,
    cell_clip: float,
    time_major: bool,
    seed: int,
) -> None:
    model = lstm(
        np.random.default_rng(seed),
        batches=batches,
        steps=steps,
        width=width,
        units=units,
        dtype=dtype,
        zero_point=(input_zero_point, hidden_zero_point) if dtype == "int8" else (0, 0),
        cell_power=cell_power,
        cell_clip=cell_clip,
        time_major=time_major,
    )
    assert_exact(model, seed)


def test_refuses_variants_that_tflm_lacks() -> None:
    generator = np.random.default_rng(0)
    peephole = constant(np.zeros(3, np.int16), 0.1)
    assert_refused(lstm(generator, input9=peephole), "peephole")
    assert_refused(lstm(generator, input16=constant(np.zeros((3, 3), np.int8), 0.1)), "projection")
    assert_refused(lstm(generator, input20=peephole), "layer normalisation")


def test_refuses_sizes_that_do_not_match() -> None:
    generator = np.random.default_rng(0)
    assert_refused(lstm(generator, input2=constant(np.zeros((3, 5), np.int8), 0.1)), r"\[3, 4\]")
    assert_refused(lstm(generator, input19=tensor((1, 4), "int16", 2.0**-11, is_variable=True)), "state")
    assert_refused(lstm(generator, input13=constant(np.zeros(2, np.int32), 0.1)), "bias")
    assert_refused(lstm(generator, input13=constant(np.zeros(3, np.int64), 0.1)), "int64")
