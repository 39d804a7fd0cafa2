"""IMA ADPCM by Python's audioop, which has the two codes of a byte the other way round than WAV files and the link.

audioop left Python with 3.13.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from support import require_module


def audioop() -> ModuleType:
    return require_module("audioop")


def _swapped(codes: bytes) -> bytes:
    return bytes((code & 15) << 4 | code >> 4 for code in codes)


def samples_of(block: bytes) -> np.ndarray:
    """The samples of a block as in WAV files of format 0x11."""
    first, index = int.from_bytes(block[:2], "little", signed=True), block[2]
    rest = np.frombuffer(audioop().adpcm2lin(_swapped(block[4:]), 2, (first, index))[0], np.int16)
    return np.concatenate([np.array([first], np.int16), rest])


def blocks_of(pcm: np.ndarray, block_samples: int) -> list[bytes]:
    """What a device sends of these samples."""
    blocks, index = [], 0
    for at in range(0, len(pcm) - block_samples + 1, block_samples):
        part = pcm[at : at + block_samples]
        codes, (_, after) = audioop().lin2adpcm(part[1:].tobytes(), 2, (int(part[0]), index))
        blocks.append(part[:1].astype("<i2").tobytes() + bytes([index, 0]) + _swapped(codes))
        index = after
    return blocks
