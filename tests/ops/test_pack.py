from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds
from ops.model_builder import build, constant, operator, tensor


@cases(
    40,
    shape=st.lists(st.integers(1, 5), min_size=0, max_size=3),
    values=st.integers(1, 4),
    dtype=st.sampled_from(["int8", "int16", "int32", "int64", "float32"]),
    seed=seeds,
)
def test_pack(shape: list[int], values: int, dtype: str, seed: int) -> None:
    axis = int(np.random.default_rng(seed).integers(0, len(shape) + 1))
    inputs = [tensor(shape, dtype) for _ in range(values)]
    output = tensor([*shape[:axis], values, *shape[axis:]], dtype)
    packing = operator("PACK", inputs, [output], values_count=values, axis=axis - (seed % 2) * (len(shape) + 1))
    assert_exact(build([packing], inputs, [output]), seed)


def test_one_tensor_packed_twice() -> None:
    x, y = tensor((3,), "int8"), tensor((2, 3), "int8")
    assert_exact(build([operator("PACK", [x, x], [y], values_count=2, axis=0)], [x], [y]))


def test_shape_arithmetic_vanishes() -> None:
    x, y = tensor((2, 12), "int8", 0.5), tensor((2, 3, 4), "int8", 0.5)
    shape, batch = tensor((2,), "int32"), tensor((), "int32")
    target = tensor((3,), "int32")
    begin, end, step = (constant(np.array([v], np.int32)) for v in (0, 1, 1))
    three, four = (constant(np.array(v, np.int32)) for v in (3, 4))
    model = build(
        [
            operator("SHAPE", [x], [shape], out_type="INT32"),
            operator("STRIDED_SLICE", [shape, begin, end, step], [batch], shrink_axis_mask=1),
            operator("PACK", [batch, three, four], [target], values_count=3, axis=0),
            operator("RESHAPE", [x, target], [y]),
        ],
        [x],
        [y],
    )
    assert_exact(model)
    assert lowered(model).calls == ()
    assert lowered(model).const_bytes == 0


def test_different_shapes_are_refused() -> None:
    a, b, y = tensor((3,), "int8"), tensor((4,), "int8"), tensor((2, 3), "int8")
    assert_refused(build([operator("PACK", [a, b], [y], values_count=2, axis=0)], [a, b], [y]), "PACK")
