from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor


@cases(
    60,
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    dtype=st.sampled_from(["int8", "int16", "int32", "float32"]),
    seed=seeds,
)
def test_dynamic_update_slice(shape: list[int], dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    extents = [int(generator.integers(1, n + 1)) for n in shape]
    x, box, place, y = (
        tensor(shape, dtype),
        tensor(extents, dtype),
        tensor((len(shape),), "int32"),
        tensor(shape, dtype),
    )
    model = build([operator("DYNAMIC_UPDATE_SLICE", [x, box, place], [y])], [x, box, place], [y])
    steps = [
        [
            generator.integers(-128, 128, shape).astype(dtype),
            generator.integers(-128, 128, extents).astype(dtype),
            generator.integers(-2, 6, len(shape)).astype(np.int32),
        ]
        for _ in range(2)
    ]
    assert_exact(model, steps=steps)


def test_box_larger_than_the_tensor_is_refused() -> None:
    x, box, place, y = tensor((3,), "int8"), tensor((4,), "int8"), tensor((1,), "int32"), tensor((3,), "int8")
    assert_refused(build([operator("DYNAMIC_UPDATE_SLICE", [x, box, place], [y])], [x, box, place], [y]), "writes")
