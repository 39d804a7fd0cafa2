"""Cuts a model before its last layer: a frozen int8 backbone, and a float32 head that can go on learning."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import UnsupportedError
from fieldwren.graph import Graph, Operator, Quantisation, Subgraph, Tensor
from fieldwren.learn.adapters import AdapterSite, adapted, find_site

Loss = Literal["softmax", "logistic", "squared"]

_AFTER_THE_HEAD = ("SOFTMAX", "LOGISTIC", "RESHAPE", "QUANTIZE", "DEQUANTIZE")
_LOSSES: dict[str, Loss] = {"SOFTMAX": "softmax", "LOGISTIC": "logistic"}


@dataclass(frozen=True)
class Cut:
    """`backbone` ends in the int8 embedding; the head on it is `weights @ (scale * (embedding - zero_point)) + bias`.

    With adapters the backbone's layer at `site` has its tables in RAM, and its output is the backbone's second one.

    `weights` [outputs, features] and `bias` [outputs] are float64: exactly what the integers of the model stand for.
    """

    backbone: Graph
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    loss: Loss
    scale: float
    zero_point: int
    site: AdapterSite | None = None

    def standardised(self, mean: NDArray[np.float32], gain: NDArray[np.float32]) -> NDArray[np.float32]:
        """The head for `(embedding - mean) * gain`: [outputs * features + outputs], weights and then biases."""
        mean64, gain64 = mean.astype(np.float64), gain.astype(np.float64)
        bias = self.bias + self.weights @ (self.scale * (mean64 - self.zero_point))
        return np.concatenate([(self.weights * (self.scale / gain64)).ravel(), bias]).astype(np.float32)


def cut(graph: Graph, *, is_regression: bool = False, adapters: bool = False) -> Cut:
    """Splits `graph` at its last FULLY_CONNECTED, or 1×1 CONV_2D over one pixel; with `adapters` as `adapted` says.

    Without a SOFTMAX or LOGISTIC behind it the outputs are logits of classes, or values if `is_regression`. Raises
    UnsupportedError naming the operator that stands where the head should be.
    """
    main = graph.main
    makers = {tensor: operator for operator in main.operators for tensor in operator.outputs}
    loss: Loss = "squared" if is_regression else "softmax"
    tensor = main.outputs[0]
    while tensor in makers and makers[tensor].name in _AFTER_THE_HEAD:
        loss = _LOSSES.get(makers[tensor].name, loss)
        tensor = makers[tensor].inputs[0]
    if tensor not in makers:
        raise UnsupportedError(f"{graph.name}: has no layer with weights to learn with")
    head = makers[tensor]
    _check_head(graph, head)
    matrix, bias = _real_layer(graph, head)
    while adapters and (before := _linear_before(graph, head, makers)) is not None:
        # What adapts is further in front: two linear layers are one.
        first, first_bias = _real_layer(graph, before)
        matrix, bias, head = matrix @ first, matrix @ first_bias + bias, before
    quantisation = _quantisation(graph, head, main.tensors[head.inputs[0]])
    backbone = _backbone(graph, head)
    site = find_site(backbone) if adapters else None
    return Cut(
        backbone if site is None else adapted(backbone, site),
        matrix,
        bias,
        loss,
        scale=quantisation.scale,
        zero_point=quantisation.zero_point,
        site=site,
    )


def _real_layer(graph: Graph, layer: Operator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights [outputs, features] and bias [outputs] in real numbers of a layer that `_check_head` let pass."""
    tensors = graph.main.tensors
    weights = tensors[layer.inputs[1]]
    matrix = _real_weights(weights)
    if len(layer.inputs) <= 2 or layer.inputs[2] < 0:
        return matrix, np.zeros(len(matrix))
    stored = tensors[layer.inputs[2]].data
    assert stored is not None
    assert weights.quantisation is not None
    scale = _quantisation(graph, layer, tensors[layer.inputs[0]]).scale
    return matrix, stored.ravel().astype(np.float64) * scale * weights.quantisation.scales.astype(np.float64)


def _linear_before(graph: Graph, head: Operator, makers: dict[int, Operator]) -> Operator | None:
    """The layer that makes all of the embedding, if it is linear: one that whitens it, say."""
    tensor = head.inputs[0]
    while tensor in makers and makers[tensor].name == "RESHAPE":
        tensor = makers[tensor].inputs[0]
    if tensor not in makers:
        return None
    try:
        _check_head(graph, makers[tensor])
    except UnsupportedError:
        return None
    return makers[tensor]


def _check_head(graph: Graph, head: Operator) -> None:
    tensors = graph.main.tensors
    where = f"{graph.name}: operator {head.index} {head.name}"
    if head.name not in ("FULLY_CONNECTED", "CONV_2D"):
        raise UnsupportedError(
            f"{where} stands before the output: only FULLY_CONNECTED, or CONV_2D over one pixel, can go on learning"
        )
    source, weights = tensors[head.inputs[0]], tensors[head.inputs[1]]
    if source.dtype != "int8" or weights.dtype != "int8" or weights.data is None:
        raise UnsupportedError(
            f"{where} has {source.dtype} inputs and {weights.dtype} weights: a head needs int8 and constant weights"
        )
    if source.elements * weights.shape[0] != weights.elements:
        raise UnsupportedError(
            f"{where} uses its weights {list(weights.shape)} more than once on its input {list(source.shape)}: "
            "a head sees the whole embedding once"
        )
    activation = head.options.get("fused_activation_function", "NONE")
    if activation != "NONE":
        raise UnsupportedError(f"{where} has the activation {activation}: a head is linear")


def _quantisation(graph: Graph, head: Operator, tensor: Tensor) -> Quantisation:
    if tensor.quantisation is None:
        raise UnsupportedError(
            f"{graph.name}: operator {head.index} {head.name}: its input {tensor.name!r} has no scale"
        )
    return tensor.quantisation


def _real_weights(weights: Tensor) -> NDArray[np.float64]:
    """[outputs, features] in real numbers."""
    assert weights.data is not None
    if weights.quantisation is None:
        raise UnsupportedError(f"weights {weights.name!r}: have no scale")
    matrix = weights.data.reshape(weights.shape[0], -1).astype(np.float64)
    zero_points = weights.quantisation.zero_points.reshape(-1, 1)
    return (matrix - zero_points) * weights.quantisation.scales.astype(np.float64).reshape(-1, 1)


def _backbone(graph: Graph, head: Operator) -> Graph:
    """Only the operators that the embedding needs."""
    main = graph.main
    needed, kept = {head.inputs[0]}, []
    for operator in reversed([op for op in main.operators if op.index < head.index]):
        if needed.intersection(operator.outputs) or not operator.outputs:
            kept.append(operator)
            needed.update(i for i in operator.inputs if i >= 0)
    body: Subgraph = replace(main, operators=tuple(reversed(kept)), outputs=(head.inputs[0],))
    return replace(graph, subgraphs=(body, *graph.subgraphs[1:]))
