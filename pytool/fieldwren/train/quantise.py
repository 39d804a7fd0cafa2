"""Full-integer post-training quantisation, and what it costs in accuracy."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.runtime import Interpreter
from fieldwren.tflite.reader import read_bytes

Float = npt.NDArray[np.float32]
Activations = Literal["int8", "int16"]


def frozen(model: Any, shape: Sequence[int]) -> Any:
    """A concrete function of `model` for one input [1, *shape], its variables made constants.

    Keras 3 variables reach the converter as resource reads that its calibrator cannot run.
    """

    def infer(features: Any) -> Any:
        return model(features, training=False)

    traced = tf.function(infer, input_signature=[tf.TensorSpec([1, *shape], tf.float32, name="features")])
    return convert_variables_to_constants_v2(traced.get_concrete_function())


def to_float(function: Any) -> bytes:
    """A frozen function as a float .tflite: what the layers of the quantised one are compared with."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    return bytes(converter.convert())


def to_int8(model: keras.Model, calibration: Float) -> bytes:
    """`model` as a .tflite with int8 inputs, weights (per output channel), activations and outputs, batch size 1.

    `calibration` [n, *input shape] are real features; their extremes become the ranges of the activations.
    """
    shape = tuple(model.input_shape[1:])
    if calibration.shape[1:] != shape or len(calibration) == 0:
        raise BadInputError(f"calibration data have shape {calibration.shape}, the model wants [n, {shape}]")
    return quantised(frozen(model, shape), calibration)


def quantised(function: Any, calibration: Float, activations: Activations = "int8") -> bytes:
    """A frozen function as a full-integer .tflite.

    A fully connected layer keeps one scale for all its channels, the only form that every version of TFLM runs.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[np.newaxis]] for row in calibration)
    if activations == "int16":
        int16x8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [int16x8]
        converter.inference_input_type = tf.int16
        converter.inference_output_type = tf.int16
    else:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    with warnings.catch_warnings():
        # Said of every calibrated model with int8 inputs, whose statistics come from the calibration.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs were expected")
        return bytes(converter.convert())


def run_int8(model: bytes, features: Float) -> Float:
    """Outputs [n, classes] of a quantised model for float `features` [n, *input shape], by the C code that devices run."""
    interpreter = Interpreter(plan(lower(read_bytes(model, "model"), PORTABLE)))
    (source,), (target,) = interpreter.plan.program.inputs, interpreter.plan.program.outputs
    if source.dtype not in ("int8", "int16"):
        raise BadInputError("the model has no layer that could be quantised: its input goes through as it is")
    limits = np.iinfo(source.dtype)
    wide = np.round(features / np.float32(source.scale)) + source.zero_point
    inputs = np.clip(wide, limits.min, limits.max).astype(source.dtype)
    rows = []
    for row in inputs:
        interpreter.reset()
        rows.append(interpreter.invoke([row.reshape(source.shape)])[0].reshape(-1))
    return ((np.stack(rows).astype(np.float32) - target.zero_point) * np.float32(target.scale)).astype(np.float32)
