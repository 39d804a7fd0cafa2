"""The operator tests' one assertion: TensorFlow Lite Micro and fw_run give the same bits.

@cases(40, channels=st.integers(1, 9), seed=seeds)
def test_relu(channels: int, seed: int) -> None:
    x, y = tensor((1, 4, channels), "int8", 0.1, 3), tensor((1, 4, channels), "int8", 0.05, -7)
    assert_exact(build([operator("RELU", [x], [y])], [x], [y]), seed)
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldwren.core import PORTABLE, Core
from fieldwren.errors import FieldwrenError
from fieldwren.graph import DTYPES
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.program import Port, Program
from fieldwren.tflite import read_bytes
from ops.executor import Executor, guarded_plan
from support import require_module

_ARENA_BYTES = 1 << 20
_FACTOR = float(os.environ.get("FIELDWREN_EXAMPLES_FACTOR", "1"))
"""How many times the usual number of examples; other than 1, they are new ones in every run."""

seeds = st.integers(0, 2**32 - 1)
"""Seeds of the random generator that a test fills its tensors from."""

CORES = (
    PORTABLE,
    Core("dsp", dsp=True, fpu=True),
    Core("mve", dsp=True, mve=True, fpu=True),
    Core("packed", packed=True),
)
"""What operators are lowered for: on the host, DSP instructions and vectors are plain C functions."""

Inputs = Sequence[NDArray[Any]]


def cases(count: int, /, **strategies: st.SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Runs the test on `count` examples of `strategies`, the same ones every time."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        configured = settings(
            max_examples=max(1, round(count * _FACTOR)),
            derandomize=_FACTOR == 1,
            deadline=None,
            database=None,
            print_blob=False,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        return configured(given(**strategies)(test))

    return decorate


@functools.cache
def executor() -> Executor:
    """The sanitised fw_run of this session."""
    return Executor()


def lowered(model: bytes, core: Core = PORTABLE, *, only: str | None = None) -> Program:
    """The Program of a built model; `only` names the variant to take wherever it applies."""
    return lower(read_bytes(model, "model"), core, only=only)


def all_variants(model: bytes) -> dict[str, Program]:
    """The Program for each core as the planner chooses, and with each variant that it did not choose."""
    programs = {}
    for core in CORES:
        programs[core.name] = lowered(model, core)
        others = {other.name for call in programs[core.name].calls for other in call.alternatives[1:]}
        programs |= {f"{core.name}, {name}": lowered(model, core, only=name) for name in sorted(others - {"portable"})}
    return programs


class Tflm:
    """The reference interpreter."""

    def __init__(self, model: bytes, arena_bytes: int = _ARENA_BYTES) -> None:
        runtime = require_module("tflite_micro").runtime
        self._interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)

    def reset(self) -> None:
        """State as after loading."""
        self._interpreter.reset()

    def invoke(self, inputs: Inputs, outputs: int) -> list[NDArray[Any]]:
        """One inference."""
        for number, value in enumerate(inputs):
            self._interpreter.set_input(value, number)
        self._interpreter.invoke()
        return [np.array(self._interpreter.get_output(number)) for number in range(outputs)]


def tflm_accepts(model: bytes, inputs: Inputs = ()) -> bool:
    """False when TFLM refuses to load (or, where inputs are given, to run) the model."""
    try:
        tflm = Tflm(model)
        if inputs:
            tflm.invoke(inputs, 1)
    except (RuntimeError, ValueError):
        return False
    return True


def sample(port: Port, kind: str, generator: np.random.Generator) -> NDArray[Any]:
    """Values for `port`: "uniform", "near" the zero point, or "extreme" (ends, zero point and neighbours)."""
    if port.dtype == "bool":
        return generator.integers(0, 2, port.shape).astype(np.bool_)
    if port.dtype == "float32":
        spread = {"uniform": 1.0, "near": 30.0, "extreme": 1e4}[kind]
        return (generator.standard_normal(port.shape) * spread).astype(np.float32)
    info = np.iinfo(DTYPES[port.dtype])
    low, high = int(info.min), int(info.max)
    if kind == "uniform":
        return generator.integers(low, high, port.shape, info.dtype, endpoint=True)
    if kind == "near":
        sigma = generator.choice([1.0, 4.0, 16.0, 40.0, 1000.0 if high > 127 else 40.0])
        return np.clip(np.rint(generator.normal(port.zero_point, sigma, port.shape)), low, high).astype(info.dtype)
    corners = [low, low + 1, port.zero_point, min(port.zero_point + 1, high), high - 1, high]
    return np.array(corners, info.dtype)[generator.integers(0, len(corners), port.shape)]


def sampled_steps(program: Program, seed: int, count: int = 3) -> list[list[NDArray[Any]]]:
    """`count` steps of inputs, taking turns between the three kinds of `sample`."""
    generator = np.random.default_rng(seed)
    kinds = ("near", "uniform", "extreme")
    return [[sample(port, kinds[step % 3], generator) for port in program.inputs] for step in range(count)]


def assert_exact(
    model: bytes, seed: int = 0, *, steps: Sequence[Inputs] | None = None, arena_bytes: int = _ARENA_BYTES
) -> list[list[NDArray[Any]]]:
    """Runs `steps` (or sampled inputs) through TFLM and, for each core, variant and layout, fw_run: outputs must be
    equal.

    The first layout keeps all buffers apart with red zones between them, the second is the planner's, in
    which they share memory. A stateful model runs on from step to step, is reset after the last and runs the
    first one again.
    Returns TFLM's outputs per step.
    """
    programs = all_variants(model)
    portable = programs[PORTABLE.name]
    if steps is None:
        steps = sampled_steps(portable, seed, 6 if portable.is_stateful else 3)
    tflm = Tflm(model, arena_bytes)
    expected = [tflm.invoke(step, len(portable.outputs)) for step in steps]
    for name, program in programs.items():
        if program is portable or _kernel_names(program) != _kernel_names(portable):
            _assert_executes(program, steps, expected, name)
    return expected


def _kernel_names(program: Program) -> list[str]:
    return [call.kernel.name for call in program.calls]


def _assert_executes(
    program: Program, steps: Sequence[Inputs], expected: Sequence[list[NDArray[Any]]], core: str
) -> None:
    for layout, (planned, zones) in {"guarded": guarded_plan(program), "planned": (plan(program), [])}.items():
        executor().open(planned, zones)
        for number, (step, wanted) in enumerate(zip(steps, expected, strict=True)):
            _compare(executor().invoke(step), wanted, step, f"{core}, {layout} layout, step {number}")
        if program.is_stateful:
            executor().reset()
            _compare(executor().invoke(steps[0]), expected[0], steps[0], f"{core}, {layout} layout, after reset")


def assert_refused(model: bytes, pattern: str) -> None:
    """Lowering refuses the model with one sentence that names the operator and matches `pattern`."""
    with pytest.raises(FieldwrenError) as caught:
        lowered(model)
    sentence = str(caught.value)
    assert re.search(pattern, sentence), sentence
    assert "\n" not in sentence


def _compare(found: Inputs, wanted: Inputs, inputs: Inputs, where: str) -> None:
    for number, (got, want) in enumerate(zip(found, wanted, strict=True)):
        assert got.dtype == want.dtype, f"{where}: output {number} is {got.dtype}, TFLM has {want.dtype}"
        assert got.shape == want.shape, f"{where}: output {number} has shape {got.shape}, TFLM has {want.shape}"
        same = _bits(got) == _bits(want)
        if got.dtype == np.float32:
            same |= np.isnan(got) & np.isnan(want)
        if not np.all(same):
            first = np.unravel_index(int(np.argmin(same)), same.shape)
            message = (
                f"{where}: {np.count_nonzero(~same)} of {same.size} values of output {number} differ, "
                f"the first at {[int(i) for i in first]}: {got[first]!r}, TFLM {want[first]!r}; "
                f"inputs {[i.tolist() for i in inputs]}"
            )
            raise AssertionError(message[:3000])


def _bits(values: NDArray[Any]) -> NDArray[Any]:
    return values.view(np.uint32) if values.dtype == np.float32 else values
