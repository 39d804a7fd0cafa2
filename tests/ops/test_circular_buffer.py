from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldwren.boards import load_board
from fieldwren.core import PORTABLE
from fieldwren.execute import execute, interpret
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.tflite import read_bytes
from ops.executor import guarded_plan
from ops.harness import Tflm, assert_exact, assert_refused, cases, executor, lowered, seeds
from ops.model_builder import OperatorSpec, TensorSpec, build, operator, tensor
from ops.test_signal_spectrum import custom
from support import require_tool

NAME = "CIRCULAR_BUFFER"


def buffered(source: TensorSpec, slots: int, **options: int) -> tuple[OperatorSpec, TensorSpec]:
    """The operator and its output; without options it has none at all."""
    _, _, width, depth = source.shape
    kept = tensor((1, slots, width, depth), "int8", 0.1, 5, is_variable=True)
    if not options:
        return operator(NAME, [source], [kept], custom_options=b""), kept
    return custom(NAME, [source], [kept], **options), kept


def model(*layers: dict[str, int], depth: int = 3, width: int = 1) -> bytes:
    """Buffers one behind the other, a slice of the newest row between them, LEAKY_RELU at the end."""
    x = tensor((1, 1, width, depth), "int8", 0.1, 5)
    operators, source = [], x
    for number, options in enumerate(layers):
        slots = options.get("slots", 4)
        op, kept = buffered(source, slots, **{k: v for k, v in options.items() if k != "slots"})
        operators.append(op)
        source = tensor((1, slots if number == len(layers) - 1 else 1, width, depth), "int8", 0.1, 5)
        if number == len(layers) - 1:
            operators.append(operator("LEAKY_RELU", [kept], [source], alpha=0.5))
        else:
            pool = {"filter_height": slots, "filter_width": 1, "stride_h": 1, "stride_w": 1, "padding": "VALID"}
            operators.append(operator("MAX_POOL_2D", [kept], [source], options=pool))
    return build(operators, [x], [source])


def steps_of(content: bytes, count: int, seed: int) -> list[list[NDArray[Any]]]:
    (port,) = lowered(content).inputs
    generator = np.random.default_rng(seed)
    return [[generator.integers(-128, 128, port.shape).astype(np.int8)] for _ in range(count)]


def assert_exact_when_due(content: bytes, period: int, seed: int) -> None:
    """Every `period` steps the outputs are TFLM's, in between those of the last time; the same again after a reset."""
    steps, tflm = steps_of(content, 4 * period, seed), Tflm(content)
    program = lowered(content)
    for planned, zones in (guarded_plan(program), (plan(program), [])):
        executor().open(planned, zones)
        for _ in range(2):
            tflm.reset()
            last = np.zeros_like(executor().invoke(steps[0])[0])
            executor().reset()
            for number, step in enumerate(steps):
                (expected,), (got,) = tflm.invoke(step, 1), executor().invoke(step)
                if (number + 1) % period == 0:
                    last = expected
                assert np.array_equal(got, last), f"step {number}"
            executor().reset()


@cases(20, slots=st.integers(1, 6), width=st.integers(1, 3), depth=st.integers(1, 5), seed=seeds)
def test_every_time(*, slots: int, width: int, depth: int, seed: int) -> None:
    assert_exact(model({"slots": slots, "cycles_max": 1}, width=width, depth=depth), seed)


@cases(15, slots=st.integers(1, 6), period=st.integers(2, 4), seed=seeds)
def test_every_so_many_times(*, slots: int, period: int, seed: int) -> None:
    assert_exact_when_due(model({"slots": slots, "cycles_max": period}), period, seed)


def test_one_behind_the_other() -> None:
    assert_exact_when_due(model({"cycles_max": 2}, {"cycles_max": 3}, {"cycles_max": 1}), 6, 1)


@pytest.mark.parametrize(("slots", "period"), [(4, 2), (5, 1), (13, 1), (25, 1)])
def test_the_period_that_the_reference_guesses(slots: int, period: int) -> None:
    assert_exact_when_due(model({"slots": slots}), period, 2)
    assert_exact_when_due(model({"slots": slots, "cycles_max": 0}), period, 3)


@pytest.mark.slow
def test_rendered_code_leaves_out_the_same() -> None:
    require_tool("gcc")
    planned = plan(lower(read_bytes(model({"cycles_max": 2}, {"cycles_max": 3}), "model"), PORTABLE))
    inputs = [np.stack([step[0] for step in steps_of(model({"cycles_max": 2}), 14, 4)])]
    expected = interpret(planned, inputs).outputs
    assert len({row.tobytes() for row in expected[0]}) == 3
    assert np.array_equal(execute(planned, load_board("host"), inputs).outputs[0], expected[0])


def test_refusals() -> None:
    x, y = tensor((1, 1, 1, 3), "int8", 0.1), tensor((1, 4, 1, 3), "int8", 0.1)
    assert_refused(build([custom(NAME, [x], [y], cycles_max=1)], [x], [y]), "no variable tensor")
    assert_refused(model({"cycles_max": -3}), "cycles_max = -3")
    x16, y16 = tensor((1, 1, 1, 3), "int16", 0.1), tensor((1, 4, 1, 3), "int16", 0.1, is_variable=True)
    assert_refused(build([custom(NAME, [x16], [y16], cycles_max=1)], [x16], [y16]), "int16 tensor .*int8")
