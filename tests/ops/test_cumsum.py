from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import gains, log_scales, zero_points


def model(
    shape: tuple[int, ...],
    axis: int,
    dtype: str = "int8",
    *,
    scales: tuple[float, float] = (0.1, 0.2),
    points: tuple[int, int] = (0, 0),
    exclusive: bool = False,
    reverse: bool = False,
) -> bytes:
    quantised = dtype != "float32"
    x = tensor(shape, dtype, scales[0] if quantised else None, points[0])
    y = tensor(shape, dtype, scales[1] if quantised else None, points[1])
    options = {"exclusive": exclusive, "reverse": reverse}
    return build([operator("CUMSUM", [x, constant(np.array([axis], np.int32))], [y], options=options)], [x], [y])


@cases(
    60,
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple),
    axis=st.integers(-4, 3),
    dtype=st.sampled_from(["int8", "int8", "float32"]),
    scale=log_scales,
    gain=gains,
    points=st.tuples(zero_points("int8"), zero_points("int8")),
    exclusive=st.booleans(),
    reverse=st.booleans(),
    seed=seeds,
)
def test_equal(
    *,
    shape: tuple[int, ...],
    axis: int,
    dtype: str,
    scale: float,
    gain: float,
    points: tuple[int, int],
    exclusive: bool,
    reverse: bool,
    seed: int,
) -> None:
    rank = len(shape)
    output_scale = float(np.float32(scale * gain * shape[axis % rank]))
    content = model(
        shape,
        (axis % rank) - (rank if axis < 0 else 0),
        dtype,
        scales=(scale, output_scale),
        points=points,
        exclusive=exclusive,
        reverse=reverse,
    )
    assert_exact(content, seed)


def test_refuses_what_the_reference_does() -> None:
    assert_refused(model((2, 3), 1, "int16"), "int16 tensor .*int8, float32")
    assert not tflm_accepts(model((2, 3), 1, "int16"))
    assert_refused(model((2, 3), 2), "axis 2")
