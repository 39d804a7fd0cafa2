"""PlatformIO's own build tool (SCons) as a package folder, made from the installed PyPI package.

PlatformIO downloads `tool-scons` from its registry; the same SCons is a dependency of fieldwren. The folder is made
once per version in fieldwren's cache, where its byte code stays warm, and copied into each written project.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from importlib import metadata
from pathlib import Path

from fieldwren import paths
from fieldwren.errors import MissingToolError

_LAUNCHER = '''"""Starts the SCons beside this file."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import SCons.Script

SCons.Script.main()
'''


def scons_packages() -> Path:
    """A `packages_dir` for PlatformIO that holds `tool-scons`; made on first use.

    Raises MissingToolError when SCons is not installed.
    """
    version = _required_version()
    target = paths.cache() / "platformio" / f"packages-{_installed_version()}-{version}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            made = Path(scratch) / "packages"
            _make(made / "tool-scons", version)
            try:
                made.rename(target)
            except OSError:
                if not target.is_dir():  # not merely another process that was faster
                    raise
    return target


def copy_scons(target: Path) -> None:
    """Copies the packages folder, without byte code, to `target`."""
    shutil.copytree(scons_packages(), target, ignore=shutil.ignore_patterns("__pycache__"))


def _required_version() -> str:
    """The version of `tool-scons` that the installed PlatformIO asks for."""
    from platformio.dependencies import get_core_dependencies

    requirement: str = get_core_dependencies()["tool-scons"]
    return requirement.lstrip("~^=")


def _installed_version() -> str:
    try:
        return metadata.version("scons")
    except metadata.PackageNotFoundError as error:
        raise MissingToolError("SCons is not installed: `pip install scons`") from error


def _make(target: Path, version: str) -> None:
    distribution = metadata.distribution("scons")
    for file in distribution.files or ():
        parts = file.parts
        is_source = parts[0] == "SCons" and file.suffix == ".py" and "docbook" not in parts
        if is_source or file.name == "LICENSE":
            path = target / (file.name if file.name == "LICENSE" else str(file))
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), path)
    (target / "scons.py").write_text(_LAUNCHER)
    manifest = {"name": "tool-scons", "version": version, "description": "SCons software construction tool"}
    (target / "package.json").write_text(json.dumps(manifest, indent=2) + "\n")
    spec = {"owner": "platformio", "id": None, "name": "tool-scons", "requirements": None, "uri": None}
    record = {"type": "tool", "name": "tool-scons", "version": version, "spec": spec}
    (target / ".piopm").write_text(json.dumps(record) + "\n")
