"""UF2, the file format of bootloaders that show themselves as a drive (github.com/microsoft/uf2).

Blocks of 512 bytes, each with the address of its own 256 bytes of payload, so that they may come in any order.
"""

from __future__ import annotations

import struct

BLOCK_BYTES = 512
PAYLOAD_BYTES = 256

_START_0, _START_1, _END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
_FAMILY_PRESENT = 0x2000
_HEADER = struct.Struct("<8I")
_DATA_BYTES = 476


def uf2_file(data: bytes, *, address: int, family: int) -> bytes:
    """`data` for the flash from `address` on, as a UF2 file for chips of `family`; the last block is padded with 0xFF.

    `address` is a multiple of 256, which bootloaders expect of every block; an image that begins between two is padded.
    """
    before = address % PAYLOAD_BYTES
    padded = b"\xff" * before + data
    padded += b"\xff" * (-len(padded) % PAYLOAD_BYTES)
    count = len(padded) // PAYLOAD_BYTES
    blocks = []
    for number in range(count):
        payload = padded[number * PAYLOAD_BYTES :][:PAYLOAD_BYTES]
        header = _HEADER.pack(
            *(_START_0, _START_1, _FAMILY_PRESENT, address - before + number * PAYLOAD_BYTES),
            *(PAYLOAD_BYTES, number, count, family),
        )
        blocks.append(header + payload.ljust(_DATA_BYTES, b"\0") + struct.pack("<I", _END))
    return b"".join(blocks)
