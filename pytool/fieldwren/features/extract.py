"""`fieldwren features`: a recording's features as an array."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features.audio import AudioStream
from fieldwren.features.parameters import (
    METADATA_KEY,
    PRESETS,
    AudioFrontEnd,
    FrontEndParameters,
    MicroFrontEnd,
    from_json,
)
from fieldwren.features.wav import read_wav
from fieldwren.graph import Graph, Tensor

Audio = AudioFrontEnd | MicroFrontEnd

# What 25.6 units of the micro front end's int8 form stand for, and how far a model's scale may be from it.
MICRO_SCALE = 26.0 / 255.0
MICRO_SCALE_TOLERANCE = 0.01

log = logging.getLogger(__name__)


def audio_front_end(spec: str, hop_ms: float | None = None) -> Audio:
    """The front end that a SPEC names: `mlperf-kws`, `mlperf-sww`, or `micro-frontend` with a hop of 10 or 20 ms.

    At 20 ms the micro front end is TensorFlow Lite Micro's signal library bit for bit (micro_speech), at 10 ms
    pymicro-features (microWakeWord).
    """
    if spec == "micro-frontend":
        if hop_ms not in (None, 10, 20):
            raise BadInputError(f"micro-frontend: a hop of {hop_ms:g} ms is not in use, use 10 or 20")
        return MicroFrontEnd() if hop_ms in (None, 20) else MicroFrontEnd(variant="microfrontend", hop_samples=160)
    found = PRESETS.get(spec)
    if not isinstance(found, AudioFrontEnd):
        raise BadInputError(
            f"{spec}: is neither a front end (mlperf-kws, mlperf-sww, micro-frontend), nor an app folder or a .tflite file"
        )
    if hop_ms is not None and hop_ms != found.hop_ms:
        raise BadInputError(f"{spec}: its hop is {found.hop_ms:g} ms and cannot be changed; leave the hop out")
    return found


def model_front_end(graph: Graph) -> Audio:
    """The front end in a model's metadata. Raises BadInputError when there is none, or one for sensor rows."""
    text = graph.metadata.get(METADATA_KEY)
    if text is None:
        raise BadInputError(f"{graph.name}: carries no front end (metadata {METADATA_KEY}); name one, e.g. mlperf-kws")
    return _audio(from_json(text), graph)


def _audio(parameters: FrontEndParameters, graph: Graph) -> Audio:
    if not isinstance(parameters, AudioFrontEnd | MicroFrontEnd):
        raise BadInputError(f"{graph.name}: takes sensor rows, not audio")
    return parameters


def extract(
    spec: str | Path,
    wav: str | Path,
    *,
    hop_ms: float | None = None,
    quantised_model: str | Path | None = None,
) -> npt.NDArray[Any]:
    """Features of a 16-bit mono WAV file of the front end's rate.

    - `mlperf-kws`: float32 [49, 10], one window of 16,000 samples (a shorter recording is padded with zeros, of a longer
      one the first second is used and a warning logged).
    - `mlperf-sww`: float32 [frames, 40]; `micro-frontend`: uint16 [frames, 40] from a fresh state.
    - an app folder, or a .tflite file with a front end in its metadata: [windows, window_frames, values] in the model's
      input type, one window after the other without overlap (the last one padded with zeros).

    With `quantised_model` the features are quantised for that model's first input, in its type and the same shape.
    """
    model = _model_of(spec)
    if model is not None:
        if hop_ms is not None or quantised_model is not None:
            raise BadInputError(f"{spec}: an app's model says hop and quantisation itself; leave those options out")
        return _model_windows(*model, wav)
    parameters = audio_front_end(str(spec), hop_ms)
    pcm, _ = read_wav(wav, rate_hz=parameters.sample_rate_hz)
    whole = _is_one_window(parameters)
    target = None if quantised_model is None else model_input(_read_model(quantised_model), parameters, whole=whole)
    if whole:
        return _one_window(parameters, pcm, target, str(wav))
    if len(pcm) < parameters.window_samples:
        raise BadInputError(f"{wav}: has {len(pcm)} samples, the first frame needs {parameters.window_samples}")
    if target is None:
        return AudioStream(parameters).process(pcm)
    single = AudioStream(dataclasses.replace(parameters, window_frames=1))
    return np.concatenate(list(_pushed(single, pcm, target)))


def _read_model(path: str | Path) -> Graph:
    from fieldwren.tflite.reader import read_model

    return read_model(path)


def _model_of(spec: str | Path) -> tuple[Graph, Audio] | None:
    """The model of an app folder or .tflite file, and its front end; None where `spec` is neither."""
    path = Path(spec)
    if path.is_dir():
        from fieldwren.app import load_app
        from fieldwren.app_model import app_front_end

        app = load_app(path)
        graph = _read_model(app.model_path)
        return graph, _audio(app_front_end(app, graph), graph)
    if path.suffix != ".tflite":
        return None
    graph = _read_model(path)
    return graph, model_front_end(graph)


def _is_one_window(parameters: Audio) -> bool:
    return isinstance(parameters, AudioFrontEnd) and parameters.is_window_normalised


def model_input(graph: Graph, parameters: Audio, *, whole: bool) -> Tensor:
    """The model's first input, checked against the front end: one window (`whole`), or any number of frames.

    Raises BadInputError when the frames do not fill it, or when it has another scale than the front end's.
    """
    tensor = graph.main.tensors[graph.main.inputs[0]]
    values, frames = parameters.frame_values, parameters.window_frames
    if tensor.elements != frames * values if whole else tensor.elements % values != 0:
        raise BadInputError(
            f"{graph.name}: its input {tensor.name} has {tensor.elements} values, the front end gives "
            f"{frames if whole else 'frames of'} {'x ' if whole else ''}{values}"
        )
    if tensor.dtype != "float32" and tensor.quantisation is None:
        raise BadInputError(f"{graph.name}: its input {tensor.name} is {tensor.dtype} without scale and zero point")
    quantisation = tensor.quantisation
    if isinstance(parameters, MicroFrontEnd) and tensor.dtype == "int8" and quantisation is not None:
        off = abs(quantisation.scale / MICRO_SCALE - 1.0)
        if off > MICRO_SCALE_TOLERANCE or quantisation.zero_point != -128:
            raise BadInputError(
                f"{graph.name}: its input has scale {quantisation.scale:g} and zero point {quantisation.zero_point}, "
                f"the micro front end's int8 form has {MICRO_SCALE:g} and -128"
            )
    return tensor


def _quantised(stream: AudioStream, tensor: Tensor | None) -> npt.NDArray[Any]:
    if tensor is None or tensor.quantisation is None:
        return stream.window()
    return stream.window(np.dtype(tensor.dtype), tensor.quantisation.scale, tensor.quantisation.zero_point)


def _pushed(stream: AudioStream, pcm: npt.NDArray[np.int16], tensor: Tensor) -> Any:
    """Pushes `pcm` and gives every frame quantised; for streams of one-frame windows."""
    hop, first = stream.parameters.hop_samples, stream.parameters.window_samples
    for begin, end in zip([0, *range(first, len(pcm), hop)], range(first, len(pcm) + 1, hop), strict=False):
        stream.push(pcm[begin:end])
        yield _quantised(stream, tensor)


def _one_window(parameters: Audio, pcm: npt.NDArray[np.int16], tensor: Tensor | None, wav: str) -> npt.NDArray[Any]:
    """The window of a recording that is normalised as a whole."""
    needed = -(-parameters.window_total_samples // parameters.sample_rate_hz) * parameters.sample_rate_hz
    if len(pcm) > needed:
        log.warning("%s: has %d samples, only the first %d are used", wav, len(pcm), needed)
    stream = AudioStream(parameters)
    stream.push(np.pad(pcm[:needed], (0, max(0, needed - len(pcm)))))
    return _quantised(stream, tensor)


def _model_windows(graph: Graph, parameters: Audio, wav: str | Path) -> npt.NDArray[Any]:
    tensor = model_input(graph, parameters, whole=True)
    pcm, _ = read_wav(wav, rate_hz=parameters.sample_rate_hz)
    total, step = parameters.window_total_samples, parameters.window_frames * parameters.hop_samples
    count = 1 + max(0, -(-(len(pcm) - total) // step))
    padded = np.pad(pcm, (0, max(0, (count - 1) * step + total - len(pcm))))
    stream = AudioStream(parameters)
    out = []
    for index in range(count):
        # Later windows continue the stream: the frames before them have been pushed already.
        stream.push(padded[index * step + total - step : index * step + total] if index else padded[:total])
        out.append(_quantised(stream, tensor))
    return np.stack(out)
