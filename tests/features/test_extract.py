"""extract(), which is what `fieldwren features` does."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fieldwren.errors import BadInputError
from fieldwren.features import METADATA_KEY, AudioFrontEnd, AudioStream, MicroFrontEnd, SensorFrontEnd, frames
from fieldwren.features.extract import extract
from fieldwren.tflite import read_model
from support import require_data

Pcm = npt.NDArray[np.int16]


@pytest.fixture
def save(tmp_path: Path) -> Any:
    def to_wav(pcm: Pcm, rate: int = 16000) -> Path:
        path = tmp_path / "in.wav"
        with wave.open(str(path), "wb") as out:
            out.setparams((1, 2, rate, 0, "NONE", ""))
            out.writeframes(pcm.tobytes())
        return path

    return to_wav


def noise(count: int) -> Pcm:
    return np.random.default_rng(0).integers(-3000, 3000, count).astype(np.int16)


@pytest.mark.parametrize(
    ("spec", "hop_ms", "dtype", "shape"),
    [
        ("mlperf-kws", None, np.float32, (49, 10)),
        ("mlperf-kws", 20.0, np.float32, (49, 10)),
        ("mlperf-sww", None, np.float32, (30, 40)),
        ("micro-frontend", None, np.uint16, (49, 40)),
        ("micro-frontend", 20, np.uint16, (49, 40)),
        ("micro-frontend", 10, np.uint16, (98, 40)),
    ],
)
def test_forms(save: Any, spec: str, hop_ms: float | None, dtype: type[Any], shape: tuple[int, int]) -> None:
    found = extract(spec, save(noise(16000)), hop_ms=hop_ms)
    assert found.dtype == dtype
    assert found.shape == shape


def test_micro_frontend_is_the_library_of_its_hop(save: Any) -> None:
    pcm = noise(9000)
    np.testing.assert_array_equal(extract("micro-frontend", save(pcm)), frames(MicroFrontEnd(), pcm))
    ten = MicroFrontEnd(variant="microfrontend", hop_samples=160)
    np.testing.assert_array_equal(extract("micro-frontend", save(pcm), hop_ms=10), frames(ten, pcm))


def test_kws_pads_and_cuts_to_a_second(save: Any, caplog: pytest.LogCaptureFixture) -> None:
    pcm = noise(20000)
    with caplog.at_level(logging.WARNING):
        cut = extract("mlperf-kws", save(pcm))
    assert "only the first 16000 are used" in caplog.text
    np.testing.assert_array_equal(cut, extract("mlperf-kws", save(pcm[:16000])))
    caplog.clear()
    short = extract("mlperf-kws", save(pcm[:5000]))
    assert not caplog.text
    np.testing.assert_array_equal(short, extract("mlperf-kws", save(np.pad(pcm[:5000], (0, 11000)))))


@pytest.mark.parametrize(
    ("spec", "model", "hop_ms"),
    [
        ("mlperf-kws", "mlperf_kws_dscnn", None),
        ("mlperf-sww", "mlperf_strww", None),
        ("micro-frontend", "tflm_micro_speech", None),
        ("micro-frontend", "mww_v2_okay_nabu", 10),
    ],
)
def test_quantised(save: Any, spec: str, model: str, hop_ms: float | None) -> None:
    path = require_data("models", f"{model}.tflite")
    wav = save(noise(16000))
    real = extract(spec, wav, hop_ms=hop_ms).astype(np.float64)
    found = extract(spec, wav, hop_ms=hop_ms, quantised_model=path)
    assert found.dtype == np.int8
    assert found.shape == real.shape
    if spec == "micro-frontend":
        np.testing.assert_array_equal(found, np.minimum((real * 256 + 333) // 666 - 128, 127))
    else:
        scale, zero_point = {"mlperf-kws": (0.584703, 83), "mlperf-sww": (0.00370104, -128)}[spec]
        assert np.abs(found - np.clip(real / scale + zero_point, -128, 127)).max() < 1.0


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("mfcc", {}, "mfcc: is neither a front end (mlperf-kws, mlperf-sww, micro-frontend), nor an app folder"),
        ("micro-speech", {}, "is neither a front end"),
        ("micro-frontend", {"hop_ms": 15}, "a hop of 15 ms is not in use"),
        ("mlperf-kws", {"hop_ms": 10}, "its hop is 20 ms and cannot be changed"),
        ("mlperf-kws", {"quantised_model": "tflm_micro_speech"}, "has 1960 values, the front end gives 49 x 10"),
        ("mlperf-sww", {"quantised_model": "mlperf_kws_dscnn"}, "has 490 values, the front end gives frames of 40"),
        ("micro-frontend", {"quantised_model": "mlperf_strww"}, "the micro front end's int8 form has"),
    ],
)
def test_refusals(save: Any, spec: str, options: dict[str, Any], message: str) -> None:
    if "quantised_model" in options:
        options = {**options, "quantised_model": require_data("models", f"{options['quantised_model']}.tflite")}
    with pytest.raises(BadInputError) as caught:
        extract(spec, save(noise(16000)), **options)
    assert message in str(caught.value)


def test_wrong_recordings(save: Any, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="is sampled at 8000 Hz"):
        extract("mlperf-kws", save(noise(16000), rate=8000))
    with pytest.raises(BadInputError, match="has 479 samples, the first frame needs 480"):
        extract("micro-frontend", save(noise(479)))
    with pytest.raises(BadInputError, match="cannot be read"):
        extract("micro-frontend", tmp_path / "none.wav")


FrontEnds = AudioFrontEnd | MicroFrontEnd | SensorFrontEnd


@pytest.fixture
def carrying(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the keyword model of 490 inputs say that it was trained with a front end."""
    module = importlib.import_module("fieldwren.features.extract")
    path = require_data("models", "mlperf_kws_dscnn.tflite")
    graph = read_model(path)

    def say(front_end: FrontEnds) -> Path:
        said = dataclasses.replace(graph, metadata={METADATA_KEY: front_end.to_json().encode()})
        monkeypatch.setattr(module, "_read_model", lambda _: said)
        return path

    return say


def test_a_model_that_carries_its_front_end(save: Any, carrying: Any) -> None:
    p = AudioFrontEnd(coefficient_count=10, normalisation="window-mean", window_frames=49, hop_samples=320)
    model = carrying(p)
    pcm = noise(40000)
    found = extract(model, save(pcm))
    assert found.dtype == np.int8
    assert found.shape == (3, 49, 10), "two whole windows and one padded with zeros"
    stream = AudioStream(p)
    stream.push(pcm[:15840])
    np.testing.assert_array_equal(found[0], stream.window(np.int8, 0.5847029089927673, 83))
    stream.push(pcm[15840 : 15840 + 49 * 320])
    np.testing.assert_array_equal(found[1], stream.window(np.int8, 0.5847029089927673, 83))
    with pytest.raises(BadInputError, match="leave those options out"):
        extract(model, save(pcm), hop_ms=20)


def test_models_that_cannot_say(save: Any, carrying: Any) -> None:
    wav = save(noise(16000))
    with pytest.raises(BadInputError, match="carries no front end"):
        extract(require_data("models", "mlperf_kws_dscnn.tflite"), wav)
    sensor = SensorFrontEnd(channels=("x",), row_interval_ms=1.0, offset=(0.0,), scale=(1.0,))
    with pytest.raises(BadInputError, match="takes sensor rows"):
        extract(carrying(sensor), wav)
    with pytest.raises(BadInputError, match="has 490 values, the front end gives 98 x 10"):
        extract(carrying(AudioFrontEnd(coefficient_count=10)), wav)
