"""Every operator with every element type: what a registration declares is what compiles, and what the reference runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.errors import FieldwrenError
from fieldwren.graph import DTYPES
from fieldwren.ops.registry import ANY, declared_dtypes
from fieldwren.tflite import read_bytes
from ops.harness import assert_exact, lowered, tflm_accepts
from ops.small_models import SMALL_MODELS

TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint32", "float32", "bool")

NETWORK = "float32 networks are to be converted"
TESTED_ELSEWHERE = {
    *("UNIDIRECTIONAL_SEQUENCE_LSTM", "SVDF", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE"),
    *("RELU_N1_TO_1", "CIRCULAR_BUFFER", "TFLite_Detection_PostProcess"),
}
"""Operators whose models are more than one operator with plain inputs, or that the interpreter's build leaves out."""
NOT_COMPILED: dict[tuple[str, str], str] = {
    **{
        (name, "float32"): NETWORK
        for name in ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL")
    },
    **{(name, "float32"): "glibc's bits, which no C of ours gives" for name in ("TANH", "ELU")},
    ("GREATER", "int16"): "the reference rescales by multipliers that nothing has set",
    **{
        (name, dtype): "the reference takes the bytes of other types for truth values"
        for name in ("LOGICAL_AND", "LOGICAL_OR")
        for dtype in TYPES
        if dtype != "bool"
    },
}
"""What the reference runs and fieldwren refuses, and why."""


def inputs_of(model: bytes) -> list[NDArray[Any]]:
    """Positive values for each input: every function is defined on them."""
    generator = np.random.default_rng(0)
    graph = read_bytes(model, "model").main
    steps = []
    for tensor in (graph.tensors[index] for index in graph.inputs):
        if tensor.dtype == "float32":
            steps.append(generator.uniform(0.1, 8, tensor.shape).astype(np.float32))
        else:
            high = 2 if tensor.dtype == "bool" else 100
            steps.append(generator.integers(high // 100, high, tensor.shape).astype(DTYPES[tensor.dtype]))
    return steps


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_declared_types(name: str) -> None:
    declared = declared_dtypes()[name]
    assert declared is not None
    for dtype in TYPES:
        model = SMALL_MODELS[name](dtype)
        step = inputs_of(model)
        runs = tflm_accepts(model, step)
        if dtype in declared:
            if runs:
                assert_exact(model, steps=[step])
            else:
                # Moving elements of any type is safe; of the others a type that no reference checks would be a claim.
                assert declared == ANY and lowered(model), f"{name} declares {dtype}, which the reference refuses"
            continue
        with pytest.raises(FieldwrenError):
            lowered(model)
        assert not runs or (name, dtype) in NOT_COMPILED, f"the reference runs {name} with {dtype}"


def test_every_operator_is_here_or_has_tests_of_its_own() -> None:
    registered = {name for name in declared_dtypes() if not name.startswith("Signal")}
    assert registered - set(SMALL_MODELS) - TESTED_ELSEWHERE == set()


def test_every_exception_is_one() -> None:
    for name, dtype in NOT_COMPILED:
        model = SMALL_MODELS[name](dtype)
        assert tflm_accepts(model, inputs_of(model)), f"the reference does not run {name} with {dtype} any more"
