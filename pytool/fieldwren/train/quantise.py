"""Full-integer post-training quantisation, and what it costs in accuracy."""

from __future__ import annotations

import warnings
from typing import Any

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


def to_int8(model: keras.Model, calibration: Float) -> bytes:
    """`model` as a .tflite with int8 inputs, weights (per output channel), activations and outputs, batch size 1.

    `calibration` [n, *input shape] are real features; their extremes become the ranges of the activations. A fully
    connected layer keeps one scale for all its channels, the only form that every version of TFLM runs.
    """
    shape = tuple(model.input_shape[1:])
    if calibration.shape[1:] != shape or len(calibration) == 0:
        raise BadInputError(f"calibration data have shape {calibration.shape}, the model wants [n, {shape}]")

    def infer(features: Any) -> Any:
        return model(features, training=False)

    traced = tf.function(infer, input_signature=[tf.TensorSpec([1, *shape], tf.float32, name="features")])
    # Keras 3 variables reach the converter as resource reads that its calibrator cannot run: freeze them first.
    frozen = convert_variables_to_constants_v2(traced.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[np.newaxis]] for row in calibration)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    with warnings.catch_warnings():
        # Said of every calibrated model with int8 inputs, whose statistics come from the calibration.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs were expected")
        return bytes(converter.convert())


def run_int8(model: bytes, features: Float) -> Float:
    """Outputs [n, classes] of the int8 model for float `features` [n, *input shape], by the C code that devices run."""
    interpreter = Interpreter(plan(lower(read_bytes(model, "model"), PORTABLE)))
    (source,), (target,) = interpreter.plan.program.inputs, interpreter.plan.program.outputs
    quantised = np.clip(np.round(features / np.float32(source.scale)) + source.zero_point, -128, 127).astype(np.int8)
    rows = [interpreter.invoke([row.reshape(source.shape)])[0].reshape(-1) for row in quantised]
    return ((np.stack(rows).astype(np.float32) - target.zero_point) * np.float32(target.scale)).astype(np.float32)
