from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fieldwren.features.tables.micro import gain
from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import TensorSpec, build, constant, tensor
from ops.test_signal_spectrum import custom


def spread(generator: np.random.Generator, shape: tuple[int, ...], bits: int, dtype: str) -> np.ndarray:
    """Numbers of all magnitudes up to 2^bits."""
    return np.floor(2.0 ** generator.uniform(0, bits, shape)).astype(dtype)


def tables(generator: np.random.Generator, bins: int, channels: int) -> list[TensorSpec]:
    widths = generator.integers(0, 4, channels + 1)
    bin_starts = np.array([generator.integers(0, bins - w + 1) for w in widths])
    weight_starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    weights = generator.integers(-4096, 4097, (2, max(int(widths.sum()), 1)))
    return [constant(t.astype(np.int16)) for t in (*weights, bin_starts, weight_starts, widths)]


@cases(30, bins=st.integers(4, 30), channels=st.integers(1, 9), seed=seeds)
def test_filter_bank(*, bins: int, channels: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = tensor((bins,), "uint32"), tensor((channels,), "uint64")
    bank = custom("SignalFilterBank", [x, *tables(generator, bins, channels)], [y], num_channels=channels)
    assert_exact(build([bank], [x], [y]), steps=[[spread(generator, (bins,), 32, "uint32")]])


@cases(20, channels=st.integers(1, 30), shift=st.integers(0, 15), seed=seeds)
def test_square_root(*, channels: int, shift: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, s, y = tensor((channels,), "uint64"), tensor((), "int32"), tensor((channels,), "uint32")
    values = spread(generator, (channels,), 63, "uint64")
    values[0] = generator.choice([0, 1, 2, 2**32 - 1, 2**32, 2**64 - 1, (2**32 - 1) ** 2])
    model = build([custom("SignalFilterBankSquareRoot", [x, s], [y])], [x, s], [y])
    assert_exact(model, steps=[[values, np.array(shift, np.int32)]])


@cases(30, channels=st.integers(1, 9), clamping=st.booleans(), seed=seeds)
def test_spectral_subtraction_over_steps(*, channels: int, clamping: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y, noise = (tensor((channels,), "uint32") for _ in range(3))
    options = {
        "alternate_one_minus_smoothing": 15401,
        "alternate_smoothing": 983,
        "min_signal_remaining": 819,
        "num_channels": channels,
        "one_minus_smoothing": 15975,
        "smoothing": 409,
        "smoothing_bits": 10,
        "spectral_subtraction_bits": 14,
    }
    name = "SignalFilterBankSpectralSubtraction"
    model = build([custom(name, [x], [y, noise], clamping=clamping, **options)], [x], [y, noise])
    assert_exact(model, steps=[[spread(generator, (channels,), 24, "uint32")] for _ in range(8)])


@cases(20, channels=st.integers(1, 30), seed=seeds)
def test_pcan(*, channels: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, noise, y = (tensor((channels,), "uint32") for _ in range(3))
    model = build([custom("SignalPCAN", [x, noise, constant(gain(0.95, 80.0))], [y], snr_shift=6)], [x, noise], [y])
    step = [spread(generator, (channels,), bits, "uint32") for bits in (24, 32)]
    assert_exact(model, steps=[step, [step[0] * 0, step[1] * 0]])


@cases(20, channels=st.integers(1, 30), scale=st.sampled_from([64, 1600]), correction=st.integers(0, 5), seed=seeds)
def test_log(*, channels: int, scale: int, correction: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, y = tensor((channels,), "uint32"), tensor((channels,), "int16")
    options = {"input_correction_bits": correction, "output_scale": scale}
    model = build([custom("SignalFilterBankLog", [x], [y], **options)], [x], [y])
    assert_exact(
        model, steps=[[spread(generator, (channels,), 32 - correction, "uint32")], [np.zeros(channels, np.uint32)]]
    )


def test_refuses_channels_outside_their_tables() -> None:
    generator = np.random.default_rng(0)
    x, y = tensor((8,), "uint32"), tensor((3,), "uint64")
    for number, values in ((3, [0, 0, 7, 0]), (5, [0, 200, 0, 0]), (4, [0, -1, 0, 0])):
        made = [x, *tables(generator, 8, 3)]
        made[number] = constant(np.array(values, np.int16))
        made[5] = made[5] if number == 5 else constant(np.array([2, 2, 2, 2], np.int16))
        assert_refused(
            build([custom("SignalFilterBank", made, [y], num_channels=3)], [x], [y]), "outside its 8 energies"
        )
    assert_refused(
        build([custom("SignalFilterBank", [x, *tables(generator, 8, 2)], [y], num_channels=3)], [x], [y]), "3 channels"
    )


def test_gain_tables() -> None:
    # The steepest parabolas stay within 32 bits.
    x, noise, y = (tensor((60,), "uint32") for _ in range(3))
    step = [np.full(60, 123456, np.uint32), (2.0 ** np.linspace(0, 31.99, 60)).astype(np.uint32)]
    for value in (32767, -32768):
        steepest = constant(np.full(125, value, np.int16))
        assert_exact(
            build([custom("SignalPCAN", [x, noise, steepest], [y], snr_shift=6)], [x, noise], [y]), steps=[step]
        )
    short = constant(np.zeros(124, np.int16))
    assert_refused(build([custom("SignalPCAN", [x, noise, short], [y], snr_shift=6)], [x, noise], [y]), "124 entries")
