"""The firmware's portable C code, compiled for this machine and loaded with ctypes.

`library()` is the one handle; the modules that own a C header (features, runtime, link) declare the
prototypes of what they call.
"""

from __future__ import annotations

import ctypes
import functools
from importlib import util

from fieldwren.errors import MissingToolError


@functools.cache
def library() -> ctypes.CDLL:
    """The loaded shared library. Raises MissingToolError when the package was installed without it."""
    spec = util.find_spec("fieldwren.native._native")
    if spec is None or spec.origin is None:
        raise MissingToolError(
            "fieldwren's C library is not built: reinstall with `pip install --force-reinstall fieldwren` "
            "(from a checkout: `make`)"
        )
    return ctypes.CDLL(spec.origin)
