"""Boards with a UF2 bootloader: the image is copied onto its drive."""

from __future__ import annotations

import os
import time

from fieldwren.errors import DiskFullError, LinkLostError, MissingToolError, cannot_write
from fieldwren.flash.contents import contents_of
from fieldwren.flash.desk import drive_at
from fieldwren.flash.uf2_format import uf2_file
from fieldwren.flash.uploader import Job, Needs

FILE = "FIRMWARE.UF2"
_GONE_TIMEOUT_S = 10.0
_LOOK_EVERY_S = 0.1


class Uf2:
    """Copies the whole file, then waits for the drive to disappear: the bootloader starts the image when it has all."""

    needs: Needs = "drive"

    def lacks(self) -> str | None:
        """Nothing: the format is written here."""
        return None

    def write(self, job: Job) -> str | None:
        """Copies. Raises LinkLostError when the drive breaks off before all was written.

        A bootloader restarts within the last write, which may therefore fail: what counts is that the drive is gone. A
        drive that stays may be one that nobody has unmounted, or a bootloader that did not want the file.
        """
        settings, drive = job.upload.uf2, job.place.drive
        assert settings is not None and drive is not None
        contents = contents_of(job.image)
        content = uf2_file(contents.data, address=contents.address, family=settings.family)
        written = 0
        try:
            with (drive.path / FILE).open("wb", buffering=0) as file:
                while written < len(content):
                    written += file.write(content[written:])
                os.fsync(file.fileno())
        except PermissionError as error:
            raise MissingToolError(
                f"{drive.path}: {error.strerror}: mount the drive for this user (udisksctl mount -b /dev/…)"
            ) from error
        except OSError as error:
            failed = cannot_write(drive.path / FILE, error)
            if isinstance(failed, DiskFullError):
                raise failed from error
            if written < len(content):
                raise LinkLostError(
                    f"{job.board.id}: {drive.path} broke off after {written} of {len(content)} bytes: {error.strerror}"
                ) from error
        deadline = time.monotonic() + _GONE_TIMEOUT_S
        while drive_at(drive.path) is not None:
            if time.monotonic() >= deadline:
                return (
                    f"the drive {drive.path} is still there {_GONE_TIMEOUT_S:g} s after the whole image was copied: perhaps its "
                    f"bootloader ({drive.board_id}) did not take it"
                )
            time.sleep(_LOOK_EVERY_S)
        return None
