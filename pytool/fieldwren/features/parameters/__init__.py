"""What defines a front end: plain numbers that travel with the model (metadata key `fieldwren.frontend`).

Everything the C code needs beyond these numbers (windows, mel weights, DCT, twiddles) follows from them in
`fieldwren.features.tables`.
"""

from __future__ import annotations

import json

from fieldwren.errors import BadInputError
from fieldwren.features.parameters.audio import AudioFrontEnd
from fieldwren.features.parameters.base import SCHEMA, require
from fieldwren.features.parameters.micro import MicroFrontEnd
from fieldwren.features.parameters.sensor import SensorFrontEnd

METADATA_KEY = "fieldwren.frontend"

FrontEndParameters = AudioFrontEnd | MicroFrontEnd | SensorFrontEnd
_KINDS: dict[str, type[AudioFrontEnd] | type[MicroFrontEnd] | type[SensorFrontEnd]] = {
    c.kind: c for c in (AudioFrontEnd, MicroFrontEnd, SensorFrontEnd)
}


def from_json(text: str | bytes) -> FrontEndParameters:
    """The front end that `to_json` wrote. Raises BadInputError for anything else, naming the field."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"front end: not JSON ({error})") from error
    require(isinstance(fields, dict), "not a JSON object")
    schema = fields.pop("schema", None)
    require(schema == SCHEMA, f"schema {schema!r} is not known to this version of fieldwren (it reads {SCHEMA})")
    kind = fields.pop("kind", None)
    require(isinstance(kind, str) and kind in _KINDS, f"kind {kind!r} is not known, must be one of {', '.join(_KINDS)}")
    return _KINDS[kind].from_fields(fields)


# MLPerf Tiny 1.2: keyword spotting (49 x 10 MFCC of a second) and streaming wake word (30 x 40 log filter bank).
# Both reference implementations quantise by truncation.
PRESETS: dict[str, FrontEndParameters] = {
    "mlperf-kws": AudioFrontEnd(
        hop_samples=320,
        f_max_hz=4000.0,
        coefficient_count=10,
        normalisation="window-max",
        window_frames=49,
        rounding="truncate",
    ),
    "mlperf-sww": AudioFrontEnd(
        window_samples=1024,
        hop_samples=512,
        fft_size=1024,
        window_shape="hamming",
        window_periodic=False,
        pre_emphasis=0.96875,
        spectrum="power",
        f_min_hz=0.0,
        f_max_hz=8000.0,
        energy_scale=1.0 / 1024.0,
        energy_floor=1e-30,
        energy_offset=0.0,
        log="decibel",
        output_scale=1.0 / 64.0,
        output_offset=52.0 / 64.0,
        clip=(0.0, 1.0),
        window_frames=30,
        rounding="truncate",
    ),
    # TensorFlow Lite Micro's own; microWakeWord takes three frames of 10 ms per call.
    "micro-speech": MicroFrontEnd(),
    "micro-wake-word": MicroFrontEnd(variant="microfrontend", hop_samples=160, window_frames=3),
}

__all__ = [
    "METADATA_KEY",
    "PRESETS",
    "SCHEMA",
    "AudioFrontEnd",
    "FrontEndParameters",
    "MicroFrontEnd",
    "SensorFrontEnd",
    "from_json",
]
