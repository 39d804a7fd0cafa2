"""Boards with a debug probe: pyOCD, run as a process."""

from __future__ import annotations

from fieldwren import tools
from fieldwren.errors import LinkLostError, MissingToolError
from fieldwren.flash.desk import Probe
from fieldwren.flash.uploader import Job, Needs, run

_NO_PROBE = "No target device available"
"""What pyOCD 0.46 says when it finds no probe and is told not to wait for one."""


class PyOcd:
    """Writes the ELF file's segments and reads them back."""

    needs: Needs = "probe"

    def lacks(self) -> str | None:
        """pyocd."""
        return None if tools.find("pyocd") else f"pyocd is not installed: {tools.how_to_get('pyocd')}"

    def command(self, job: Job) -> list[str]:
        """The command line. Without --no-wait pyOCD waits for a probe forever."""
        chip, probe = job.upload.pyocd, job.place.probe
        assert chip is not None
        number = probe.serial_number if isinstance(probe, Probe) else probe
        chosen = ["--uid", number] if number else []
        program = str(tools.require("pyocd", f"which flashes {job.board.id}"))
        return [program, "flash", "--no-wait", "--target", chip.target, *chosen, "--format", "elf", str(job.image.elf)]

    def write(self, job: Job) -> str | None:
        """Runs pyOCD. Raises MissingToolError when it finds no probe."""
        try:
            run(self.command(job), job.board)
        except LinkLostError as error:
            if _NO_PROBE not in str(error):
                raise
            which = f" {job.place.probe}" if job.place.probe else ""
            raise MissingToolError(
                f"{job.board.id}: pyocd finds no debug probe{which}: plug it in with a cable that carries data (`fieldwren "
                "flash --list` shows what there is)"
            ) from error
        return None
