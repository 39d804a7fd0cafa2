from __future__ import annotations

import numpy as np
import pytest

from ops.harness import Tflm, assert_exact, assert_refused, lowered
from ops.model_builder import OperatorSpec, SubgraphSpec, TensorSpec, build, constant, operator, tensor


def handle(name: str = "state") -> tuple[OperatorSpec, TensorSpec]:
    resource = tensor((1,), "resource")
    return operator("VAR_HANDLE", [], [resource], container="", shared_name=name), resource


def streaming(initial: np.ndarray | None, *, keep: int = 6, step: int = 2) -> bytes:
    """A window of `keep` values over a stream that brings `step` at a time; outputs the window before and after."""
    making, resource = handle()
    x, before, joined = tensor((step,), "int8"), tensor((keep,), "int8"), tensor((keep + step,), "int8")
    after = tensor((keep,), "int8")
    begin, end, one = (constant(np.array([v], np.int32)) for v in (step, keep + step, 1))
    scalars = [tensor((), "int8") for _ in range(keep + step)]
    operators = [
        making,
        operator("READ_VARIABLE", [resource], [before]),
        operator("UNPACK", [before], scalars[:keep], num=keep, axis=0),
        operator("UNPACK", [x], scalars[keep:], num=step, axis=0),
        operator("PACK", scalars, [joined], values_count=keep + step, axis=0),
        operator("STRIDED_SLICE", [joined, begin, end, one], [after]),
        operator("ASSIGN_VARIABLE", [resource, after], []),
    ]
    bodies = []
    if initial is not None:
        inner, inner_resource = handle()
        bodies.append(SubgraphSpec((inner, operator("ASSIGN_VARIABLE", [inner_resource, constant(initial)], []))))
        operators.insert(0, operator("CALL_ONCE", [], [], init_subgraph_index=1))
    return build(operators, [x], [after, before], bodies=bodies)


@pytest.mark.parametrize("initial", [None, np.array([5, -3, 127, -128, 0, 1], np.int8)])
def test_window_over_a_stream(initial: np.ndarray | None) -> None:
    assert_exact(streaming(initial), 7)


def test_value_read_before_the_assignment_is_kept() -> None:
    making, resource = handle()
    x, old = tensor((4,), "int8"), tensor((4,), "int8")
    reshaped = tensor((2, 2), "int8")
    model = build(
        [
            making,
            operator("READ_VARIABLE", [resource], [old]),
            operator("RESHAPE", [old, constant(np.array([2, 2], np.int32))], [reshaped]),
            operator("ASSIGN_VARIABLE", [resource, x], []),
        ],
        [x],
        [reshaped],
    )
    assert_exact(model, 3)
    copies = [call for call in lowered(model).calls if call.kernel.name == "copy"]
    assert len(copies) == 2


def test_untouched_variable_starts_at_its_zero_point() -> None:
    making, resource = handle()
    x, old = tensor((3,), "int8", 0.1, -7), tensor((3,), "int8", 0.1, -7)
    model = build(
        [making, operator("READ_VARIABLE", [resource], [old]), operator("ASSIGN_VARIABLE", [resource, x], [])],
        [x],
        [old],
    )
    first = Tflm(model).invoke([np.zeros(3, np.int8)], 1)[0]
    assert first.tolist() == [-7, -7, -7]
    assert_exact(model)


def test_accesses_of_another_size_are_refused() -> None:
    making, resource = handle()
    x, old = tensor((3,), "int8"), tensor((4,), "int8")
    reading, writing = operator("READ_VARIABLE", [resource], [old]), operator("ASSIGN_VARIABLE", [resource, x], [])
    assert_refused(build([making, reading, writing], [x], [old]), "3 bytes int8 as int8")


def test_variable_that_nothing_assigns_is_refused() -> None:
    making, resource = handle()
    x, old = tensor((3,), "int8"), tensor((3,), "int8")
    assert_refused(build([making, operator("READ_VARIABLE", [resource], [old])], [x], [old]), "nothing assigns")


def test_missing_handle_and_subgraph_are_refused() -> None:
    resource, x = tensor((1,), "resource"), tensor((3,), "int8")
    assert_refused(build([operator("ASSIGN_VARIABLE", [resource, x], [])], [x], [x]), "no VAR_HANDLE")
    assert_refused(build([operator("CALL_ONCE", [], [], init_subgraph_index=4)], [x], [x]), "does not exist")
