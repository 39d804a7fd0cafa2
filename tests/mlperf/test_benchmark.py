"""The MLPerf Tiny personality: its protocol on the device, its scores on the host, and the launcher for the public runner."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fieldwren.boards import load_board
from fieldwren.compiler import compile_model
from fieldwren.emulators import emulator_for
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from fieldwren.images import cached_image, core_of
from fieldwren.infer import infer
from fieldwren.mlperf import benchmark_sources, mlperf_tiny, task_of
from fieldwren.mlperf.benchmark import ready
from fieldwren.mlperf.dataset import read_stimuli
from fieldwren.mlperf.protocol import BenchmarkDevice
from fieldwren.mlperf.scores import area_under_curve
from fieldwren.mlperf.tasks import TASKS
from support import require_data, require_module, require_tool

KWS, AD, VWW, IC = "mlperf_kws_dscnn", "mlperf_ad01", "tinymaix_vww96", "arduino_cifar_magicwand"
WORDS = ["down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes"]


def model(name: str) -> Path:
    return require_data("models", f"{name}.tflite")


def kws_data(folder: Path, count: int) -> Path:
    """A data set in the benchmark's form from recorded words, the unknown ones among them."""
    goldens = np.load(require_data("features", "mlperf_kws_mfcc.npz"))
    names = [key[:-2] for key in goldens.files if key.endswith("_q")][:count]
    (folder / "kws01").mkdir(parents=True)
    rows = []
    for name in names:
        (folder / "kws01" / f"{name}.bin").write_bytes(goldens[f"{name}_q"].tobytes())
        word = name.split("_")[0]
        rows.append(f"{name}.bin,12,{WORDS.index(word) if word in WORDS else 11}\n")
    (folder / "kws01" / "y_labels.csv").write_text("".join(rows))
    return folder


def started(name: str, board_id: str) -> tuple[Path, object]:
    board = load_board(board_id)
    require_tool(f"{board.toolchain.prefix}gcc" if board.toolchain.prefix else "cc")
    planned = compile_model(model(name), core_of(board))
    return cached_image(benchmark_sources(planned, board), board).elf, board


@pytest.fixture(scope="module")
def device() -> Iterator[BenchmarkDevice]:
    """The keyword model as a process of this computer."""
    board = load_board("host")
    elf, _ = started(KWS, "host")
    with emulator_for(board).start(elf, board) as stream:
        yield ready(stream, "host")


def inputs_of(name: str, board: str, values: np.ndarray, folder: Path) -> np.ndarray:
    """The model's dequantised outputs by `fieldwren infer`."""
    port = compile_model(model(name)).program
    np.savez(folder / "x.npz", in0=values.reshape(-1, *port.inputs[0].shape))
    infer(model(name), board, folder / "x.npz", folder / "y.npz")
    out = np.load(folder / "y.npz")["out0"].astype(np.int32)
    real = np.float32(port.outputs[0].scale) * (out - port.outputs[0].zero_point).astype(np.float32)
    return real.reshape(len(out), -1)


def test_the_protocol(device: BenchmarkDevice) -> None:
    assert device.command("name") == ["m-name-dut-[fieldwren-host]"]
    assert device.command("profile") == ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[kws01]"]
    assert re.fullmatch(r"m-lap-us-\d+", device.command("timestamp")[0])
    assert any(line.startswith("infer N") for line in device.command("help"))
    data = random.Random(3).randbytes(490)
    assert device.command("db load 490") == ["m-[Expecting 490 bytes]"]
    for start in range(0, 490, 31):
        answer = device.command(f"db {data[start : start + 31].hex().upper()}")
    assert answer == ["m-load-done"]
    shown = "".join(line.removeprefix("m-buffer-").replace("-", "") for line in device.command("db print"))
    assert bytes.fromhex(shown) == data
    lines = device.command("infer 3 2")
    assert [re.sub(r"\d+$|\[.*\]", "#", line) for line in lines] == [
        "m-warmup-start-#",
        "m-warmup-done",
        "m-infer-start-#",
        "m-lap-us-#",
        "m-lap-us-#",
        "m-infer-done",
        "m-results-#",
    ]
    assert device.command("results") == lines[-1:]
    # However many inferences: the same input, the same result.
    assert device.command("infer 1 0")[-1] == lines[-1]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("sing", "e-[Unknown command: sing]"),
        ("", "e-[Unknown command: ]"),
        ("na\x01me", "e-[Unknown command: na?me]"),
        ("x" * 200, "e-[Command is too long]"),
        ("db", "e-[Command 'db' requires a subcommand]"),
        ("db load", "e-[Command 'db load' requires the # of bytes]"),
        ("db load 0", "e-[Command 'db load' must be >0 bytes]"),
        ("db load 4294967297", "e-[Command 'db load' must be >0 bytes]"),
        ("db load 491", "e-[Supplied buffer size 491 exceeds maximum of 490]"),
        ("infer 0", "e-[Inference iterations must be >0]"),
        ("infer 1 -1", "e-[Inference warmup must be >=0]"),
    ],
)
def test_what_cannot_be_done_is_answered(device: BenchmarkDevice, command: str, error: str) -> None:
    with pytest.raises(LinkLostError, match=re.escape(error)):
        device.command(command)
    assert device.command("name") == ["m-name-dut-[fieldwren-host]"]


@pytest.mark.parametrize("seed", range(3))
def test_any_nonsense_has_one_answer(device: BenchmarkDevice, seed: int) -> None:
    """Every command, whatever it is, ends in exactly one m-ready; then the device is as it was."""
    chance = random.Random(seed)
    words = ["name", "db", "load", "print", "infer", "results", "NAME", "-1", "0", "99999999999", "zz", "", " ", "\r\n"]
    for _ in range(60):
        text = " ".join(chance.choice(words) for _ in range(chance.randrange(5)))
        noise = bytes(chance.choice([0, 7, 37 + 1, 127, 128, 255, 32, 65]) for _ in range(chance.randrange(12)))
        if chance.random() < 0.3 and "infer" not in text:
            text = text[: len(text) // 2] + noise.decode("latin-1") + text[len(text) // 2 :]
        device._stream.write(text.encode("latin-1") + b"%")
        answer = device.wait_until_ready()
        assert all(line.isprintable() for line in answer)
    assert device._pending == b"" and device._stream.read(4096, 0.05) == b""
    assert device.command("name") == ["m-name-dut-[fieldwren-host]"]


def test_an_input_must_be_whole(device: BenchmarkDevice) -> None:
    device.command("db load 490")
    device.command("db 0102")
    with pytest.raises(LinkLostError, match=re.escape("e-[Input has 2 bytes, expected 490]")):
        device.command("infer 1 0")
    with pytest.raises(LinkLostError, match="Insufficent number of hex digits"):
        device.command("db 010")
    with pytest.raises(LinkLostError, match=re.escape("Invalid hex digit '0g'")):
        device.command("db 0g")


@pytest.mark.emulator
@pytest.mark.slow
def test_keyword_task_in_qemu_equals_infer(tmp_path: Path) -> None:
    require_tool("qemu-system-arm")
    data = kws_data(tmp_path / "data", 40)
    result = mlperf_tiny(model(KWS), task="kws01", data=data, limit=6)
    goldens = np.load(require_data("features", "mlperf_kws_mfcc.npz"))
    quantised = np.stack([goldens[f"{f.file[:-4]}_q"] for f in result.files])
    expected = inputs_of(KWS, "mps2-an386", quantised, tmp_path)
    assert np.array_equal(np.array([f.results for f in result.files], np.float32), expected)
    logits = np.stack([goldens[f"{f.file[:-4]}_logits"] for f in result.files])  # by TensorFlow Lite Micro
    assert [f.predicted for f in result.files] == list(np.argmax(logits, axis=1))
    assert result.accuracy == np.mean([f.predicted == f.label for f in result.files])
    assert len(result.laps_us) == 5
    assert result.instructions_per_inference is not None
    assert 2e6 < result.instructions_per_inference < 2 * compile_model(model(KWS)).program.macs
    assert max(result.laps_us) - min(result.laps_us) < 0.001 * max(result.laps_us)


@pytest.mark.emulator
@pytest.mark.slow
def test_anomaly_task_in_qemu_is_the_reconstruction_error(tmp_path: Path) -> None:
    require_tool("qemu-system-arm")
    elf, board = started(AD, "mps2-an386")
    port = compile_model(model(AD)).program.inputs[0]
    values = np.random.default_rng(5).normal(-20, 12, 640).astype("<f4")
    values[:2] = 1e9, -1e9  # beyond the tensor's range, which saturates
    quantised = np.clip(np.rint(values.astype(np.float64) / port.scale) + port.zero_point, -128, 127).astype(np.int8)
    expected = inputs_of(AD, "host", quantised, tmp_path)[0].astype(np.float64)
    error = np.mean((expected - values.astype(np.float64)) ** 2)
    with emulator_for(board).start(elf, board) as stream:  # type: ignore[arg-type, attr-defined]
        found = ready(stream, "mps2-an386")
        assert found.identify()[2] == "ad01"
        found.load(values.tobytes())
        assert found.infer(2, 1, 30).results[0] == pytest.approx(error, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "task", "count"), [(VWW, "vww01", 96 * 96 * 3), (IC, "ic01", 32 * 32 * 3)], ids=["vww01", "ic01"]
)
def test_pixels_are_shifted_for_an_int8_input(name: str, task: str, count: int, tmp_path: Path) -> None:
    board = load_board("host")
    elf, _ = started(name, "host")
    pixels = np.random.default_rng(6).integers(0, 256, count, dtype=np.uint8)
    expected = inputs_of(name, "host", (pixels.astype(np.int16) - 128).astype(np.int8), tmp_path)[0]
    with emulator_for(board).start(elf, board) as stream:
        found = ready(stream, "host")
        assert found.identify()[2] == task
        found.load(pixels.tobytes())
        assert np.array_equal(np.array(found.infer(1, 0, 30).results, np.float32), expected)


def test_only_models_of_the_tasks(tmp_path: Path) -> None:
    program = compile_model(model("tflm_micro_speech")).program
    with pytest.raises(
        BadInputError, match=r"tflm_micro_speech: takes 1x1960 int8 and gives 1x4 int8, which is none of"
    ):
        task_of(program)
    with pytest.raises(BadInputError, match=r"takes 1x1960 int8: the task is kws01: 490 int8 to 12"):
        task_of(program, "kws01")
    with pytest.raises(MissingToolError, match=r"has no y_labels\.csv"):
        read_stimuli(tmp_path, TASKS["kws01"], 490)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a.bin,12", "line 2: must be file,classes,class"),
        ("a.bin,12,12", "line 2: must be"),
        ("a.bin,2,1,2560", "line 2: must be"),
        ("a.bin,2,1,2048,512", "line 2: says 2048 bytes for one input, and the model takes 2560"),
    ],
)
def test_bad_labels_are_named(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "y_labels.csv").write_text(f"ok.bin,2,0,2560,512\n{line}\n")
    with pytest.raises(BadInputError, match=complaint):
        read_stimuli(tmp_path, TASKS["ad01"], 2560)


def test_windows_slide_over_a_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 16
    (tmp_path / "a.bin").write_bytes(data)
    (tmp_path / "y_labels.csv").write_text("a.bin,2,1,2560,512\n")
    (stimulus,) = read_stimuli(tmp_path, TASKS["ad01"], 2560)
    assert list(stimulus.windows()) == [data[i : i + 2560] for i in (0, 512, 1024, 1536)]


def test_area_under_curve() -> None:
    labels = np.array([0, 0, 1, 1])
    assert area_under_curve(np.array([[0.1], [0.4], [0.35], [0.8]]), labels) == 0.75  # scikit-learn's own example
    assert area_under_curve(np.array([[0.5], [0.5], [0.5], [0.5]]), labels) == 0.5
    assert area_under_curve(np.array([[0.5], [0.5]]), np.array([1, 1])) is None
    scores, several = np.random.default_rng(1).random((60, 3)), np.random.default_rng(2).integers(0, 3, 60)
    shares = scores / scores.sum(axis=1, keepdims=True)
    pairs = [
        np.mean([(a > b) + 0.5 * (a == b) for a in shares[several == k, k] for b in shares[several != k, k]])
        for k in range(3)
    ]
    assert area_under_curve(scores, several) == pytest.approx(np.mean(pairs))


# As the public runner finds and asks a device: a port by its USB ids, opened twice, lines up to m-ready.
RUNNER = """
import argparse, json, sys
import serial, usb.core, yaml
from serial.tools import list_ports
p = argparse.ArgumentParser()
for flag in "dtsm": p.add_argument("-" + flag)
a = p.parse_args()
device = yaml.safe_load(open(a.d))[0]
assert list(usb.core.find(find_all=True)) == []
(path,) = [c.device for c in list_ports.comports(True) if c.pid == device["usb"][c.vid]]
def ask(port, text):
    port.write((text + "%").encode())
    lines = []
    while not lines or lines[-1] != "m-ready":
        lines.append(port.readline().decode().strip())
    return lines
with serial.Serial(path, device["baud"], timeout=5) as port:
    name = ask(port, "name")
with serial.Serial(path, device["baud"], timeout=5) as port:
    profile = ask(port, "profile")
json.dump([name, profile, a.m, a.s, a.t], open("answers.json", "w"))
"""


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")
def test_the_launcher_gives_a_runner_the_emulated_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldwren.mlperf import public

    require_tool("qemu-system-arm")
    runner = tmp_path / "runner"
    runner.mkdir()
    (runner / "main.py").write_text(RUNNER)
    # What this runner imports; the public one's scoring packages need not be installed for it.
    require_module("yaml")
    monkeypatch.setattr(public, "NEEDS", {"yaml": "pyyaml", "serial": "pyserial"})
    data = kws_data(tmp_path / "data", 1)
    run = public.run_public(
        model(KWS), task="kws01", data=data, board="mps2-an386", runner=runner, output=tmp_path / "out"
    )
    assert run.exit_code == 0
    name, profile, mode, root, script = json.loads((tmp_path / "out" / "answers.json").read_text())
    assert name == ["m-name-dut-[fieldwren-mps2-an386]", "m-ready"]
    assert profile[1:] == ["m-model-[kws01]", "m-ready"]
    assert (mode, root, script) == ("a", str(data), str(runner / "tests_accuracy.yaml"))


def test_a_missing_runner_is_named(tmp_path: Path) -> None:
    from fieldwren.cli.frame import fieldwren

    arguments = ["mlperf-tiny", str(model(KWS)), "--task", "kws01", "--data", str(tmp_path), "--runner", str(tmp_path)]
    result = CliRunner().invoke(fieldwren, arguments)
    assert isinstance(result.exception, MissingToolError)
    assert "has no main.py" in str(result.exception)


@pytest.mark.slow
def test_generated_project_is_the_benchmark(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fieldwren", "generate", str(model(KWS)), "--board", "mps2-an386"]
    command += ["--personality", "benchmark", "--output", str(tmp_path / "p"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "src/dut_config.h" in json.loads(done.stdout)["files"]
    assert '#define FW_DUT_MODEL        "kws01"' in (tmp_path / "p" / "src" / "dut_config.h").read_text()
