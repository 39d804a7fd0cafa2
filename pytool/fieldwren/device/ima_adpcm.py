"""Decoding what firmware/runtime/ima_adpcm.c encodes: blocks as in WAV files of format 0x11, each for itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import LinkLostError

HEADER_BYTES = 4

# The steps grow by a tenth; the standard's table is this rule with its own roundings, so it is written out.
_STEPS = (
    *(7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107),
    *(118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876),
    *(963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358),
    *(5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086),
    *(29794, 32767),
)
_ADAPTATION = (-1, -1, -1, -1, 2, 4, 6, 8)


def decode_block(block: bytes) -> NDArray[np.int16]:
    """int16 [1 + 2 * (bytes - 4)]. Raises LinkLostError for a block that no encoder writes."""
    predictor, index = int.from_bytes(block[:2], "little", signed=True), block[2]
    if index >= len(_STEPS):
        raise LinkLostError(f"an ADPCM block begins with step {index}, and there are {len(_STEPS)}")
    samples = [predictor]
    for pair in block[HEADER_BYTES:]:
        for code in (pair & 15, pair >> 4):
            step, size = _STEPS[index], code & 7
            change = step >> 3
            if size & 4:
                change += step
            if size & 2:
                change += step >> 1
            if size & 1:
                change += step >> 2
            predictor = max(-32768, predictor - change) if code & 8 else min(32767, predictor + change)
            index = min(len(_STEPS) - 1, max(0, index + _ADAPTATION[size]))
            samples.append(predictor)
    return np.array(samples, np.int16)
