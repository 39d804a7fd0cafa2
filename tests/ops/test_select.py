from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import build, operator, tensor


@cases(
    50,
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    dtype=st.sampled_from(["int8", "int16", "float32"]),
    seed=seeds,
)
def test_select(*, shape: list[int], dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)

    def part() -> list[int]:
        kept = [1 if generator.random() < 0.3 else n for n in shape]
        return shape if generator.random() < 0.5 else kept

    c, a, b, y = tensor(part(), "bool"), tensor(part(), dtype), tensor(part(), dtype), tensor(shape, dtype)
    fits = [max(sizes) for sizes in zip(c.shape, a.shape, b.shape, strict=True)] == shape
    model = build([operator("SELECT_V2", [c, a, b], [y])], [c, a, b], [y])
    if fits:
        assert_exact(model, seed)


def test_refuses_what_does_not_broadcast() -> None:
    c, a, b, y = tensor((2,), "bool"), tensor((3,), "int8"), tensor((3,), "int8"), tensor((3,), "int8")
    assert_refused(build([operator("SELECT_V2", [c, a, b], [y])], [c, a, b], [y]), "cannot broadcast")
