"""examples/custom-operator: a package that brings a lowering and a kernel, installed and used like a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ops.model_builder import build, tensor
from ops.test_signal_spectrum import custom
from support import CHECKOUT, made_once, require_tool

EXAMPLE = CHECKOUT / "examples" / "custom-operator"
DECAY = 2


def install(target: Path) -> None:
    """pip, as in the example's README, but into a folder of the test's, without network, from a copy."""
    source = target / "source"
    shutil.copytree(EXAMPLE, source)
    arguments = ["install", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(target / "site")]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the package is installed in."""
    return made_once(tmp_path_factory, "peak-hold", install) / "site"


def fieldwren(site: Path | None, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in `folder`, with the plug-in on the path or without it."""
    paths = [str(CHECKOUT / "pytool"), *([str(site)] if site else [])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "fieldwren", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def levels() -> NDArray[np.int8]:
    """Steps of inputs that rise, fall, and reach both ends of int8."""
    generator = np.random.default_rng(3)
    steps = np.clip(generator.normal(0, 50, (12, 1, 4)), -128, 127).astype(np.int8)
    steps[5] = 127
    steps[6:10] = -128
    return steps


def peaks(steps: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    """PeakHold in NumPy."""
    held, rows = np.full(steps[0].shape, -128, np.int64), []
    for step in steps:
        held = np.maximum(np.maximum(held - DECAY, -128), step)
        rows.append(held.astype(np.int8))
    return np.stack(rows)


def inferred(site: Path, folder: Path, board: str) -> NDArray[np.int8]:
    np.savez(folder / "x.npz", in0=levels())
    model = str(EXAMPLE / "peak_hold.tflite")
    done = fieldwren(site, folder, "infer", model, "--board", board, "--inputs", "x.npz", "--outputs", "y.npz")
    assert done.returncode == 0, done.stderr
    with np.load(folder / "y.npz") as archive:
        result: NDArray[np.int8] = archive["out0"]
    return result


def test_the_model_is_what_the_readme_says() -> None:
    x, y = tensor((1, 4), "int8", 0.1, 3, name="level"), tensor((1, 4), "int8", 0.1, 3, name="peak")
    assert (EXAMPLE / "peak_hold.tflite").read_bytes() == build([custom("PeakHold", [x], [y], decay=DECAY)], [x], [y])


@pytest.mark.slow
def test_refused_by_name_without_the_package(tmp_path: Path) -> None:
    done = fieldwren(None, tmp_path, "check", str(EXAMPLE / "peak_hold.tflite"), "--board", "mps2-an386")
    assert done.returncode == 2
    assert "PeakHold (output 'peak') is a custom operator without a registered lowering" in done.stderr


@pytest.mark.slow
def test_on_the_host(site: Path, tmp_path: Path) -> None:
    require_tool("gcc")
    model = str(EXAMPLE / "peak_hold.tflite")
    done = fieldwren(site, tmp_path, "check", model, "--board", "mps2-an386")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(inferred(site, tmp_path, "host"), peaks(levels()))


@pytest.mark.slow
def test_verify_has_nothing_to_compare_with(site: Path, tmp_path: Path) -> None:
    model = str(EXAMPLE / "peak_hold.tflite")
    done = fieldwren(site, tmp_path, "verify", model, "--board", "host")
    assert done.returncode == 2
    assert "TensorFlow Lite Micro itself refuses this model" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("optimise", ["balanced", "size"])
def test_the_project_carries_its_files(site: Path, tmp_path: Path, optimise: str) -> None:
    model = str(EXAMPLE / "peak_hold.tflite")
    arguments = ["generate", model, "--board", "host", "--optimise", optimise, "--output", "project"]
    done = fieldwren(site, tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    carried = {path.name for path in (tmp_path / "project" / "lib" / "fieldwren" / "peak_hold").iterdir()}
    assert carried == ({"peak_hold.h"} if optimise == "balanced" else {"peak_hold.h", "peak_hold.c"})


@pytest.mark.emulator
def test_in_the_emulator(site: Path, tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    np.testing.assert_array_equal(inferred(site, tmp_path, "mps2-an386"), peaks(levels()))
    model = str(EXAMPLE / "peak_hold.tflite")
    done = fieldwren(site, tmp_path, "build", model, "--board", "mps2-an386", "--optimise", "size", "--output", "small")
    assert done.returncode == 0, done.stderr


def plugin(folder: Path, kernels: str, header: str = "acme/acme.h") -> Path:
    (folder / header).parent.mkdir(parents=True, exist_ok=True)
    (folder / "kernels.def").write_text(kernels)
    (folder / header).write_text("typedef struct {\n  int32_t count;\n} fw_acme_params_t;\n")
    return folder


@pytest.mark.parametrize(
    ("kernels", "header", "sentence"),
    [
        ('FW_KERNEL(7, acme, "acme/acme.h")', "acme/acme.h", "the id 7; plug-ins take 32768 to 65535"),
        ('FW_KERNEL(40000, conv2d_s8, "acme/acme.h")', "acme/acme.h", "has the name or id of conv2d_s8"),
        ('FW_KERNEL(40000, acme, "kernels/add.h")', "kernels/add.h", "there is a kernels/add.h already"),
        ('FW_KERNEL(40000, acme, "acme/acme.h")', "acme/acme.h", "does not declare the kernel acme in the form"),
        ('FW_KERNEL(40000, acme, "acme/other.h")', "acme/acme.h", "cannot be read: .*other.h"),
    ],
)
def test_bad_plugins(tmp_path: Path, kernels: str, header: str, sentence: str) -> None:
    from fieldwren.errors import BadInputError
    from fieldwren.kernel import add_kernels, firmware_folders

    before = firmware_folders()
    with pytest.raises(BadInputError, match=sentence):
        add_kernels(plugin(tmp_path / "firmware", kernels, header))
    assert firmware_folders() == before


@pytest.mark.slow
def test_a_package_that_does_not_import_is_named(tmp_path: Path) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[fieldwren.ops]\nbroken = no_such_module\n")
    done = fieldwren(tmp_path, tmp_path, "check", str(EXAMPLE / "peak_hold.tflite"), "--board", "mps2-an386")
    assert done.returncode == 2
    assert "the plug-in broken (no_such_module) cannot be loaded" in done.stderr
    assert "Traceback" not in done.stderr
