from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren.boards import load_board
from fieldwren.compiler import compile_model
from fieldwren.execute import execute, interpret, interpret_layers
from fieldwren.images import core_of
from fieldwren.verify import random_inputs
from support import require_tool

MODELS = ("tflm_hello_world", "mlperf_ad01", "tflm_network_tester_dw", "seanet_strided_slice0_i16")


@pytest.mark.emulator
@pytest.mark.parametrize("name", MODELS)
def test_fw_run_on_the_board_gives_the_bits_of_rendered_code(shared_data: Path, name: str) -> None:
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")
    board = load_board("mps2-an386")
    planned = compile_model(shared_data / "models" / f"{name}.tflite", core_of(board))
    inputs = random_inputs(planned.program.inputs, 3)
    rendered = execute(planned, board, inputs).outputs
    interpreted = execute(planned, board, inputs, optimise="size").outputs
    for left, right in zip(rendered, interpreted, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", MODELS[:3])  # the last one is a view of its input: no kernel runs
def test_layers_end_in_the_outputs(shared_data: Path, name: str) -> None:
    planned = compile_model(shared_data / "models" / f"{name}.tflite")
    inputs = random_inputs(planned.program.inputs, 2)
    run = interpret_layers(planned, inputs)
    for step in range(2):
        assert len(run.layers[step]) == len(planned.program.calls)
        assert run.layers[step][-1] == run.outputs[0][step].tobytes()
    for left, right in zip(interpret(planned, inputs).outputs, run.outputs, strict=True):
        np.testing.assert_array_equal(left, right)


def test_no_steps_give_no_outputs(shared_data: Path) -> None:
    planned = compile_model(shared_data / "models" / "tflm_hello_world.tflite")
    outputs = interpret(planned, [np.zeros((0, 1, 1), np.int8)]).outputs
    assert outputs[0].shape == (0, 1, 1)
