"""What tests ask for: data sets, tools and modules that may be absent on a machine.

An absent thing skips the test and names what is missing. With `FIELDWREN_REQUIRE=1` (CI) it fails instead, so
that nothing passes because it did not run. Renode has no Debian package and is forced by
`FIELDWREN_REQUIRE_RENODE=1` only.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


def data_root() -> Path:
    """The folder with models/, audio/ …: `FIELDWREN_DATA`, else ../shared/data beside the checkout."""
    return Path(os.environ.get("FIELDWREN_DATA") or CHECKOUT.parent / "shared" / "data").resolve()


def absent(reason: str, *, forced_by: str = "FIELDWREN_REQUIRE") -> NoReturn:
    """Skips the running test (or the module being collected); fails it where `forced_by` is set to 1."""
    if os.environ.get(forced_by) == "1":
        pytest.fail(f"{reason} ({forced_by}=1 forbids skipping)", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def require_data(*parts: str) -> Path:
    """A file or folder of the shared data, e.g. `require_data("models", "mlperf_kws_dscnn.tflite")`."""
    path = data_root().joinpath(*parts)
    if not path.exists():
        absent(f"no {'/'.join(parts) or 'shared data'} under {data_root()}: set FIELDWREN_DATA")
    return path


def require_tool(name: str) -> Path:
    """Absolute path of a program on PATH, e.g. `require_tool("qemu-system-arm")`."""
    found = shutil.which(name)
    if found is None:
        absent(
            f"{name} is not installed",
            forced_by="FIELDWREN_REQUIRE_RENODE" if name.startswith("renode") else "FIELDWREN_REQUIRE",
        )
    return Path(found)


def require_module(name: str) -> ModuleType:
    """An optional Python module, e.g. `require_module("tflite_micro")`.

    Only an absent module skips; one that is there but cannot be imported raises as usual.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != name.partition(".")[0]:
            raise
        absent(f"Python module {name} is not installed")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that `make` fills once per test run, not once per xdist worker; for fixtures that take seconds."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, done = root / name, root / f"{name}.done"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
