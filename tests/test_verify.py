from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fieldwren import verify as module
from fieldwren.compiler import compile_model
from fieldwren.core import Core
from fieldwren.execute import interpret
from fieldwren.graph import Graph
from fieldwren.program import Program
from fieldwren.verify import verify
from support import require_module, require_tool


@pytest.fixture(autouse=True)
def reference() -> None:
    require_module("tflite_micro")


@pytest.mark.parametrize("name", ["tflm_hello_world", "mlonmcu_qnn", "mlperf_kws_dscnn"])
def test_equal_on_the_host(shared_data: Path, name: str) -> None:
    require_tool("cc")
    result = verify(shared_data / "models" / f"{name}.tflite", "host")
    assert result.equal
    assert result.difference is None


def test_a_wrong_weight_is_found_in_its_layer(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One weight of the second layer is changed behind the reader's back: that layer must be named."""
    lower = module.lower

    def damaged(graph: Graph, core: Core) -> Program:
        program = lower(graph, core)
        call = program.calls[1]
        operand = call.operands[call.kernel.operand_index("weights")]
        assert operand is not None
        buffers = list(program.buffers)
        data = np.array(buffers[operand.buffer].data)
        data.reshape(-1)[5] ^= 0x40
        buffers[operand.buffer] = replace(buffers[operand.buffer], data=data)
        return replace(program, buffers=tuple(buffers))

    monkeypatch.setattr(module, "lower", damaged)
    result = verify(shared_data / "models" / "tflm_hello_world.tflite", "host", steps=8)
    assert not result.equal
    assert result.difference is not None
    assert (result.difference.operator, result.difference.layer) == (1, "FULLY_CONNECTED")
    assert result.difference.expected != result.difference.got


def test_random_inputs_do_not_saturate(shared_data: Path) -> None:
    planned = compile_model(shared_data / "models" / "mlonmcu_qnn.tflite")
    outputs = interpret(planned, module.random_inputs(planned.program.inputs, 6)).outputs[0]
    assert len({row.tobytes() for row in outputs}) == 6
