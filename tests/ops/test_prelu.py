from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import gains, log_scales, weights, zero_points


@cases(
    60,
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    dtype=st.sampled_from(["int8", "int16", "float32"]),
    scales=st.tuples(log_scales, log_scales),
    points=st.tuples(*[zero_points("int8")] * 3),
    gain=gains,
    fixed=st.booleans(),
    seed=seeds,
)
def test_equal(
    *,
    shape: list[int],
    dtype: str,
    scales: tuple[float, float],
    points: tuple[int, int, int],
    gain: float,
    fixed: bool,
    seed: int,
) -> None:
    generator = np.random.default_rng(seed)
    kept = [1 if generator.random() < 0.4 else n for n in shape][int(generator.integers(0, len(shape))) :]
    points = points if dtype == "int8" else (0, points[1], 0)
    if dtype == "float32":
        x, y = tensor(shape, dtype), tensor(shape, dtype)
        slope = constant(generator.normal(0, 1, kept).astype(np.float32)) if fixed else tensor(kept, dtype)
    else:
        x, y = tensor(shape, dtype, scales[0], points[0]), tensor(shape, dtype, scales[0] * gain, points[2])
        data = weights(generator, kept) if fixed else None
        slope = tensor(kept, "int8", scales[1], points[1], data=data)
    assert_exact(build([operator("PRELU", [x, slope], [y])], [x] if fixed else [x, slope], [y]), seed)


def test_refuses_slopes_that_do_not_fit() -> None:
    x, slope, y = tensor((2, 3), "int8", 0.1), tensor((4,), "int8", 0.1), tensor((2, 3), "int8", 0.1)
    assert_refused(build([operator("PRELU", [x, slope], [y])], [x, slope], [y]), "does not fit")
    x, slope, y = tensor((3,), "int16", 0.1), tensor((3,), "int16", 0.1), tensor((3,), "int16", 0.1)
    assert_refused(build([operator("PRELU", [x, slope], [y])], [x, slope], [y]), "int16 tensor .*supported: int8")
