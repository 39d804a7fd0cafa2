from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, constant, operator, tensor


@cases(
    60,
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    mode=st.sampled_from(["REFLECT", "SYMMETRIC"]),
    dtype=st.sampled_from(["int8", "float32"]),
    seed=seeds,
)
def test_mirror_pad(shape: list[int], mode: str, dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    widest = [n - (mode == "REFLECT") for n in shape]
    paddings = np.array([generator.integers(0, n + 1, 2) * (generator.random() < 0.7) for n in widest], np.int32)
    x, y = tensor(shape, dtype), tensor([n + int(p.sum()) for n, p in zip(shape, paddings, strict=True)], dtype)
    assert_exact(build([operator("MIRROR_PAD", [x, constant(paddings)], [y], mode=mode)], [x], [y]), seed)


def test_border_wider_than_the_inside_is_refused() -> None:
    x, y = tensor((3,), "int8"), tensor((6,), "int8")
    model = build([operator("MIRROR_PAD", [x, constant(np.array([[3, 0]], np.int32))], [y], mode="REFLECT")], [x], [y])
    assert_refused(model, "wider")
