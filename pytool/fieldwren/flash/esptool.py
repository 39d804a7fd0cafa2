"""Espressif's chips through the loader in their ROM: esptool, which is GPL and therefore run as a process."""

from __future__ import annotations

import importlib.util
import sys

from fieldwren.flash.contents import flat_binary
from fieldwren.flash.uploader import Job, Needs, run

_BAUD = 460_800


class Esptool:
    """Writes the image as it lies in the flash; esptool compares the MD5 that the chip computes over it."""

    needs: Needs = "port"

    def lacks(self) -> str | None:
        """esptool."""
        return None if importlib.util.find_spec("esptool") else "esptool is not installed: pip install esptool"

    def command(self, job: Job) -> list[str]:
        """The command line."""
        chip, port = job.upload.esptool, job.place.port
        assert chip is not None and port is not None
        options = ["--chip", chip.chip, "--port", port.path, "--baud", str(_BAUD)]
        return [
            sys.executable,
            *("-m", "esptool", *options, "write-flash", f"{chip.offset:#x}", str(flat_binary(job.image))),
        ]

    def write(self, job: Job) -> str | None:
        """Runs esptool."""
        run(self.command(job), job.board)
        return None
