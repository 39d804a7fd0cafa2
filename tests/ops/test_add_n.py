from __future__ import annotations

from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import build, operator, tensor
from ops.strategies import gains, log_scales, zero_points


def model(
    count: int,
    shape: tuple[int, ...] = (2, 3),
    dtype: str = "int8",
    *,
    scales: tuple[float, float] = (0.1, 0.2),
    points: tuple[int, int] = (0, 0),
    last_scale: float | None = None,
) -> bytes:
    quantised = dtype != "float32"
    inputs = [
        tensor(shape, dtype, (last_scale or scales[0]) if n == count - 1 else scales[0], points[0])
        if quantised
        else tensor(shape, dtype)
        for n in range(count)
    ]
    y = tensor(shape, dtype, scales[1] if quantised else None, points[1])
    return build([operator("ADD_N", inputs, [y], version=2)], inputs, [y])


@cases(
    40,
    count=st.integers(2, 5),
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=4).map(tuple),
    dtype=st.sampled_from(["int8", "int8", "float32"]),
    scale=log_scales,
    gain=gains,
    points=st.tuples(zero_points("int8"), zero_points("int8")),
    seed=seeds,
)
def test_equal(
    *,
    count: int,
    shape: tuple[int, ...],
    dtype: str,
    scale: float,
    gain: float,
    points: tuple[int, int],
    seed: int,
) -> None:
    assert_exact(model(count, shape, dtype, scales=(scale, scale * gain * count), points=points), seed)


def test_refuses_what_the_reference_does() -> None:
    assert_refused(model(1), "two or more")
    assert_refused(model(2, dtype="int16"), "int16 tensor .*int8, float32")
    assert_refused(model(3, last_scale=0.3), "other scales")
    for content in (model(1), model(2, dtype="int16"), model(3, last_scale=0.3)):
        assert not tflm_accepts(content)
