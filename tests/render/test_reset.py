"""After a reset a stateful model starts anew: in rendered C, and over the link."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import load_board
from fieldwren.compiler import compile_model
from fieldwren.device import DeviceClient
from fieldwren.emulators import emulator_for
from fieldwren.images import cached_image
from fieldwren.kernel import firmware_file
from fieldwren.new import new_from_manifest
from fieldwren.plan import Plan
from fieldwren.render.app import app_sources
from fieldwren.render.environment import Provenance
from fieldwren.render.model import linked_sources, render_model
from fieldwren.runtime import Interpreter
from fieldwren.tensors import Steps, from_bytes, to_bytes
from fieldwren.verify import random_inputs
from ops.model_builder import tensor
from ops.test_circular_buffer import model as circular_buffer
from ops.test_svdf import layer as svdf
from support import CHECKOUT, require_data, require_tool

BUILT: dict[str, Callable[[], bytes]] = {
    "circular_buffer": lambda: circular_buffer({"cycles_max": 2}, {"cycles_max": 3}),
    "svdf": lambda: svdf(
        np.random.default_rng(1),
        x=tensor((1, 8), "int8", 0.1),
        state=tensor((1, 4 * 5), "int16", 0.001, is_variable=True),
        y=tensor((1, 4), "int8", 0.02, -128),
        rank=1,
        memory=5,
    ),
}
STATEFUL = ("mww_v2_vad", "svdf", "tflm_mnist_lstm", "tflm_audio_preproc_int8", "circular_buffer")
"""Variables, SVDF, LSTM, signal operators, CIRCULAR_BUFFER."""
STEPS = 12


def planned(name: str, folder: Path) -> Plan:
    if name not in BUILT:
        return compile_model(require_data("models", f"{name}.tflite"))
    (folder / "built.tflite").write_bytes(BUILT[name]())
    return compile_model(folder / "built.tflite")


def rendered(plan: Plan, inputs: Steps, folder: Path) -> list[Steps]:
    """The outputs of the two runs of reset_main.c."""
    compiler = require_tool("gcc")
    for name, content in render_model(plan, Provenance(plan.program.model_sha256, "reset", "host")).items():
        (folder / name).write_bytes(content)
    (folder / "in.bin").write_bytes(to_bytes(inputs))
    sources = [folder / "model.c", Path(__file__).with_name("reset_main.c"), *map(firmware_file, linked_sources(plan))]
    flags = ["-std=c99", "-O1", "-ffp-contract=off", f"-I{folder}"]
    flags += [f"-I{CHECKOUT / 'firmware'}", f"-I{CHECKOUT / 'firmware' / 'include'}"]
    subprocess.run([compiler, *flags, *sources, "-o", folder / "model"], check=True)
    subprocess.run([folder / "model", folder / "in.bin", folder / "out.bin"], check=True)
    content = (folder / "out.bin").read_bytes()
    assert len(content) % 2 == 0
    halves = content[: len(content) // 2], content[len(content) // 2 :]
    runs = [from_bytes(half, plan.program.outputs, STEPS) for half in halves]
    return [run for run in runs if run is not None]


@pytest.mark.slow
@pytest.mark.parametrize("name", STATEFUL)
def test_rendered_code(name: str, tmp_path: Path) -> None:
    plan = planned(name, tmp_path)
    assert plan.program.is_stateful
    inputs = random_inputs(plan.program.inputs, STEPS, 5)
    interpreter = Interpreter(plan)
    steps = [[array[k] for array in inputs] for k in range(STEPS)]
    fresh, carried = ([interpreter.invoke(step) for step in steps] for _ in range(2))
    interpreter.reset()
    again = [interpreter.invoke(step) for step in steps]
    assert str(carried) != str(fresh), "the state makes no difference: the test proves nothing"
    runs = rendered(plan, inputs, tmp_path)
    assert len(runs) == 2
    for number in range(len(plan.program.outputs)):
        expected = np.stack([step[number] for step in fresh])
        for found in (np.stack([step[number] for step in again]), *(run[number] for run in runs)):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_over_the_link(tmp_path: Path) -> None:
    """The model of a wake word in its app on the host: infer, infer …, reset, the same again."""
    require_tool("gcc")
    shutil.copy(require_data("models", "mww_v2_vad.tflite"), tmp_path / "word.tflite")
    micro = {"probability_cutoff": 0.5, "feature_step_size": 10, "sliding_window_size": 5, "tensor_arena_size": 60000}
    manifest = {"type": "micro", "wake_word": "Anything", "author": "A. Author", "model": "word.tflite", "version": 2}
    (tmp_path / "word.json").write_text(
        json.dumps(manifest | {"trained_languages": ["en"], "micro": micro | {"minimum_esphome_version": "2024.7.0"}})
    )
    new_from_manifest(tmp_path / "app", tmp_path / "word.json")
    host = load_board("host")
    model, plan = load_device_app(load_app(tmp_path / "app"), host, "balanced")
    inputs = random_inputs(plan.program.inputs, STEPS, 6)
    steps = [[array[k] for array in inputs] for k in range(STEPS)]
    image = cached_image(app_sources(model, plan, host), host)
    with emulator_for(host).start(image.elf, host) as device, DeviceClient(device) as client:
        fresh, carried = ([client.infer(step)[0].tolist() for step in steps] for _ in range(2))
        client.reset()
        assert [client.infer(step)[0].tolist() for step in steps] == fresh != carried
