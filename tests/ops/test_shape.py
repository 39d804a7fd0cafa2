from __future__ import annotations

import numpy as np
import pytest

from ops.harness import assert_exact, assert_refused, lowered
from ops.model_builder import build, operator, tensor


@pytest.mark.parametrize("shape", [(3,), (1, 2, 3, 4, 5)])
def test_shape_is_a_constant(shape: tuple[int, ...]) -> None:
    x, y = tensor(shape, "int8", 0.1), tensor((len(shape),), "int32")
    model = build([operator("SHAPE", [x], [y], out_type="INT32")], [x], [y])
    (output,) = assert_exact(model, steps=[[np.zeros(shape, np.int8)]])[0]
    assert output.tolist() == list(shape)
    assert [call.kernel.name for call in lowered(model).calls] == ["copy"]  # out of flash, to where outputs are


def test_refuses_other_types() -> None:
    x, y = tensor((2, 3), "int8", 0.1), tensor((2,), "float32")
    assert_refused(build([operator("SHAPE", [x], [y])], [x], [y]), "float32 tensor")
