"""Keras models as TensorFlow's converter can take them, and in words why some cannot be."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fieldwren.errors import BadInputError
from fieldwren.graph import Graph

UNROLLED_STEPS_MOST = 128
"""Recurrent layers are written out step by step; beyond, the file would hold thousands of operators."""


def load(path: Path) -> Any:
    """The model in a .keras or .h5 file, for inference.

    Raises BadInputError with the reason: no Keras model, code in a Lambda layer, a class that is not known here.
    """
    import keras

    if path.suffix == ".keras" and not zipfile.is_zipfile(path):
        raise BadInputError(
            f"{path}: is no .keras file: it is not the archive that Keras writes, or a part of it is missing"
        )
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:
        text = str(error)
        if "Lambda" in text and "safe" in text:
            raise BadInputError(
                f"{path}: has a Lambda layer, whose code is not run from a file: export the model as a SavedModel "
                "(model.export) and convert that"
            ) from error
        unknown = re.search(r"(?:Could not locate class|Unknown layer:) '?(\w+)", text)
        if unknown is not None:
            raise BadInputError(
                f"{path}: has layers of the class {unknown[1]!r}, which only your program knows: export the model as a SavedModel "
                "(model.export) and convert that"
            ) from error
        reason = next((line for line in text.splitlines() if line.strip()), type(error).__name__)
        raise BadInputError(
            f"{path}: is no Keras model (.keras, .h5) or SavedModel that can be read: {reason[:300]}"
        ) from error


def convertible(model: Any, path: Path) -> Any:
    """`model`, or a copy with the same weights that the converter has integer operators for.

    Recurrent layers are unrolled (else a loop remains, WHILE, which no integer kernel runs); what computes in half
    precision computes in float32. Raises BadInputError for recurrent layers over too many or an unknown number of steps.
    """
    import keras

    recurrent = [layer for layer in leaves(model) if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional)]
    masking = [layer.name for layer in leaves(model) if _masks(layer)]
    if recurrent and masking:  # before their inputs are looked at: a mask is one of them
        raise BadInputError(
            f"{path}: layer {masking[0]} masks steps of {recurrent[0].name}, and a network of fixed steps has none to leave "
            "out: train it without"
        )
    for layer in recurrent:
        steps = layer.input.shape[1]
        if steps is None or steps > UNROLLED_STEPS_MOST:
            raise BadInputError(
                f"{path}: layer {layer.name} runs over {steps or 'an open number of'} steps, and at most "
                f"{UNROLLED_STEPS_MOST} can be written out: shorten its input, or train a step model (docs/training.md)"
            )
    computed = [getattr(layer, "compute_dtype", "") for layer in leaves(model)]
    halves = any("float16" in str(dtype) for dtype in [*computed, *(tensor.dtype for tensor in model.inputs)])
    if not recurrent and not halves:
        return model
    made = keras.models.clone_model(
        model,
        input_tensors=_whole_inputs(model) if halves else None,
        clone_function=lambda layer: layer.__class__.from_config(_changed(layer.get_config())),
        recursive=True,
    )
    for part in models(made) if halves else []:
        part.dtype_policy = "float32"  # else it casts what it is given
    made.set_weights(model.get_weights())
    return made


def _whole_inputs(model: Any) -> Any:
    """Inputs in float32, in the structure of the model's."""
    import keras

    structure = model.inputs if isinstance(model, keras.Sequential) else model.input
    return keras.tree.map_structure(lambda x: keras.Input(batch_shape=x.shape, dtype="float32"), structure)


def models(model: Any) -> list[Any]:
    """A model and all models in it."""
    return [model, *(inner for layer in model.layers if hasattr(layer, "layers") for inner in models(layer))]


def _masks(layer: Any) -> bool:
    return type(layer).__name__ == "Masking" or bool(getattr(layer, "mask_zero", False))


def leaves(model: Any) -> list[Any]:
    """All layers of a model and of the models in it."""
    found = []
    for layer in model.layers:
        found += leaves(layer) if hasattr(layer, "layers") else [layer]
    return found


def _changed(config: Any) -> Any:
    """A layer's configuration with loops unrolled and in float32, to any depth."""
    if isinstance(config, list):
        return [_changed(item) for item in config]
    if not isinstance(config, dict):
        return config
    made = {key: _changed(value) for key, value in config.items()}
    if "unroll" in made:
        made["unroll"] = True
    if "16" in str(made.get("dtype")):
        made["dtype"] = "float32"
    return made


def unfolded_norms(names: Sequence[str], graph: Graph) -> list[str]:
    """Which of the batch normalisations `names` are left in a converted graph as operators of their own.

    One is folded into the convolution or fully connected layer before it; where there is none, a MUL and an ADD remain.
    """
    main = graph.main
    own = [op for op in main.operators if op.name in ("MUL", "ADD", "SUB", "RSQRT")]
    outputs = [main.tensors[op.outputs[0]].name for op in own]
    return [
        name
        for name in names
        if any(name in output.split("/") or f"{name}_1" in output.split("/") for output in outputs)
    ]
