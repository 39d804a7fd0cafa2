"""What a peer needs for the models of the bar table, and this project's bars: boards/peers/*.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass

from fieldwren import paths

CODE_SHARE = 0.35
"""Code at most this part of the peer's flash without the .tflite."""
CONSTANTS_SHARE = 1.15
"""Constants at most this many times the .tflite's own."""
RAM_SHARE = 0.9
"""RAM in all at most this part of the peer's, unless the model's entry says less."""


@dataclass(frozen=True)
class PeerModel:
    """The peer's figures for one model (bytes, instructions), and our `bar` and `goal` in instructions.

    `file` is the stem of the .tflite that we measure, which `stands_for` something else where that is not at hand.
    """

    name: str
    instructions: int
    flash_bytes: int
    ram_bytes: int
    bar: int
    goal: int
    file: str = ""
    stands_for: str = ""
    ram_share: float = RAM_SHARE

    @property
    def stem(self) -> str:
        """Name of the file that is looked for."""
        return self.file or self.name


@dataclass(frozen=True)
class PortableModel:
    """A model without a peer's figure: at most `share` of the instructions of our portable kernels."""

    name: str
    share: float


@dataclass(frozen=True)
class Peer:
    """Where the figures come from, and the models."""

    tool: str
    compiler: str
    command: str
    date: str
    board: str
    models: tuple[PeerModel, ...]
    portable: tuple[PortableModel, ...]


def load_peer(name: str = "tflm-cmsis-nn") -> Peer:
    """The peer's stored figures."""
    content = tomllib.loads((paths.boards() / "peers" / f"{name}.toml").read_text(encoding="utf-8"))
    models = tuple(PeerModel(**entry) for entry in content.pop("model"))
    portable = tuple(PortableModel(**entry) for entry in content.pop("portable"))
    return Peer(**content, models=models, portable=portable)
