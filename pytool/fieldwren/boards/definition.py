"""A board as data: what `boards/<id>.toml` says, checked."""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fieldwren import paths
from fieldwren.errors import BadInputError

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
MacroName = Annotated[str, Field(pattern=r"^FW_[A-Z0-9_]+$")]
Positive = Annotated[int, Field(gt=0)]
Address = Annotated[int, Field(ge=0, lt=1 << 32)]


class _Strict(BaseModel):
    """Frozen, no unknown keys, no conversions between types."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Core(_Strict):
    """The processor and the compiler flags that select it."""

    architecture: Literal["arm", "riscv", "xtensa", "host"]
    cpu: str
    fpu: Literal["none", "single", "double"]
    dsp: bool
    mve: bool
    flags: tuple[str, ...]


class Toolchain(_Strict):
    """Prefix of the compiler's name (empty: the system's own `cc`), flags of its linker, extra image formats.

    `sections` is the linker script that lays out the sections, one of boards/platform/ldscripts.
    """

    prefix: str
    link_flags: tuple[str, ...]
    sections: str = "sections.ld"
    formats: tuple[Literal["bin", "hex"], ...] = ()


class Region(_Strict):
    """Consecutive addresses."""

    origin: Address
    bytes: Positive

    @property
    def end(self) -> int:
        """The first address behind the region."""
        return self.origin + self.bytes


class Store(Region):
    """Flash pages set aside for learned state; the region is a whole number of pages."""

    page_bytes: Positive

    @model_validator(mode="after")
    def _whole_pages(self) -> Store:
        if self.origin % self.page_bytes or self.bytes % self.page_bytes:
            raise ValueError(f"origin and bytes must be multiples of page_bytes ({self.page_bytes})")
        return self


class Reserved(Region):
    """Flash that belongs to somebody else: a bootloader, its settings, a partition table."""

    what: str


class Memory(_Strict):
    """Flash and RAM; where the image may lie in the flash (all of it unless said otherwise); the stack's size.

    Neither image nor store may touch what is `reserved`.
    """

    flash: Region
    ram: Region
    stack_bytes: Positive
    app_start: Address | None = None
    app_end: Address | None = None
    store: Store | None = None
    reserved: tuple[Reserved, ...] = ()

    @property
    def app(self) -> Region:
        """The part of the flash that the image may use."""
        start = self.flash.origin if self.app_start is None else self.app_start
        end = self.flash.end if self.app_end is None else self.app_end
        return Region(origin=start, bytes=end - start)

    @model_validator(mode="after")
    def _inside(self) -> Memory:
        start = self.flash.origin if self.app_start is None else self.app_start
        end = self.flash.end if self.app_end is None else self.app_end
        if not self.flash.origin <= start < end <= self.flash.end:
            raise ValueError(f"app {start:#x}-{end:#x} is not inside the flash {_span(self.flash)}")
        if self.store is not None:
            if not self.flash.origin <= self.store.origin < self.store.end <= self.flash.end:
                raise ValueError(f"store {_span(self.store)} is not inside the flash {_span(self.flash)}")
            if self.store.origin < end and start < self.store.end:
                raise ValueError(f"store {_span(self.store)} overlaps the app {start:#x}-{end:#x}")
        for other in self.reserved:
            if start < other.end and other.origin < end:
                raise ValueError(f"app {start:#x}-{end:#x} overlaps the {other.what} {_span(other)}")
            if self.store is not None and self.store.origin < other.end and other.origin < self.store.end:
                raise ValueError(f"store {_span(self.store)} overlaps the {other.what} {_span(other)}")
        if self.stack_bytes % 16 or self.stack_bytes > self.ram.bytes:
            raise ValueError(f"stack_bytes {self.stack_bytes} must be a multiple of 16 and fit the RAM")
        return self


class Port(_Strict):
    """Folders of firmware/port/ that make up the platform, and the figures its code is compiled with."""

    folders: tuple[str, ...]
    defines: Mapping[MacroName, str]


class QemuMachine(_Strict):
    """How QEMU runs the board."""

    kind: Literal["qemu"]
    program: Literal["qemu-system-arm", "qemu-system-riscv32", "qemu-system-xtensa"]
    machine: str
    arguments: tuple[str, ...] = ()


class HostProcess(_Strict):
    """The image is an executable of this computer."""

    kind: Literal["process"]


class RenodeMachine(_Strict):
    """How Renode runs the board: a platform description that comes with Renode, and the names of its parts."""

    kind: Literal["renode"]
    platform: str
    cpu: str
    uart: str
    microphone: str | None = None
    gpio: tuple[str, ...] = ()
    """Ports of 32 pins, in order."""


class Microphone(_Strict):
    """A microphone that the port drives; `rate_hz` is what it gives."""

    kind: Literal["pdm", "i2s"]
    rate_hz: Positive


class Button(_Strict):
    """A button between a pin and ground; `pin` as the port counts pins, `name` as people find it."""

    name: str
    pin: Annotated[int, Field(ge=0, le=63)]


Way = Literal["platformio", "esptool", "pyocd", "nrfutil", "uf2"]


class Framework(_Strict):
    """How a board is built with one of PlatformIO's frameworks: port folders, and what differs from the bare board.

    `ways`: how such an image gets onto the board, best first.
    """

    folders: tuple[str, ...]
    defines: Mapping[MacroName, str] = {}
    memory: Memory | None = None
    microphone: Microphone | None = None
    ways: tuple[Way, ...] = ("platformio",)


class PlatformIo(_Strict):
    """The board in PlatformIO's registry: platform, its name there, and the frameworks that projects are written for."""

    platform: Literal["espressif32", "nordicnrf52"]
    board: str
    frameworks: Mapping[Literal["arduino", "espidf"], Framework]


UsbId = Annotated[str, Field(pattern=r"^[0-9a-f]{4}:[0-9a-f]{4}$")]


class EsptoolUpload(_Strict):
    """What esptool calls the chip, and where in its flash the image goes."""

    chip: str
    offset: Address = 0


class PyOcdUpload(_Strict):
    """What pyOCD calls the chip."""

    target: str


class NrfUtilUpload(_Strict):
    """What the bootloader compares before it takes a package: its kind of device, and the SoftDevice (0xFFFE: any)."""

    device_type: Annotated[int, Field(ge=0, lt=1 << 16)] = 0xFFFF
    soft_device: Annotated[int, Field(ge=0, lt=1 << 16)] = 0xFFFE


class Uf2Upload(_Strict):
    """The chip's family in UF2 files, and the Board-IDs by which INFO_UF2.TXT tells the board's drive."""

    family: Address
    board_ids: tuple[str, ...]


class Upload(_Strict):
    """How an image gets onto the board: `ways`, best first, each with its table (platformio has none).

    `usb`: ids of the board's serial port (or of its debug probe, which brings the port along); `bootloader`: the id of
    the port while its bootloader runs.
    """

    ways: tuple[Way, ...]
    usb: tuple[UsbId, ...]
    bootloader: tuple[UsbId, ...] = ()
    esptool: EsptoolUpload | None = None
    pyocd: PyOcdUpload | None = None
    nrfutil: NrfUtilUpload | None = None
    uf2: Uf2Upload | None = None

    @model_validator(mode="after")
    def _known_ways(self) -> Upload:
        if not self.ways:
            raise ValueError("ways must name at least one")
        for way in self.ways:
            if way != "platformio" and getattr(self, way) is None:
                raise ValueError(f"the way {way!r} needs a table [upload.{way}]")
        return self


class Link(_Strict):
    """The byte stream between device and computer."""

    transport: Literal["uart", "usb", "stdio"]
    baud: Positive | None = None


class Board(_Strict):
    """One board. `memory` is `None` where an operating system provides it; `clock_hz` where it is not fixed.

    `energy_pj_per_instruction`: an estimate from the chip's supply current while it computes, in picojoules; the file says
    from which figures. `None`: nobody published any.
    """

    id: Identifier
    name: str
    ran_in: Literal["hardware", "emulator", "never"]
    variants: tuple[Literal["portable", "packed", "dsp", "mve"], ...]
    core: Core
    link: Link
    buttons: tuple[Button, ...] = ()
    toolchain: Toolchain | None = None
    port: Port = Port(folders=(), defines={})
    platformio: PlatformIo | None = None
    upload: Upload | None = None
    framework: Literal["arduino", "espidf"] | None = None
    clock_hz: Positive | None = None
    energy_pj_per_instruction: Annotated[float, Field(gt=0.0)] | None = None
    memory: Memory | None = None
    microphone: Microphone | None = None
    emulator: QemuMachine | HostProcess | RenodeMachine | None = Field(default=None, discriminator="kind")

    @model_validator(mode="after")
    def _consistent(self) -> Board:
        if (self.memory is None) != (self.core.architecture == "host"):
            raise ValueError("memory must be given, except for architecture 'host'")
        if self.toolchain is None and self.platformio is None:
            raise ValueError("toolchain must be given, unless the board is built with a framework of PlatformIO")
        if "dsp" in self.variants and not self.core.dsp:
            raise ValueError("variant 'dsp' needs core.dsp = true")
        if "mve" in self.variants and not self.core.mve:
            raise ValueError("variant 'mve' needs core.mve = true")
        return self


def with_framework(board: Board, framework: str | None) -> Board:
    """The board as `framework` sees it; without one the bare board, or its first framework where there is no bare one.

    Raises BadInputError for a framework that the board has no project for.
    """
    known = board.platformio.frameworks if board.platformio else {}
    if framework is None and board.toolchain is not None:
        return board
    found = {str(name): entry for name, entry in known.items()}
    name = framework or next(iter(found))
    if name not in found:
        have = ", ".join(found) or "none: it is built bare"
        raise BadInputError(f"{board.id}: has no project for the framework {name!r}; it has {have}")
    entry = found[name]
    return board.model_copy(
        update={
            "framework": name,
            "port": Port(folders=entry.folders, defines=entry.defines),
            "memory": entry.memory or board.memory,
            "microphone": entry.microphone,
            "upload": board.upload and board.upload.model_copy(update={"ways": entry.ways}),
            "toolchain": None,
            "emulator": None,
        }
    )


def board_ids() -> tuple[str, ...]:
    """The ids of all boards that come with fieldwren, sorted."""
    return tuple(sorted(path.stem for path in paths.boards().glob("*.toml")))


def load_board(id_or_path: str) -> Board:
    """The board with this id, or the one a TOML file (a name that ends in `.toml`) describes.

    Raises BadInputError for an unknown id (naming the nearest known one) and for a file that does not hold a board
    (naming file and field).
    """
    if id_or_path.endswith(".toml"):
        return _read(Path(id_or_path))
    known = board_ids()
    if id_or_path not in known:
        near = difflib.get_close_matches(id_or_path, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise BadInputError(f"unknown board {id_or_path!r}: {hint}known boards are {', '.join(known)}")
    board = _read(paths.boards() / f"{id_or_path}.toml")
    if board.id != id_or_path:
        raise BadInputError(f"{id_or_path}.toml: id: must be {id_or_path!r}, the file's name, not {board.id!r}")
    return board


def _read(path: Path) -> Board:
    try:
        return _parse(path, path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror or error}") from error


@functools.lru_cache(maxsize=64)
def _parse(path: Path, content: bytes) -> Board:
    try:
        return Board.model_validate(_freeze(tomllib.loads(content.decode("utf-8"))))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"{path}: not a TOML file: {error}") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'board'}: "
            f"{problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise BadInputError(f"{path}: {problems}") from error


def _freeze(value: Any) -> Any:
    """TOML arrays as tuples, which is what frozen models hold."""
    if isinstance(value, dict):
        return {key: _freeze(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_freeze(item) for item in value)
    return value


def _span(region: Region) -> str:
    return f"{region.origin:#x}-{region.end:#x}"
