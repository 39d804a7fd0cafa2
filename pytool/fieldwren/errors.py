"""The errors a user can cause or meet; each carries the exit code of the command line.

A message is one sentence that says what is wrong, where (file, tensor, operator, board) and what to do.
"""

from __future__ import annotations

import errno
import re

_LONG_NAME = re.compile(r"""(['"])((?:(?!\1).){80})(?:(?!\1).){2,}\1""")
"""Quoted names over 80 characters: converters join the names of fused layers, up to thousands of characters."""


class FieldwrenError(Exception):
    """Base of all errors that are shown without a traceback."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(_LONG_NAME.sub(r"\1\2…\1", message))


class BadInputError(FieldwrenError):
    """A file, value or option that cannot be used (exit code 2)."""


class UnsupportedError(BadInputError):
    """A valid model that needs something fieldwren does not compile (exit code 2)."""


class OverBudgetError(FieldwrenError):
    """The answer is no: what was asked for takes more than it may (exit code 1)."""

    exit_code = 1


class MissingToolError(FieldwrenError):
    """A compiler, emulator, board, port or data set is not there (exit code 3)."""

    exit_code = 3


class BuildError(FieldwrenError):
    """The tool chain refused the generated project (exit code 3)."""

    exit_code = 3


class DiskFullError(FieldwrenError):
    """There is no room for what is to be written (exit code 3)."""

    exit_code = 3


def cannot_write(path: object, error: OSError) -> FieldwrenError:
    """The error for a file or folder that could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{path}: the disk is full: free some space and try again")
    return BadInputError(f"{path}: cannot be written: {error.strerror or error}")


class LinkLostError(FieldwrenError):
    """A device or emulator did not answer in time, or went away (exit code 4)."""

    exit_code = 4
