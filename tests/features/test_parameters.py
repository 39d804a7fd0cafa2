"""Parameters: the JSON form in a model's metadata, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fieldwren.errors import BadInputError
from fieldwren.features import (
    METADATA_KEY,
    PRESETS,
    AudioFrontEnd,
    FrontEndParameters,
    MicroFrontEnd,
    SensorFrontEnd,
    from_json,
)

SENSOR = SensorFrontEnd(
    channels=("temperature", "co2"),
    row_interval_ms=60_000.0,
    offset=(20.5, 600.0),
    scale=(1.25, 300.0),
    fill=(20.5, 600.0),
    clip=(-4.0, 4.0),
    missing="fill",
    missing_limit=3,
    difference_rows=(5, 15),
    difference_scale=((0.1, 30.0), (0.2, 70.0)),
    window_frames=4,
    hop_rows=2,
)
EVERY: dict[str, FrontEndParameters] = {
    **PRESETS,
    "sensor": SENSOR,
    "clipped": AudioFrontEnd(clip=(-1.0, 1.0), arithmetic="fixed"),
}


@pytest.mark.parametrize("name", EVERY)
def test_json_and_back(name: str) -> None:
    text = EVERY[name].to_json()
    assert from_json(text) == EVERY[name]
    assert from_json(text.encode()) == EVERY[name]
    assert "\n" not in text
    assert json.loads(text)["schema"] == 1


def test_the_metadata_key_is_what_models_carry() -> None:
    assert METADATA_KEY == "fieldwren.frontend"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"kind": "mel"}', "schema None is not known"),
        ('{"schema": 2, "kind": "mel"}', "schema 2 is not known"),
        ('{"schema": 1, "kind": "mfcc"}', "kind 'mfcc' is not known, must be one of mel, micro, sensor"),
        ('{"schema": 1, "kind": ["mel"]}', "is not known"),
        ('{"schema": 1, "kind": "mel", "window": 480}', "unknown field window for kind mel"),
        ('{"schema": 1, "kind": "sensor", "offset": [0]}', "channels, row_interval_ms, scale is missing"),
        ('{"schema": 1, "kind": "mel", "mel_count": "40"}', "mel_count is '40'"),
        ('{"schema": 1, "kind": "mel", "mel_count": true}', "mel_count is True"),
        ('{"schema": 1, "kind": "mel", "energy_offset": NaN}', "energy_offset is nan"),
        ('{"schema": 1, "kind": "mel", "energy_offset": 1' + 400 * "0" + "}", "energy_offset is 1000"),
        ('{"schema": 1, "kind": "mel", "clip": {"low": 0}}', "clip is {'low': 0}"),
        (100_000 * "[", "not JSON"),
    ],
)
def test_bad_json_is_refused(text: str | bytes, message: str) -> None:
    with pytest.raises(BadInputError, match="front end: ") as caught:
        from_json(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"sample_rate_hz": 12345},
        {"fft_size": 500},
        {"fft_size": 2048},
        {"window_samples": 513},
        {"window_samples": 8},
        {"hop_samples": 0},
        {"hop_samples": 1.5},
        {"window_shape": "blackman"},
        {"window_periodic": 1.0},
        {"pre_emphasis": -0.1},
        {"pre_emphasis": float("nan")},
        {"spectrum": "phase"},
        {"mel_count": 0},
        {"mel_count": 257},
        {"f_min_hz": 4000.0},
        {"f_max_hz": 8001.0},
        {"energy_offset": 0.0},
        {"energy_floor": -1.0},
        {"energy_scale": 0.0},
        {"log": "log2"},
        {"output_scale": float("inf")},
        {"clip": (1.0, 1.0)},
        {"clip": (1.0,)},
        {"clip": [0.0, 1.0]},
        {"coefficient_count": 41},
        {"normalisation": "global"},
        {"normalisation": "window-max", "hop_samples": 481},
        {"normalisation": "running-mean"},
        {"normalisation": "window-mean", "running_frames": 5},
        {"window_frames": 0},
        {"window_frames": 5000},
        {"rounding": "floor"},
        {"arithmetic": "q15"},
    ],
    ids=str,
)
def test_audio_parameters_out_of_range(fields: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="front end: "):
        AudioFrontEnd(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"variant": "tflm"},
        {"sample_rate_hz": 44100},
        {"window_samples": 481},
        {"window_samples": 514},
        {"channel_count": 129},
        {"f_min_hz": 0.0},
        {"f_min_hz": 7500.0},
        {"smoothing_odd": 1.5},
        {"pcan_offset": 0.0},
        {"window_frames": 0},
    ],
    ids=str,
)
def test_micro_parameters_out_of_range(fields: dict[str, Any]) -> None:
    with pytest.raises(BadInputError, match="front end: "):
        MicroFrontEnd(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"channels": ()},
        {"channels": ("a", "a")},
        {"channels": ("a", "")},
        {"row_interval_ms": 0.0},
        {"offset": (1.0,)},
        {"scale": (1.0, 0.0)},
        {"scale": (1.0, float("nan"))},
        {"fill": (1.0, 2.0, 3.0)},
        {"fill": (), "missing": "fill"},
        {"missing": "mean"},
        {"missing_limit": 65535},
        {"input_clip": (2.0, 1.0)},
        {"difference_rows": (0,), "difference_scale": ((1.0, 1.0),)},
        {"difference_rows": (2,)},
        {"difference_rows": (2,), "difference_scale": ((1.0,),)},
        {"difference_rows": (2,), "difference_scale": ((1.0, 0.0),)},
        {"hop_rows": 0},
        {"window_frames": 0},
    ],
    ids=str,
)
def test_sensor_parameters_out_of_range(fields: dict[str, Any]) -> None:
    usual: dict[str, Any] = {
        "channels": ("a", "b"),
        "row_interval_ms": 1.0,
        "offset": (0.0, 0.0),
        "scale": (1.0, 1.0),
    }
    with pytest.raises(BadInputError, match="front end: "):
        SensorFrontEnd(**{**usual, **fields})


def test_sizes() -> None:
    kws = PRESETS["mlperf-kws"]
    assert isinstance(kws, AudioFrontEnd)
    assert (kws.window_frames, kws.frame_values, kws.window_total_samples, kws.hop_ms) == (49, 10, 15840, 20.0)
    assert [kws.frame_count(n) for n in (0, 479, 480, 799, 800, 16000)] == [0, 0, 1, 1, 2, 49]
    assert AudioFrontEnd().frame_count(16000) == 98
    assert (SENSOR.frame_values, SENSOR.first_window_rows, SENSOR.hop_ms) == (6, 19, 120_000.0)
