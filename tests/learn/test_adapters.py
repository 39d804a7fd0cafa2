"""Adapters: scale and bias of the backbone's last layer, learned with the head and folded into its integer tables."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren import paths
from fieldwren.boards import load_board
from fieldwren.cli.frame import run
from fieldwren.core import PORTABLE
from fieldwren.costs import adapters_predicted
from fieldwren.errors import BadInputError, UnsupportedError
from fieldwren.graph import Graph
from fieldwren.images import core_of
from fieldwren.learn import Factory, LearnerConfig, Script, StoredEmbeddings, cut, factory_of, run_script
from fieldwren.learn.adapters import AdaptedLayer, active_shares, adapted_rows
from fieldwren.learn.device import connected, export, teach
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.runtime import Interpreter
from fieldwren.tflite import read_model
from learn.learners import embeddings
from support import CHECKOUT, require_data, require_module, require_tool

DIGITS = paths.examples() / "fleet" / "digits" / "model.tflite"  # nothing between the pooling and the head
PLAIN = LearnerConfig(
    classes_spare=0, replays_per_sample=0, momentum=0.0, pull=0.0, rate=0.01, adapters=True, guard_samples=0
)


@pytest.fixture(scope="module")
def digits() -> Graph:
    return read_model(DIGITS)


def factory_for(graph: Graph, config: LearnerConfig = PLAIN) -> Factory:
    """Without the embeddings that come with the model, which say nothing of what was active."""
    made = cut(graph, adapters=True)
    features = made.weights.shape[1]
    bare = replace(graph, metadata={k: v for k, v in graph.metadata.items() if k != "fieldwren.head"})
    factory = factory_of(bare, made, [str(number) for number in range(len(made.weights))], config)
    stored = StoredEmbeddings(np.full(features, -100, np.float32), np.full(features, 1 / 12, np.float32))
    return replace(factory, stored=stored, head=made.standardised(stored.mean, stored.gain))


@pytest.mark.emulator
@pytest.mark.parametrize(
    ("board", "prefix"), [("mps2-an386", "arm-none-eabi"), ("riscv32-virt", "riscv64-unknown-elf")]
)
def test_what_an_inference_costs_more_is_what_was_measured(
    board: str, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without an FPU; the tables of boards/costs/adapters, of the compiler that is here, within a tenth."""
    require_tool(f"{prefix}-gcc")
    monkeypatch.setattr(sys, "path", [*sys.path, str(CHECKOUT / "tools")])
    measured = importlib.import_module("measure_adapters").measure(board)
    core = core_of(load_board(board))
    for channels, positions in ((64, 0), (40, 25)):
        cost = adapters_predicted(core, channels, channels, positions)
        wanted = channels * (measured["channel"] + measured["feature"] + measured["pixel"] * positions)
        assert cost == pytest.approx(wanted, rel=0.1)


def layer_inputs(count: int, seed: int) -> NDArray[np.int8]:
    """What the last convolution may be given: half of it nothing, the rest up to the largest value."""
    drawn = np.random.default_rng(seed).normal(0, 40, (count, 1, 25, 5, 64))
    return np.clip(drawn - 128, -128, 127).astype(np.int8)


class FloatLayer:
    """The digits model's last convolution and mean in TensorFlow's float arithmetic, in int8 units of the output."""

    def __init__(self, graph: Graph) -> None:
        self.tf: Any = require_module("tensorflow")
        tensors = graph.main.tensors
        convolution = next(op for op in graph.main.operators if op.index == 8)
        source, weights, bias, output = (
            *(tensors[index] for index in convolution.inputs),
            tensors[convolution.outputs[0]],
        )
        assert source.quantisation and weights.quantisation and output.quantisation
        assert weights.data is not None
        assert bias.data is not None
        scales = weights.quantisation.scales.astype(np.float64)
        real = weights.data.reshape(64, 64) * scales[:, np.newaxis]
        self.source = source.quantisation
        self.output_scale = output.quantisation.scale
        self.filter = (real.T / self.output_scale)[np.newaxis, np.newaxis]
        self.bias = bias.data * source.quantisation.scale * scales / self.output_scale

    def embedding(self, inputs: NDArray[np.int8], scale: Any, bias: Any) -> Any:
        """[64] above the zero point."""
        real = (inputs.astype(np.float64) - self.source.zero_point) * self.source.scale
        sums = self.tf.nn.conv2d(real, self.filter, 1, "VALID") + self.bias
        return self.tf.reduce_mean(self.tf.nn.relu(scale * sums + bias), axis=(0, 1, 2))


def test_nothing_learned_is_nothing_changed(digits: Graph) -> None:
    """With scales of 1 and biases of 0 the layer gives the bits of the model that was never adapted."""
    made = cut(digits, adapters=True)
    assert made.site is not None
    layer, inputs = AdaptedLayer(made.backbone, made.site), layer_inputs(4, 0)
    untouched, _ = layer.run(inputs)
    layer.fold(factory_for(digits).adapter_config(), np.zeros(128, np.float32))
    np.testing.assert_array_equal(layer.run(inputs)[0], untouched)
    whole = [Interpreter(plan(lower(graph, PORTABLE))) for graph in (cut(digits).backbone, made.backbone)]
    window = embeddings(1, 980, 3).reshape(whole[0].plan.program.inputs[0].shape)
    plain, adapted = (interpreter.invoke([window])[0] for interpreter in whole)
    np.testing.assert_array_equal(adapted, plain)


@pytest.mark.slow
def test_folded_tables_do_what_the_float_layer_does(digits: Graph) -> None:
    """Random scales of 0.5 to 2 and biases of up to 30 units: TensorFlow's float layer, to the int8 rounding."""
    made, reference = cut(digits, adapters=True), FloatLayer(digits)
    assert made.site is not None
    config = factory_for(digits).adapter_config()
    scale_unit, bias_unit = np.frombuffer(config, "<f4")[3:5].astype(np.float64)
    rng = np.random.default_rng(4)
    parameters = np.concatenate([rng.uniform(-0.5, 1, 64) / scale_unit, rng.uniform(-1, 1, 64)]).astype(np.float32)
    layer, inputs = AdaptedLayer(made.backbone, made.site), layer_inputs(3, 5)
    layer.fold(config, parameters)
    found, maps = layer.run(inputs)
    scale, bias = 1 + scale_unit * parameters[:64], bias_unit * parameters[64:]
    wanted = np.array([reference.embedding(one, scale, bias) for one in inputs]) + made.zero_point
    unclipped = np.broadcast_to((maps < 127).all(axis=1), found.shape) & (wanted < 127)
    assert unclipped.mean() > 0.5
    assert np.abs(found - wanted)[unclipped].max() < 1.05
    assert np.abs(wanted + 128).max() > 20


@pytest.mark.slow
def test_gradients_are_those_of_tensorflow(digits: Graph) -> None:
    """One step without momentum moves the parameters along the gradient that GradientTape finds in the float layer."""
    made, reference = cut(digits, adapters=True), FloatLayer(digits)
    tf = reference.tf
    assert made.site is not None
    factory = factory_for(digits)
    scale_unit, bias_unit = np.frombuffer(factory.adapter_config(), "<f4")[3:5].astype(np.float64)
    weights = factory.head[: 11 * 64].reshape(11, 64).astype(np.float64)
    inputs = layer_inputs(6, 6) // 2 - 40
    found, maps = AdaptedLayer(made.backbone, made.site).run(inputs)
    rows = adapted_rows(found, active_shares(made.site, found, maps))
    for number, row in enumerate(rows):
        script = Script(factory.row_bytes)
        script.teach(row, number)
        learned = -run_script(factory, script).adapters.astype(np.float64) / PLAIN.rate
        scale, bias = tf.ones(64, tf.float64), tf.zeros(64, tf.float64)
        with tf.GradientTape() as tape:
            tape.watch([scale, bias])
            embedding = reference.embedding(inputs[number], scale, bias) + made.zero_point
            logits = weights @ ((embedding - factory.stored.mean) * factory.stored.gain)[:, tf.newaxis]
            logits = logits[:, 0] + factory.head[11 * 64 :]
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=number, logits=logits)
        by_scale, by_bias = (part.numpy() for part in tape.gradient(loss, [scale, bias]))
        for part, unit, wanted, tolerance in (
            (learned[:64], scale_unit, by_scale, 0.05),
            (learned[64:], bias_unit, by_bias, 0.08),  # shares are kept in four bits
        ):
            assert np.linalg.norm(wanted) > 1e-6
            assert np.linalg.norm(part - unit * wanted) < tolerance * unit * np.linalg.norm(wanted)


def test_parameters_stay_within_their_limits(digits: Graph) -> None:
    factory = factory_for(digits, replace(PLAIN, rate=1.0, adapter_rate=10.0, momentum=0.9, replays_per_sample=3))
    script = Script(factory.row_bytes)
    for number, row in enumerate(embeddings(300, factory.row_bytes, 8)):
        script.teach(row, number % 11)
    learned = run_script(factory, script).adapters
    scale_unit = np.frombuffer(factory.adapter_config(), "<f4")[3]
    assert np.abs(learned[64:]).max() == 1.0
    assert 0.4999 <= (1 + scale_unit * learned[:64]).min() < (1 + scale_unit * learned[:64]).max() <= 2.0001


def test_what_cannot_be_adapted_is_named() -> None:
    for model, why in (
        ("ambiq_har", "operator 12 EXPAND_DIMS stands between"),
        ("mww_v2_vad", "keeps a state"),
    ):
        with pytest.raises(UnsupportedError, match=why):
            cut(read_model(require_data("models", f"{model}.tflite")), adapters=True)
    digits = read_model(paths.examples() / "digits" / "model.tflite")  # stored without adapters
    made = cut(digits, adapters=True)
    with pytest.raises(BadInputError, match="store them again"):
        factory_of(digits, made, [str(n) for n in range(11)], PLAIN)


@pytest.mark.emulator
def test_a_device_learns_the_same_as_this_computer(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The presence app with adapters, taught rows on a Cortex-M4F: the exported state is equal byte for byte."""
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    app = tmp_path / "presence"
    app.mkdir()
    source = paths.examples() / "presence"
    (app / "model.tflite").write_bytes((source / "model.tflite").read_bytes())
    (app / "fieldwren.toml").write_text((source / "fieldwren.toml").read_text() + "adapters = true\n")
    table = tmp_path / "rows.csv"
    rng = np.random.default_rng(2)
    rows = np.array([21.0, 26.0, 1500, 600.0, 0.004]) + rng.normal(0, [0.1, 0.2, 5, 10, 1e-5], (6, 5))
    header = "Temperature,Humidity,Light,CO2,HumidityRatio"
    table.write_text("\n".join([header, *(",".join(f"{v:.5f}" for v in row) for row in rows)]) + "\n")
    for board in ("host", "mps2-an386"):
        assert teach(app, "disco", shots=3, csv=table, passes=5, board=board, state=tmp_path / board).saved
        with connected(app, board=board, state=tmp_path / board) as (client, _):
            export(client, tmp_path / f"{board}.bin")
    states = [(tmp_path / f"{board}.bin").read_bytes() for board in ("host", "mps2-an386")]
    assert states[0] == states[1]
    capfd.readouterr()
    assert run(["check", str(app), "--board", "mps2-an386", "--json"]) == 0
    shown = json.loads(capfd.readouterr().out)["learning"]["adapters"]
    assert shown["channels"] == 16
    assert shown["ram_bytes"] > 16 * 9
