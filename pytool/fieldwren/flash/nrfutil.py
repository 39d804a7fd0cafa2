"""nRF52 boards with Adafruit's bootloader, over its serial port: adafruit-nrfutil, run as a process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fieldwren import tools
from fieldwren.errors import LinkLostError
from fieldwren.flash.contents import flat_binary
from fieldwren.flash.uploader import Job, Needs, run, telling_line

_PROGRAM = "adafruit-nrfutil"
_BAUD = 115_200
_TOUCH_BAUD = 1200
"""A port that is opened and closed at this rate is the sign for Arduino's cores to start their bootloader."""
_DONE = "Device programmed."
_FAILURE = "Failed to upgrade target. Error is: "


class NrfUtil:
    """Makes a DFU package of the image and sends it to the bootloader, which checks its CRC."""

    needs: Needs = "port"

    def lacks(self) -> str | None:
        """adafruit-nrfutil."""
        return None if tools.find(_PROGRAM) else f"{_PROGRAM} is not installed: {tools.how_to_get(_PROGRAM)}"

    def write(self, job: Job) -> str | None:
        """Runs adafruit-nrfutil twice. It exits with 0 even when it failed: what counts is what it says."""
        settings, port = job.upload.nrfutil, job.place.port
        assert settings is not None and port is not None
        program = str(tools.require(_PROGRAM, f"which flashes {job.board.id}"))
        with tempfile.TemporaryDirectory(prefix="fieldwren-dfu-") as folder:
            package = Path(folder) / "firmware.zip"
            binary = flat_binary(job.image)
            device = ["--dev-type", f"{settings.device_type:#x}", "--sd-req", f"{settings.soft_device:#x}"]
            run([program, "dfu", "genpkg", *device, "--application", str(binary), str(package)], job.board)
            options = ["--package", str(package), "-p", port.path, "-b", str(_BAUD), "--singlebank"]
            if port.usb_id not in job.upload.bootloader:
                options += ["--touch", str(_TOUCH_BAUD)]
            said = run([program, "dfu", "serial", *options], job.board)
        if _DONE not in said:
            reason = next((line.removeprefix(_FAILURE) for line in said.splitlines() if _FAILURE in line), "")
            raise LinkLostError(
                f"{job.board.id}: {_PROGRAM} failed: {reason or telling_line(said)} (press the board's reset button twice: "
                "its bootloader then waits)"
            )
        return None
