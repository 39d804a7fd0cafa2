from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fieldwren.plan import plan
from ops.harness import assert_exact, assert_refused, cases, executor, lowered, seeds
from ops.model_builder import build, operator, tensor


@cases(
    60,
    source=st.sampled_from(["int8", "int16", "int32", "uint32", "bool"]),
    target=st.sampled_from(["int8", "int16", "int32", "uint32", "float32"]),
    elements=st.integers(1, 30),
    seed=seeds,
)
def test_cast_of_integers(source: str, target: str, elements: int, seed: int) -> None:
    x, y = tensor((elements,), source), tensor((elements,), target)
    assert_exact(build([operator("CAST", [x], [y])], [x], [y]), seed)


@cases(20, target=st.sampled_from(["int8", "int16", "int32", "float32"]), elements=st.integers(1, 30), seed=seeds)
def test_cast_of_floats(target: str, elements: int, seed: int) -> None:
    x, y = tensor((elements,), "float32"), tensor((elements,), target)
    values = np.random.default_rng(seed).uniform(-120, 120, elements).astype(np.float32)
    assert_exact(build([operator("CAST", [x], [y])], [x], [y]), steps=[[values]])


def test_floats_outside_the_type_become_its_ends() -> None:
    x, y = tensor((6,), "float32"), tensor((6,), "int8")
    executor().open(plan(lowered(build([operator("CAST", [x], [y])], [x], [y]))), [])
    (found,) = executor().invoke([np.array([127.9, 200, np.inf, -128.9, -np.inf, np.nan], np.float32)])
    assert found.tolist() == [127, 127, 127, -128, -128, 0]


def test_unsupported_types_are_refused() -> None:
    x, y = tensor((3,), "int8"), tensor((3,), "uint8")
    assert_refused(build([operator("CAST", [x], [y])], [x], [y]), "uint8 tensor .*; supported")
