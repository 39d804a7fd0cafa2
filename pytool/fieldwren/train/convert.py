"""`fieldwren convert`: a trained Keras model or SavedModel as a full-integer .tflite, and what that cost."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError, FieldwrenError, MissingToolError, UnsupportedError
from fieldwren.files import written_whole
from fieldwren.tflite.reader import read_bytes
from fieldwren.train import calibration as calibration_data
from fieldwren.train import keras_models

if TYPE_CHECKING:
    from fieldwren.train.layer_error import LayerError

CALIBRATION_EXAMPLES = 1000
ERROR_EXAMPLES = 100
WORST_LAYERS = 5
LOSS_MOST = 0.01
"""A quantised model may be so much worse than the float one before it is fine-tuned."""
GOOD_SQNR_DB = 15.0

Float = npt.NDArray[np.float32]
Metric = Literal["accuracy", "agreement", "sqnr_db"]


@dataclass(frozen=True)
class ConvertResult:
    """What a conversion gave, on `examples` inputs of the calibration folder.

    `metric` says what `float_metric` and `int8_metric` are: accuracy where the data have labels; for classes without labels
    the share of answers equal to the float model's (which is 1 for itself); else the outputs' signal to quantisation noise
    in dB (None for the float model). `worst_layers` have the least of that, first the worst. `unfolded` are batch
    normalisations that no layer before them could take in: they cost operators, and precision, of their own.
    """

    model: str
    metric: Metric
    float_metric: float | None
    int8_metric: float
    activations: str
    fine_tuned: bool
    examples: int
    bytes: int
    worst_layers: Sequence[LayerError]
    unfolded: Sequence[str]
    suggestion: str


def convert(
    model: str | Path,
    calibration: str | Path,
    output: str | Path,
    *,
    front_end: str | None = None,
    labels: Sequence[str] = (),
    activations: Literal["int8", "int16"] = "int8",
    loss_most: float = LOSS_MOST,
    fine_tune: bool = True,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> ConvertResult:
    """Quantises `model` (.keras, .h5 or a SavedModel folder) with real inputs, measures it, and writes `output`.

    Weights per channel, activations from the extremes over up to 1,000 inputs of `calibration` (`train.calibration` says
    which files). Where the quantised model loses more than `loss_most` of accuracy, it is fine-tuned with quantised
    weights. Front end, labels, a hash of the data and the metrics are stored in the file.
    Raises BadInputError for a model or data that cannot be used, MissingToolError without TensorFlow or data.
    """
    say = progress or (lambda line: None)
    if util.find_spec("tensorflow") is None:
        raise MissingToolError("converting needs TensorFlow: pip install 'fieldwren[train]'")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is imported
    from fieldwren.train import fit, layer_error, quantise

    fit.prepare(seed)
    path = Path(model)
    say("reading the model")
    network = _Network(path)
    chosen = None if front_end is None else calibration_data.front_end_named(front_end)
    data = calibration_data.load(
        Path(calibration), network.shape, network.outputs, front_end=chosen, label_names=tuple(labels)
    )
    picked = np.sort(np.random.default_rng(seed).permutation(len(data.inputs))[:CALIBRATION_EXAMPLES])
    inputs = data.inputs[picked]
    truth = None if data.labels is None or network.positions > 1 else data.labels[picked]
    if data.labels is not None and truth is None:
        say(f"the model answers {network.positions} times an example: its labels are not compared with that")
    wanted = network.run(inputs)
    if not np.isfinite(wanted).all():
        raise BadInputError(f"{path}: its answers to {calibration} are not all finite numbers: train it again")

    def quantised() -> bytes:
        try:
            return quantise.quantised(network.function(), inputs, activations)
        except FieldwrenError:
            raise
        except Exception as error:
            raise BadInputError(f"{path}: {_why(error)}") from error

    def measured(content: bytes) -> tuple[Metric, float | None, float]:
        try:
            given = quantise.run_int8(content, inputs)
        except UnsupportedError as error:
            raise UnsupportedError(
                f"{path}: once quantised, {_without_advice(error)}: put layers in its place that have integer operators"
            ) from error
        return _metrics(network.run(inputs), given, truth, network.positions)

    say(f"quantising with {len(inputs)} examples")
    content = quantised()
    metric, float_metric, int8_metric = measured(content)
    tuned = False
    if (
        fine_tune
        and metric == "accuracy"
        and float_metric is not None
        and float_metric - int8_metric > loss_most
        and network.keras_model is not None
        and truth is not None
    ):
        from fieldwren.train.fine_tune import fine_tune as tune

        say("fine-tuning with quantised weights")
        tune(network.keras_model, data.inputs, data.labels, from_logits=not _are_probabilities(wanted), seed=seed)
        retried = quantised()
        _, _, retried_metric = measured(retried)
        if retried_metric > int8_metric:
            content, int8_metric, tuned = retried, retried_metric, True
    say("comparing layer by layer")
    errors = layer_error.layer_errors(quantise.to_float(network.function()), content, inputs[:ERROR_EXAMPLES])
    worst = sorted(errors, key=lambda error: error.sqnr_db)[:WORST_LAYERS]
    report: dict[str, object] = {
        "metric": metric,
        "float_metric": float_metric,
        "int8_metric": round(int8_metric, 6),
        "activations": activations,
        "fine_tuned": tuned,
        "calibration_sha256": data.sha256,
    }
    unfolded = keras_models.unfolded_norms(network.norms, read_bytes(content, path.stem))
    content = _described(content, data, report)
    with written_whole(output) as temporary:
        temporary.write_bytes(content)
    lost = float_metric - int8_metric if metric == "accuracy" and float_metric is not None else None
    return ConvertResult(
        path.stem,
        metric,
        float_metric,
        int8_metric,
        activations,
        tuned,
        len(inputs),
        len(content),
        worst,
        unfolded,
        _suggestion(lost, loss_most, worst, activations, unfolded),
    )


class _Network:
    """A trained float model with one input and one output, from a file of either kind."""

    def __init__(self, path: Path) -> None:
        import keras
        import tensorflow as tf

        self.keras_model: Any = None
        self.norms: list[str] = []  # batch normalisations, by name
        self._path = path
        if not path.exists():
            raise BadInputError(f"{path}: there is no such model")
        if path.suffix == ".tflite":
            raise BadInputError(f"{path}: is a .tflite already: give the Keras model or SavedModel that it was made of")
        try:
            if path.is_dir():
                self._call = keras.layers.TFSMLayer(str(path), call_endpoint="serving_default")
                signature = tf.saved_model.load(str(path)).signatures["serving_default"]
                (spec,) = signature.structured_input_signature[1].values()
                (output,) = signature.structured_outputs.values()
                self._shape, answer = list(spec.shape[1:]), list(output.shape[1:])
            else:
                model = keras_models.load(path)
                if len(model.inputs) != 1 or len(model.outputs) != 1:
                    raise BadInputError(
                        f"{path}: has {len(model.inputs)} inputs and {len(model.outputs)} outputs: convert models with one of each"
                    )
                self._shape, answer = list(model.inputs[0].shape[1:]), list(model.outputs[0].shape[1:])
                self._check_shape()
                self.keras_model = self._call = keras_models.convertible(model, path)
                layers = keras_models.leaves(self.keras_model)
                self.norms = [x.name for x in layers if isinstance(x, keras.layers.BatchNormalization)]
        except FieldwrenError:
            raise
        except Exception as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise BadInputError(
                f"{path}: is no Keras model (.keras, .h5) or SavedModel that can be read: {reason[:300]}"
            ) from error
        self._check_shape()
        self.outputs = _elements(answer[-1:])
        self.positions = _elements(answer) // max(1, self.outputs)  # of frames, or pixels, with an answer each

    def _check_shape(self) -> None:
        if None in self._shape:
            raise BadInputError(
                f"{self._path}: its input has the shape {self._shape}, of which part is open: export it with fixed sizes"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input, without batch."""
        return tuple(int(size) for size in self._shape)

    def function(self) -> Any:
        """The model as a frozen function of one example."""
        from fieldwren.train import quantise

        return quantise.frozen(self._invoke, self.shape)

    def _invoke(self, features: Any, training: bool = False) -> Any:
        made = self._call(features, training=training) if self.keras_model is not None else self._call(features)
        return next(iter(made.values())) if isinstance(made, dict) else made

    def run(self, inputs: Float) -> Float:
        """Outputs [n, values] in float."""
        parts = [np.asarray(self._invoke(inputs[i : i + 256])) for i in range(0, len(inputs), 256)]
        return np.concatenate(parts).reshape(len(inputs), -1).astype(np.float32)


def _why(error: Exception) -> str:
    """What TensorFlow's converter trips over, in a sentence."""
    if "TensorList" in str(error) or "tf.While" in str(error):
        return (
            "has a loop, as a recurrent layer's, for which there are no integer operators: convert the .keras file, whose "
            "layers can be unrolled, or export the model with unroll=True"
        )
    reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"TensorFlow's converter refuses the model: {reason.strip()[:300]}"


def _elements(shape: Sequence[int | None]) -> int:
    count = 1
    for size in shape:
        count *= int(size or 1)
    return count


def _without_advice(error: UnsupportedError) -> str:
    """What is wrong with an operator of the quantised model, without what to do about it in other verbs."""
    text = str(error).removeprefix("model: ")
    floats = re.match(r"(operator \d+ \S+ \(output .*?\)) has the float(?:16|32) tensor", text)
    return f"{floats[1]} has no integer form" if floats else text


def _are_probabilities(outputs: Float) -> bool:
    return bool(np.all(outputs >= 0) and np.all(outputs <= 1 + 1e-3))


def _metrics(
    wanted: Float, given: Float, labels: npt.NDArray[np.int64] | None, positions: int
) -> tuple[Metric, float | None, float]:
    """What is measured, of the float outputs and of the quantised ones, both [n, positions * classes]."""
    shown = [values.reshape(len(values) * positions, -1) for values in (wanted, given)]
    middle = 0.5 if _are_probabilities(wanted) else 0.0  # of a single output; a logit's is 0
    answers = [np.argmax(v, axis=1) if v.shape[1] > 1 else (v[:, 0] > middle).astype(np.int64) for v in shown]
    if labels is not None:
        return "accuracy", float(np.mean(answers[0] == labels)), float(np.mean(answers[1] == labels))
    if _are_probabilities(wanted) and np.allclose(shown[0].sum(axis=1), 1, atol=1e-3):
        return "agreement", 1.0, float(np.mean(answers[0] == answers[1]))
    noise = float(np.sum(np.square(wanted.astype(np.float64) - given)))
    signal = float(np.sum(np.square(wanted.astype(np.float64))))
    return "sqnr_db", None, 10 * float(np.log10(max(signal, 1e-30) / max(noise, 1e-30)))


def _described(content: bytes, data: calibration_data.Calibration, report: dict[str, object]) -> bytes:
    import json

    from fieldwren.app_model import LABELS_KEY
    from fieldwren.features import METADATA_KEY
    from fieldwren.train.export import with_metadata

    entries = {"fieldwren.conversion": json.dumps(report, sort_keys=True)}
    if data.front_end is not None:
        entries[METADATA_KEY] = data.front_end.to_json()
    if data.label_names is not None:
        entries[LABELS_KEY] = json.dumps(list(data.label_names), ensure_ascii=False)
    return with_metadata(content, entries)


def _suggestion(
    lost: float | None, loss_most: float, worst: Sequence[LayerError], activations: str, unfolded: Sequence[str]
) -> str:
    """One sentence: what to do next."""
    if lost is not None and lost > loss_most:
        return (
            f"{100 * lost:.1f} points of accuracy are lost: "
            + ("try --activations int16" if activations == "int8" else "train longer with smaller weights")
            + (f"; the worst layer is {worst[0].layer}" if worst else "")
        )
    if worst and worst[0].sqnr_db < GOOD_SQNR_DB:
        return f"{worst[0].layer} keeps only {worst[0].sqnr_db:.0f} dB: calibrate with more varied data, or bound its outputs (ReLU6)"
    if unfolded:
        return (
            f"put {unfolded[0]} right behind a convolution or dense layer without activation: it is not folded into one"
        )
    return "nothing to do: run `fieldwren check` with a board"
