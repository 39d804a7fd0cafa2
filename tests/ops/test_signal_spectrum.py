from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flatbuffers import flexbuffers
from hypothesis import strategies as st

import tflite
from ops.harness import assert_exact, assert_refused, cases, seeds
from ops.model_builder import OperatorSpec, TensorSpec, build, constant, operator, tensor


def custom(name: str, inputs: list[TensorSpec], outputs: list[TensorSpec], **options: Any) -> OperatorSpec:
    """A custom operator with its options as a FlexBuffers map."""
    return operator(name, inputs, outputs, custom_options=bytes(flexbuffers.Dumps(options)))


@cases(20, rows=st.integers(1, 3), columns=st.integers(1, 40), shift=st.sampled_from([8, 12, 15]), seed=seeds)
def test_window(*, rows: int, columns: int, shift: int, seed: int) -> None:
    window = np.random.default_rng(seed).integers(-32768, 32768, columns).astype(np.int16)
    x, y = tensor((rows, columns), "int16"), tensor((rows, columns), "int16")
    assert_exact(build([custom("SignalWindow", [x, constant(window)], [y], shift=shift)], [x], [y]), seed)


@cases(30, count=st.integers(1, 40), bits=st.integers(0, 15), seed=seeds)
def test_auto_scale(*, count: int, bits: int, seed: int) -> None:
    x, y, shift = tensor((count,), "int16"), tensor((count,), "int16"), tensor((), "int32")
    generator = np.random.default_rng(seed)
    values = generator.integers(-(1 << bits), 1 << bits, count)
    extreme = np.where(generator.random(count) < 0.1, -32768, values)
    steps = [[v.astype(np.int16)] for v in (values, extreme, values * 0)]
    assert_exact(build([custom("SignalFftAutoScale", [x], [y, shift])], [x], [y, shift]), steps=steps)


@pytest.mark.parametrize("length", [4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048])
def test_rfft(length: int) -> None:
    generator = np.random.default_rng(length)
    size = max(length - length // 16, 1)
    x, y = tensor((2, size), "int16"), tensor((2, length + 2), "int16")
    steps = []
    for bits in (15, 12, 6):
        steps.append([generator.integers(-(1 << bits), 1 << bits, (2, size)).astype(np.int16)])
    steps.append([generator.choice([-32768, 32767], (2, size)).astype(np.int16)])
    model = build([custom("SignalRfft", [x], [y], T=tflite.TensorType.INT16, fft_length=length)], [x], [y])
    assert_exact(model, steps=steps)


@pytest.mark.parametrize("length", [4, 8, 32, 64, 256, 512, 1024])
def test_irfft(length: int) -> None:
    generator = np.random.default_rng(length)
    x, y = tensor((2, length + 2), "int16"), tensor((2, length), "int16")
    steps = []
    for bits in (15, 12, 6):
        steps.append([generator.integers(-(1 << bits), 1 << bits, (2, length + 2)).astype(np.int16)])
    model = build([custom("SignalIrfft", [x], [y], T=tflite.TensorType.INT16, fft_length=length)], [x], [y])
    assert_exact(model, steps=steps)


@cases(20, bins=st.integers(1, 40), seed=seeds)
def test_energy(*, bins: int, seed: int) -> None:
    # All bins: those outside the range are undefined in the reference.
    x, y = tensor((2 * bins,), "int16"), tensor((bins,), "uint32")
    assert_exact(build([custom("SignalEnergy", [x], [y], start_index=0, end_index=bins)], [x], [y]), seed)


def test_refuses_lengths_and_options_that_do_not_fit() -> None:
    x, y = tensor((10,), "int16"), tensor((14,), "int16")
    kind = {"T": tflite.TensorType.INT16}
    assert_refused(build([custom("SignalRfft", [x], [y], **kind, fft_length=12)], [x], [y]), "powers of two")
    assert_refused(build([custom("SignalRfft", [x], [y], **kind, fft_length=8)], [x], [y]), "transforms")
    assert_refused(build([custom("SignalRfft", [x], [y], **kind)], [x], [y]), "fft_length = None")
    broken = operator("SignalRfft", [x], [y], custom_options=b"\x01\x02\x03")
    assert_refused(build([broken], [x], [y]), "not a FlexBuffers map")
    energies = tensor((5,), "uint32")
    model = build([custom("SignalEnergy", [x], [energies], start_index=0, end_index=6)], [x], [energies])
    assert_refused(model, "end_index = 6")
