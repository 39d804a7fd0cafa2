"""Exact C literals: what a filter prints, a C99 compiler reads back as the same bits.

Floats are hexadecimal (`0x1.8p+1F`), strings are ASCII with octal escapes (never cut by a following digit,
never read as a trigraph), arrays are wrapped at a fixed width, so that the same input gives the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fieldwren.errors import BadInputError

LINE_WIDTH = 110

_SHORT_ESCAPES = {0x22: '\\"', 0x5C: "\\\\", 0x3F: "\\?", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}

_C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "uint64": "uint64_t",
    "float32": "float",
    "bool": "bool",
}

_C_KEYWORDS = frozenset(
    {
        *("auto", "bool", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum"),
        *("extern", "false", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict", "return"),
        *("short", "signed", "sizeof", "static", "struct", "switch", "true", "typedef", "union", "unsigned", "void"),
        *("volatile", "while"),
    }
)


def c_string(text: str) -> str:
    r"""A C string literal with the UTF-8 bytes of `text`.

    Raises BadInputError for a text with U+0000, which would end the string (and never travels on the link).

    >>> print(c_string('a "b"?'))
    "a \"b\"\?"
    """
    if "\0" in text:
        raise BadInputError(f"the text {text!r} contains a zero character; remove it")
    return (
        '"'
        + "".join(
            _SHORT_ESCAPES.get(b) or (chr(b) if 0x20 <= b < 0x7F else f"\\{b:03o}")
            for b in text.encode("utf-8", "surrogateescape")
        )
        + '"'
    )


def c_float(value: float) -> str:
    """A float32 literal in hexadecimal, bit for bit; any other value is rounded to the nearest float32.

    Raises BadInputError for values that are not finite after rounding.

    >>> c_float(0.1)
    '0x1.99999a0000000p-4F'
    """
    with np.errstate(over="ignore"):
        single = float(np.float32(value))
    if not math.isfinite(single):
        raise BadInputError(f"the value {value!r} is not a finite 32-bit float, so C has no literal for it")
    return single.hex() + "F"


def c_int(value: int) -> str:
    """An integer literal for any value from -2^63 to 2^64-1, without the overflow of a bare `-2147483648`.

    >>> c_int(-2147483648)
    '(-2147483647 - 1)'
    """
    number = int(value)
    if number < -(2**63) or number >= 2**64:
        raise BadInputError(f"the value {number} does not fit into 64 bits")
    if number == -(2**63):
        return "(-9223372036854775807LL - 1)"
    if number < -(2**31) or 2**32 <= number < 2**63:
        return f"{number}LL"
    if number == -(2**31):
        return "(-2147483647 - 1)"
    if number >= 2**63:
        return f"{number}ULL"
    return f"{number}U" if number >= 2**31 else str(number)


def c_bool(value: object) -> str:
    """`1` or `0`, for fields of type uint8_t or bool."""
    return "1" if value else "0"


def c_comment(text: str) -> str:
    """Text that is safe inside a block comment: one line, printable ASCII, never opening or closing a comment.

    >>> c_comment('evil */ name')
    'evil * / name'
    """
    line = " ".join(text.split())
    printable = "".join(c if " " <= c < "\x7f" else "?" for c in line)
    return printable.replace("??", "? ?").replace("*/", "* /").replace("/*", "/ *").replace("*/", "* /")


def c_identifier(name: str) -> str:
    """A C identifier made of `name`: other characters become `_`, a leading digit or keyword is prefixed.

    >>> c_identifier('2-stage conv/ReLU')
    '_2_stage_conv_ReLU'
    """
    made = re.sub(r"[^0-9A-Za-z_]", "_", name) or "_"
    return f"_{made}" if made[0].isdigit() or made in _C_KEYWORDS else made


def c_type(dtype: str | np.dtype[np.generic]) -> str:
    """The C type of a NumPy dtype: `int8` → `int8_t`, `float32` → `float`."""
    name = np.dtype(dtype).name
    if name not in _C_TYPES:
        raise BadInputError(f"there is no C type for the dtype {name}; use one of {', '.join(_C_TYPES)}")
    return _C_TYPES[name]


def _elements(values: NDArray[np.generic]) -> Iterable[str]:
    flat = values.reshape(-1)
    if flat.dtype.kind == "f":
        with np.errstate(over="ignore"):
            single = flat.astype(np.float32)
        if not np.all(np.isfinite(single)):
            index = int(np.flatnonzero(~np.isfinite(single))[0])
            raise BadInputError(f"element {index} of a constant table is not a finite 32-bit float")
        return (x.hex() + "F" for x in single.tolist())
    if flat.dtype.kind == "b":
        return ("1" if x else "0" for x in flat.tolist())
    if flat.dtype.kind not in "iu":
        raise BadInputError(f"a constant table of dtype {flat.dtype} cannot be written as C")
    if flat.dtype.itemsize <= 2:
        return map(str, flat.tolist())
    return map(c_int, flat.tolist())


def c_array(values: ArrayLike, indent: int = 4, width: int = LINE_WIDTH) -> str:
    """The elements in row-major order, separated by commas, wrapped at `width` columns, indented, without braces.

    An empty table gives the empty string (C99 has no empty initialiser: the template decides what to declare).

    >>> c_array([1, -2, 3])
    '    1, -2, 3'
    """
    lines: list[str] = []
    current: list[str] = []
    used = indent
    for element in _elements(np.asarray(values)):
        if current and used + len(element) + 1 > width:
            lines.append(" " * indent + ", ".join(current) + ",")
            current, used = [], indent
        current.append(element)
        used += len(element) + 2
    if current:
        lines.append(" " * indent + ", ".join(current))
    return "\n".join(lines)


def c_bytes(data: bytes, indent: int = 4, width: int = LINE_WIDTH) -> str:
    """Bytes as the elements of a uint8_t table, in the form of `c_array`."""
    return c_array(np.frombuffer(data, np.uint8), indent, width)
