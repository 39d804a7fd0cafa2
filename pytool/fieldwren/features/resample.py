"""Change of sampling rate by a polyphase windowed-sinc filter."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError

Samples = npt.NDArray[np.float64]

# Zero crossings of the sinc on each side, Kaiser window and cut-off: flat within 0.01 dB up to 90 % of the narrower
# band, 90 dB down from 1.1 times it on.
ZERO_CROSSINGS = 48
KAISER_BETA = 9.0
ROLLOFF = 0.96


def resample(samples: npt.ArrayLike, from_hz: int, to_hz: int) -> Samples:
    """`samples` [n] at `from_hz` as [ceil(n·to/from)] samples at `to_hz`, in phase: output 0 lies at input 0.

    The rates' ratio must reduce to factors of at most 10,000.
    """
    signal = np.asarray(samples, dtype=np.float64)
    if signal.ndim != 1 or from_hz < 1 or to_hz < 1:
        raise BadInputError(f"resampling needs one channel and positive rates, not {from_hz} Hz to {to_hz} Hz")
    common = math.gcd(from_hz, to_hz)
    up, down = to_hz // common, from_hz // common
    if up == down:
        return signal.copy()
    if max(up, down) > 10_000:
        raise BadInputError(
            f"resampling from {from_hz} Hz to {to_hz} Hz needs a factor of {up}/{down}, use another rate"
        )

    cutoff = ROLLOFF * min(1.0, up / down)
    reach = math.ceil(ZERO_CROSSINGS / cutoff)
    count = -(-len(signal) * up // down)
    # Zeros around the signal, so that every output has 2·reach inputs.
    padded = np.pad(signal, (reach - 1, reach + down + 1))
    segments = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach)
    out = np.empty(count)
    taps = np.arange(-(reach - 1), reach + 1)
    for phase in range(min(up, count)):
        first, offset = divmod(phase * down, up)
        distance = taps - offset / up
        window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (distance / reach) ** 2))) / np.i0(KAISER_BETA)
        kernel = cutoff * np.sinc(cutoff * distance) * window
        kernel /= kernel.sum()
        target = out[phase::up]
        target[:] = segments[first::down][: len(target)] @ kernel
    return out
