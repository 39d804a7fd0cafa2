"""Builds the C library that Python and the devices share, and carries the firmware tree inside the wheel."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
CARRIED = ("firmware", "templates", "boards", "examples")
LEFT_BEHIND = shutil.ignore_patterns("__pycache__", "*.pyc", "*.so", "*.egg-info", ".pio", "build")
PORTABLE = ("features", "kernels", "runtime", "learn", "link")


def native_sources() -> list[str]:
    """Every portable C file of the firmware (all but port/), plus the module stub."""
    found = [p for part in PORTABLE for p in sorted((ROOT / "firmware" / part).rglob("*.c"))]
    return ["pytool/fieldwren/native/module.c", *(str(p.relative_to(ROOT)) for p in found)]


class BuildWithData(build_py):
    """Copies firmware/, templates/, boards/ and examples/ into fieldwren/_data of the wheel."""

    def run(self) -> None:
        """Builds the package, then adds the data; an editable install reads them from the checkout."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "fieldwren" / "_data"
        shutil.rmtree(target, ignore_errors=True)  # an earlier build may have left files that are gone now
        for part in CARRIED:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, target / part, ignore=LEFT_BEHIND)


setup(
    cmdclass={"build_py": BuildWithData},
    ext_modules=[
        Extension(
            "fieldwren.native._native",
            sources=native_sources(),
            include_dirs=["firmware", "firmware/include"],
            # The float parts must give the same bits as on the devices: no contraction, no fast math.
            define_macros=[("FW_ADAPTERS", None)],
            extra_compile_args=["-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Wextra", "-Wconversion"],
            depends=[str(p.relative_to(ROOT)) for p in (ROOT / "firmware").rglob("*.h")],
        )
    ],
)
