"""The source package and the wheel are complete, and an installed fieldwren works without the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support import CHECKOUT, made_once, require_data, require_module, require_tool

CARRIED = ("firmware", "templates", "boards", "examples")

pytestmark = pytest.mark.slow

Fieldwren = Callable[..., subprocess.CompletedProcess[str]]


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *folders], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.split("\0") if name and (CHECKOUT / name).is_file()}


def build(folder: Path) -> None:
    """Into dist/ the source package built from the tracked files, and the wheel built from the source package.

    Into venv/ the wheel, in an environment that shares only the requirements with this one.
    """
    checkout = folder / "checkout"
    for name in tracked():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, checkout / name)
    pip = (sys.executable, "-m", "pip", "--python", folder / "venv" / "bin" / "python")
    builder = (sys.executable, "-m", "build", "--no-isolation", "--skip-dependency-check")
    subprocess.run([*builder, "--outdir", folder / "dist", checkout], capture_output=True, check=True)
    venv.create(folder / "venv", with_pip=False)
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", wheel], capture_output=True, check=True)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    # A path in a .pth file is searched, but .pth files in it (this checkout's editable install) are not read.
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with dist/ and venv/."""
    require_module("build")
    return made_once(tmp_path_factory, "packages", build)


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Fieldwren:
    """Runs the wheel's `fieldwren`, with an empty cache."""
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "FIELDWREN_CACHE"}}
    environment["XDG_CACHE_HOME"] = str(folder / "cache")

    def fieldwren(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [built / "venv" / "bin" / "fieldwren", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return fieldwren


def test_the_source_package_has_what_a_build_needs(built: Path) -> None:
    with tarfile.open(next((built / "dist").glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = tracked(*CARRIED, "pytool", "requirements") | {"pyproject.toml", "setup.py", "LICENSE", "README.md"}
    assert not needed - names


def test_the_wheel_carries_exactly_the_tracked_files(built: Path) -> None:
    with zipfile.ZipFile(next((built / "dist").glob("*.whl"))) as archive:
        names = set(archive.namelist())
    data = {name.removeprefix("fieldwren/_data/") for name in names if name.startswith("fieldwren/_data/")}
    assert data == tracked(*CARRIED)
    modules = {name.removeprefix("pytool/") for name in tracked("pytool") if name.endswith((".py", "py.typed"))}
    assert not modules - names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    (library,) = (name for name in names if name.endswith((".so", ".pyd")))
    assert library.startswith("fieldwren/native/_native.")


def test_the_installed_program_finds_its_data(installed: Fieldwren) -> None:
    done = installed("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["C library"]["found"], done.stderr
    assert str(CHECKOUT) not in checks["C library"]["detail"]
    assert "arm-none-eabi-gcc" in checks, "the boards' definitions were not found"


@pytest.mark.emulator
def test_the_installed_program_generates_builds_and_runs(installed: Fieldwren, tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    model = require_data("models", "tflm_hello_world.tflite")
    golden = np.load(require_data("goldens", "tflm_hello_world.npz"))
    np.savez(tmp_path / "inputs.npz", in0=np.stack([golden[f"in0_s{step}"] for step in range(3)]))
    arguments = ("--board", "mps2-an386", "--inputs", tmp_path / "inputs.npz", "--outputs", tmp_path / "outputs.npz")
    done = installed("infer", model, *arguments)
    assert done.returncode == 0, done.stderr
    expected = np.stack([golden[f"tflm_out0_s{step}"] for step in range(3)])
    np.testing.assert_array_equal(np.load(tmp_path / "outputs.npz")["out0"], expected)


ROWS = (
    "Temperature,Humidity,Light,CO2,HumidityRatio\n"
    + "20.5,25.0,0.0,450,0.0038\n" * 5
    + "22.0,27.0,480,900,0.0045\n" * 30
)


@pytest.mark.emulator
def test_the_installed_program_makes_builds_and_runs_an_app(installed: Fieldwren, tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    done = installed("new", tmp_path / "porch", "--kind", "presence")
    assert done.returncode == 0, done.stderr
    done = installed("generate", tmp_path / "porch", "--board", "mps2-an386", "--output", tmp_path / "project")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "project" / "offline.ini").is_file()
    (tmp_path / "rows.csv").write_text(ROWS)
    done = installed("run", tmp_path / "porch", "--board", "mps2-an386", "--csv", tmp_path / "rows.csv", "--json")
    assert done.returncode == 0, done.stderr
    labels = [json.loads(line)["label"] for line in done.stdout.splitlines()]
    assert labels == ["vacant", "occupied"]
