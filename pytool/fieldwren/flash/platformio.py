"""Projects of PlatformIO's frameworks: its own uploader for the board."""

from __future__ import annotations

import importlib.util
import sys

from fieldwren.flash.uploader import Job, Needs, run


class PlatformIo:
    """`pio run -t upload` in the project that the image was built in."""

    needs: Needs = "port"

    def lacks(self) -> str | None:
        """platformio."""
        found = importlib.util.find_spec("platformio")
        return None if found else "platformio is not installed: pip install platformio"

    def command(self, job: Job) -> list[str]:
        """The command line."""
        assert job.place.port is not None
        folder = str(job.image.project.directory)
        return [
            sys.executable,
            *("-m", "platformio", "run", "-d", folder, "-t", "upload", "--upload-port", job.place.port.path),
        ]

    def write(self, job: Job) -> str | None:
        """Runs PlatformIO."""
        run(self.command(job), job.board)
        return None
