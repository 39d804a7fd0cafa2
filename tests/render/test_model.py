from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fieldwren import paths
from fieldwren.compiler import compile_model
from fieldwren.render.environment import Provenance
from fieldwren.render.model import render_model
from support import require_tool

MODELS = ("tflm_hello_world", "mlperf_ad01", "mlonmcu_qnn", "mlperf_kws_dscnn")


@pytest.mark.parametrize("name", MODELS)
def test_the_same_model_gives_the_same_bytes(shared_data: Path, name: str) -> None:
    planned = compile_model(shared_data / "models" / f"{name}.tflite")
    provenance = Provenance(planned.program.model_sha256, "app", "board")
    first, second = render_model(planned, provenance), render_model(planned, provenance)
    assert first == second
    assert planned.program.model_sha256.encode() in first["model.c"]


@pytest.mark.parametrize("name", MODELS)
def test_generated_code_compiles_without_a_warning(shared_data: Path, tmp_path: Path, name: str) -> None:
    require_tool("arm-none-eabi-gcc")
    planned = compile_model(shared_data / "models" / f"{name}.tflite")
    for file, content in render_model(planned, Provenance()).items():
        (tmp_path / file).write_bytes(content)
    flags = ["-std=c99", "-O1", "-mcpu=cortex-m0", "-mthumb", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    include = [f"-I{paths.firmware()}", f"-I{paths.firmware() / 'include'}", f"-I{tmp_path}"]
    subprocess.run(["arm-none-eabi-gcc", *flags, *include, "-c", "model.c", "-o", "model.o"], cwd=tmp_path, check=True)


def test_layers_of_one_shape_share_one_function(shared_data: Path) -> None:
    planned = compile_model(shared_data / "models" / "mlperf_ad01.tflite")
    text = render_model(planned, Provenance())["model.c"].decode()
    # Ten layers: 640→128, six of 128→128, 128→8, 8→128, 128→640.
    assert text.count("FW_KERNEL_INSTANCE void") == 5
