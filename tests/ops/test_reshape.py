from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import strategies as st

from ops.harness import assert_exact, assert_refused, cases, lowered, seeds
from ops.model_builder import TensorSpec, build, constant, operator, tensor


def ints(*values: int) -> TensorSpec:
    return constant(np.array(values, np.int32))


@st.composite
def regrouped(draw: st.DrawFn) -> tuple[list[int], list[int], bool]:
    """(shape, another shape of as many elements, whether one of its dimensions is to be written as -1)."""
    factors = draw(st.lists(st.integers(1, 4), min_size=1, max_size=6))
    shapes = []
    for _ in range(2):
        cuts = sorted(draw(st.lists(st.integers(0, len(factors)), max_size=4)))
        bounds = [0, *cuts, len(factors)]
        shapes.append([math.prod(factors[a:b]) for a, b in itertools.pairwise(bounds)])
    return shapes[0], shapes[1], draw(st.booleans())


@pytest.mark.parametrize("given", ["tensor", "option", "both"])
@cases(20, shapes=regrouped(), dtype=st.sampled_from(["int8", "int16", "int32", "float32", "bool"]), seed=seeds)
def test_reshape(*, given: str, shapes: tuple[list[int], list[int], bool], dtype: str, seed: int) -> None:
    before, after, has_wildcard = shapes
    written = list(after)
    if has_wildcard:
        written[seed % len(written)] = -1
    scale = 0.1 if dtype in ("int8", "int16") else None
    x, y = tensor(before, dtype, scale), tensor(after, dtype, scale)
    inputs = [x] if given == "option" else [x, ints(*written)]
    options = {} if given == "tensor" else {"new_shape": written}
    model = build([operator("RESHAPE", inputs, [y], options=options)], [x], [y])
    assert_exact(model, seed)
    assert not lowered(model).calls


@pytest.mark.parametrize("axis", [-4, -1, 0, 2])
def test_squeeze_and_expand(axis: int) -> None:
    x = tensor((2, 3, 4), "int8", 0.1)
    wide = list(x.shape)
    wide.insert(axis + 4 if axis < 0 else axis, 1)
    w, y = tensor(wide, "int8", 0.1), tensor(x.shape, "int8", 0.1)
    operators = [operator("EXPAND_DIMS", [x, ints(axis)], [w]), operator("SQUEEZE", [w], [y], squeeze_dims=[axis])]
    model = build(operators, [x], [y])
    assert_exact(model)
    assert not lowered(model).calls


def test_shape_arithmetic_vanishes() -> None:
    """What a converter writes for x.reshape(tf.shape(x)[0], -1): nothing of it is left to run."""
    x, shape, batch = tensor((2, 3, 4), "int8", 0.1), tensor((3,), "int32"), tensor((), "int32")
    target, y = tensor((2,), "int32"), tensor((2, 12), "int8", 0.1)
    operators = [
        operator("SHAPE", [x], [shape], out_type="INT32"),
        operator("STRIDED_SLICE", [shape, ints(0), ints(1), ints(1)], [batch], shrink_axis_mask=1),
        operator("PACK", [batch, constant(np.array(-1, np.int32))], [target], values_count=2, axis=0),
        operator("RESHAPE", [x, target], [y]),
    ]
    model = build(operators, [x], [y])
    assert not lowered(model).calls
    assert_exact(model)


def test_longer_shape_arithmetic_vanishes() -> None:
    """GATHER, CAST, MUL, CONCATENATION and FILL on shapes, before a BROADCAST_TO and a RESHAPE of data."""
    x, shape = tensor((1, 2, 3), "int8", 0.1), tensor((3,), "int32")
    last, doubled, joined = tensor((1,), "int32"), tensor((1,), "int32"), tensor((3,), "int32")
    wide, y = tensor((4, 2, 3), "int8", 0.1), tensor((4, 6), "int8", 0.1)
    rest, pair = tensor((2,), "int32"), tensor((2,), "int32")
    operators = [
        operator("SHAPE", [x], [shape], out_type="INT32"),
        operator("SLICE", [shape, ints(2), ints(1)], [last]),
        operator("MUL", [last, ints(2)], [doubled]),
        operator("SLICE", [shape, ints(1), ints(2)], [rest]),
        operator("CONCATENATION", [ints(4), rest], [joined], axis=0),
        operator("BROADCAST_TO", [x, joined], [wide]),
        operator("CONCATENATION", [ints(4), doubled], [pair], axis=0),
        operator("RESHAPE", [wide, pair], [y]),
    ]
    program = lowered(build(operators, [x], [y]))
    assert [call.layer.name for call in program.calls] == ["BROADCAST_TO"]


def test_refusals() -> None:
    x = tensor((2, 6), "int8", 0.1)
    for written, output in (((5, -1), (5, 2)), ((3, 4), (4, 4))):
        y = tensor(output, "int8", 0.1)
        assert_refused(build([operator("RESHAPE", [x, ints(*written)], [y])], [x], [y]), "RESHAPE")
