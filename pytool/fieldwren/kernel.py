"""Kernels as their C headers declare them: the one source of names, parameter order and operand types.

`firmware/kernels/kernels.def` lists `FW_KERNEL(id, name, header)`; the header holds

    typedef struct { int32_t rows; FW_PER_LAYER int32_t output_zero_point; ... } fw_NAME_params_t;
    FW_KERNEL_BODY void fw_NAME_body(const fw_NAME_params_t *p, const int8_t *input, ..., int8_t *output) {

Kernels that take the same parameters share the struct: `typedef fw_OTHER_params_t fw_NAME_params_t;`.
Plug-ins add kernels of their own: a folder with the same kinds of files (`add_kernels`).
A parameter is an int32_t or a float. `FW_PER_LAYER` marks parameters that rendered code passes at run time, so that
layers which differ only in them share one function. Operands that are not const are outputs, `scratch` or state.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fieldwren import paths
from fieldwren.errors import BadInputError

_LISTED = re.compile(r"^FW_KERNEL\((\d+),\s*(\w+),\s*\"([\w/.]+)\"\)", re.M)
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_FIELD = re.compile(r"(FW_PER_LAYER\s+)?(int32_t|float)\s+(\w+)\s*;")
_LINKED = re.compile(r"^FW_LINKS_WITH\(\"([\w/.]+)\"\)", re.M)
_INCLUDED = re.compile(r"^#include \"([\w/.]+)\"", re.M)
_OPERAND = re.compile(r"(const\s+)?(\w+)\s*\*\s*(\w+)$")

_STRUCT = re.compile(r"typedef struct\s*\{([^}]*)\}\s*fw_(\w+)_params_t;")
_ALIAS = re.compile(r"typedef fw_(\w+)_params_t fw_(\w+)_params_t;")
_BODY = re.compile(r"FW_KERNEL_BODY void fw_(\w+)_body\(\s*const fw_(\w+)_params_t \*p,([^)]*)\)")

C_TYPES: Mapping[str, str] = {
    "int8_t": "int8",
    "int16_t": "int16",
    "int32_t": "int32",
    "int64_t": "int64",
    "uint8_t": "uint8",
    "uint16_t": "uint16",
    "uint32_t": "uint32",
    "uint64_t": "uint64",
    "float": "float32",
    "void": "void",
}


PLUGIN_IDS = range(1 << 15, 1 << 16)
"""Ids of kernels that plug-ins bring."""

_PLUGIN_FOLDERS: list[Path] = []


@dataclass(frozen=True)
class Parameter:
    """One field of a kernel's parameter struct."""

    name: str
    is_float: bool
    per_layer: bool


@dataclass(frozen=True)
class OperandSpec:
    """One pointer argument of a kernel. `dtype` is "void" where the kernel takes any type."""

    name: str
    c_type: str
    is_const: bool

    @property
    def dtype(self) -> str:
        """The element type in the names of fieldwren.graph.DTYPES, or "void"."""
        return C_TYPES[self.c_type]

    @property
    def is_scratch(self) -> bool:
        """True for working memory that has no meaning before or after the call."""
        return self.name.startswith("scratch")


@dataclass(frozen=True)
class Kernel:
    """A kernel of firmware/kernels, or of a plug-in.

    `source` is the .c file with its wrapper, `linked` are those that its body calls into; relative to firmware/, or to
    the plug-in's folder.
    """

    id: int
    name: str
    header: str
    parameters: tuple[Parameter, ...]
    operands: tuple[OperandSpec, ...]
    linked: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The .c file beside the header, relative to firmware/."""
        return self.header.removesuffix(".h") + ".c"

    @property
    def is_plugin(self) -> bool:
        """True for kernels that are not fieldwren's own: the library that Python loads does not have them."""
        return self.id in PLUGIN_IDS

    def operand_index(self, name: str) -> int:
        """Position of the operand `name`."""
        return [operand.name for operand in self.operands].index(name)


@dataclass(frozen=True)
class _Header:
    """What a header declares, found in one pass each: structs and typedefs of them by kernel, arguments by kernel."""

    structs: Mapping[str, str]
    aliases: Mapping[str, str]
    arguments: Mapping[str, str]
    linked: tuple[str, ...]


def _read_header(header: str, neighbours: dict[str, tuple[set[str], set[str]]]) -> _Header:
    text = _COMMENT.sub("", firmware_file(header).read_text())
    return _Header(
        structs={name: fields for fields, name in _STRUCT.findall(text)},
        aliases={name: other for other, name in _ALIAS.findall(text)},
        arguments={name: arguments for name, of, arguments in _BODY.findall(text) if of == name},
        linked=_linked(header, neighbours),
    )


def _linked(header: str, neighbours: dict[str, tuple[set[str], set[str]]]) -> tuple[str, ...]:
    """What `header` and the firmware headers that it includes name with FW_LINKS_WITH, in order of their names.

    `neighbours` keeps what each file names and includes: most headers are included by many others.
    """
    found: set[str] = set()
    seen = {header}
    pending = [header]
    while pending:
        name = pending.pop()
        if name not in neighbours:
            text = firmware_file(name).read_text()
            included = {other for other in _INCLUDED.findall(text) if firmware_file(other).is_file()}
            neighbours[name] = set(_LINKED.findall(text)), included
        named, included = neighbours[name]
        found |= named
        pending += included - seen
        seen |= included
    return tuple(sorted(found))


def _parse(kernel_id: int, name: str, header: str, read: _Header) -> Kernel:
    fields = read.structs.get(read.aliases.get(name, name))
    arguments = read.arguments.get(name)
    if fields is None or arguments is None:
        raise RuntimeError(
            f"{firmware_file(header)} does not declare the kernel {name} in the form that fieldwren.kernel reads"
        )
    parameters = tuple(Parameter(field[2], field[1] == "float", bool(field[0])) for field in _FIELD.findall(fields))
    operands = []
    for argument in arguments.split(","):
        match = _OPERAND.match(" ".join(argument.split()))
        if match is None:
            raise RuntimeError(f"{firmware_file(header)}: cannot read the operand {argument.strip()!r} of {name}")
        operands.append(OperandSpec(match.group(3), match.group(2), bool(match.group(1))))
    return Kernel(kernel_id, name, header, parameters, tuple(operands), read.linked)


def firmware_folders() -> tuple[Path, ...]:
    """firmware/ and the folders of plug-ins, in the order in which files are looked for."""
    return (paths.firmware(), *_PLUGIN_FOLDERS)


def firmware_file(name: str) -> Path:
    """The hand-written file `name` (kernels/conv2d.h): of the plug-in that has it, else where firmware/ would."""
    found = (folder / name for folder in firmware_folders() if (folder / name).is_file())
    return next(found, paths.firmware() / name)


def add_kernels(folder: str | Path) -> None:
    """Adds the kernels that `folder`/kernels.def lists, in the form of firmware/kernels; for plug-ins.

    Names, ids (32768 to 65535) and file names must not be taken; raises BadInputError naming folder and kernel.
    """
    folder = Path(folder)
    if folder in _PLUGIN_FOLDERS:
        return
    try:
        listed = _LISTED.findall((folder / "kernels.def").read_text())
    except OSError as error:
        raise BadInputError(f"{folder / 'kernels.def'}: cannot read the plug-in's kernels: {error.strerror}") from error
    taken = kernels()
    for number, name, _ in listed:
        if int(number) not in PLUGIN_IDS:
            raise BadInputError(f"{folder}: the kernel {name} has the id {number}; plug-ins take 32768 to 65535")
        others = [other for other in taken.values() if other.id == int(number) or other.name == name]
        if others:
            raise BadInputError(
                f"{folder}: the kernel {name} ({number}) has the name or id of {others[0].name} ({others[0].id}), which is "
                "there already: choose others"
            )
    for path in (p for p in folder.rglob("*") if p.suffix in (".h", ".c")):
        name = path.relative_to(folder).as_posix()
        if firmware_file(name).is_file():
            raise BadInputError(
                f"{path}: there is a {name} already: put the plug-in's files into a folder of its own name"
            )
    _PLUGIN_FOLDERS.append(folder)
    kernels.cache_clear()
    try:
        kernels()
    except (RuntimeError, OSError) as error:
        _PLUGIN_FOLDERS.remove(folder)
        kernels.cache_clear()
        raise BadInputError(f"{folder}: the plug-in's kernels cannot be read: {error}") from error


@functools.cache
def kernels() -> Mapping[str, Kernel]:
    """All kernels by name."""
    lists = [paths.firmware() / "kernels" / "kernels.def", *(folder / "kernels.def" for folder in _PLUGIN_FOLDERS)]
    listed = [entry for path in lists for entry in _LISTED.findall(path.read_text())]
    neighbours: dict[str, tuple[set[str], set[str]]] = {}
    headers = {header: _read_header(header, neighbours) for header in {header for _, _, header in listed}}
    return {name: _parse(int(number), name, header, headers[header]) for number, name, header in listed}
