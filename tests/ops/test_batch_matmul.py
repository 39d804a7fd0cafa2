from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds, tflm_accepts
from ops.model_builder import build, constant, operator, tensor
from ops.strategies import broadcast_shapes, gains, log_scales, zero_points


def model(
    *,
    batches: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] = ((), (), ()),
    rows: int = 2,
    depth: int = 3,
    columns: int = 4,
    adj: tuple[bool, bool] = (False, False),
    dtype: str = "int8",
    scales: tuple[float, float, float] = (0.05, 0.05, 0.1),
    points: tuple[int, int, int] = (0, 0, 0),
    is_constant: bool = False,
    seed: int = 0,
) -> bytes:
    left = (depth, rows) if adj[0] else (rows, depth)
    right = (columns, depth) if adj[1] else (depth, columns)
    x = tensor((*batches[0], *left), dtype, scales[0], points[0])
    w = tensor((*batches[1], *right), dtype, scales[1], points[1])
    y = tensor((*batches[2], rows, columns), dtype, scales[2], points[2])
    inputs = [x, w]
    if is_constant:
        values = np.random.default_rng(seed).integers(-128, 128, w.shape).astype(dtype)
        w = constant(values, scales[1], points[1])
        inputs = [x]
    options = {"adj_x": adj[0], "adj_y": adj[1]}
    return build([operator("BATCH_MATMUL", [x, w], [y], options=options)], inputs, [y])


@st.composite
def batch_shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Leading dimensions, at most three."""
    first, second, _ = draw(broadcast_shapes())
    return first[-3:], second[-3:], np.broadcast_shapes(first[-3:], second[-3:])


@cases(
    80,
    batches=batch_shapes() | st.just(((), (), ())),
    rows=st.integers(1, 5),
    depth=st.integers(1, 9),
    columns=st.integers(1, 5),
    adj=st.tuples(st.booleans(), st.booleans()),
    dtype=st.sampled_from(["int8", "int16"]),
    scales=st.tuples(log_scales, log_scales),
    gain=gains,
    points=st.tuples(zero_points("int8"), zero_points("int8"), zero_points("int8")),
    is_constant=st.booleans(),
    seed=seeds,
)
def test_equal(
    *,
    batches: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
    rows: int,
    depth: int,
    columns: int,
    adj: tuple[bool, bool],
    dtype: str,
    scales: tuple[float, float],
    gain: float,
    points: tuple[int, int, int],
    is_constant: bool,
    seed: int,
) -> None:
    spread = {"int8": 60, "int16": 15000}[dtype] * np.sqrt(depth)
    content = model(
        batches=batches,
        rows=rows,
        depth=depth,
        columns=columns,
        adj=adj,
        dtype=dtype,
        scales=(*scales, float(np.float32(scales[0] * scales[1] * spread * gain))),
        points=points if dtype == "int8" else (0, 0, 0),
        is_constant=is_constant,
        seed=seed,
    )
    assert_exact(content, seed)


def test_refusals() -> None:
    assert_refused(model(dtype="float32"), "float32 tensor .*int8, int16")
    assert_refused(model(dtype="int16", points=(1, 0, 0)), "zero points")
    assert_refused(model(batches=((2,), (3,), (3,))), "does not fit")
    assert_refused(model(batches=((1,) * 4, (1,) * 4, (1,) * 4)), "two to five dimensions")
    assert not tflm_accepts(model(batches=((1,) * 4, (1,) * 4, (1,) * 4)))
