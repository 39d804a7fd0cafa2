"""Large optional packages stay where they belong: a small installation must be able to do everything else."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from support import CHECKOUT, require_data

PACKAGE = CHECKOUT / "pytool" / "fieldwren"
HOMES = {
    "tensorflow": ("train", "fleet/meta_train.py", "fleet/measure"),
    "keras": ("train", "fleet/meta_train.py", "fleet/measure"),
    "flwr": ("fleet/flower",),
    "ray": ("fleet/flower",),
    "dp_accounting": ("fleet",),
    "paho": ("device/mqtt.py",),
    "tflite_micro": ("verify.py",),
    "pymicro_features": (),
    "scipy": (),
    "pyoxigraph": ("catalog",),
    "rdflib": (),
    "pyshacl": (),
    "jsonschema": (),
}


def imported(path: Path) -> set[str]:
    """Top-level names of all packages that a module imports, at its top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("module", HOMES)
def test_only_its_home_imports_it(module: str) -> None:
    strays = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if module in imported(path)
        and not any(path == PACKAGE / home or (PACKAGE / home) in path.parents for home in HOMES[module])
    ]
    assert not strays


def test_verbs_work_without_the_extras(tmp_path: Path) -> None:
    model = require_data("models", "tflm_hello_world.tflite")
    program = (
        "import sys\n"
        f"for name in {[*HOMES]!r}: sys.modules[name] = None  # importing it now fails\n"
        "from fieldwren.cli.frame import run\n"
        f"assert run(['check', {str(model)!r}, '--board', 'mps2-an386']) == 0\n"
        f"assert run(['generate', {str(model)!r}, '--board', 'host', '--output', 'project']) == 0\n"
        f"sys.exit(run(['verify', {str(model)!r}, '--board', 'host']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "pip install 'fieldwren[verify]'" in done.stderr.splitlines()[-1]
    assert (tmp_path / "project" / "platformio.ini").is_file()
