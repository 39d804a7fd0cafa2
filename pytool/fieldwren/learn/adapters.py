"""Adapters: the backbone's last layer with weights gets a learned scale and bias a channel (docs/learning.md)."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from fieldwren.core import PORTABLE
from fieldwren.errors import UnsupportedError
from fieldwren.graph import Graph, Operator, Tensor
from fieldwren.native import library
from fieldwren.ops.lowering import ADAPTED, lower
from fieldwren.plan import Plan, plan
from fieldwren.runtime import Interpreter
from fieldwren.streaming.analysis import STATEFUL

_LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_RECTIFIERS = ("RELU", "RELU6")
LEVEL_MOST = 15
_SUM_MOST = 2**31 - 2**28
"""What sums of the layer may reach before a learned bias, which firmware/learn/adapters.c keeps within 2^28."""


@dataclass(frozen=True)
class AdapterSite:
    """The layer with adapters. `positions` pixels of it are averaged into the embedding; 0: they are the embedding.

    `zero_point` is the embedding's, `floor` what the layer's rectifier gives for everything below 0, `ratio` the layer's
    output scale over the embedding's.
    """

    operator: int
    channels: int
    positions: int
    zero_point: int
    floor: int
    ratio: float


@dataclass(frozen=True)
class AdapterTables:
    """Where the layer's tables lie in the state of a planned backbone; bytes from its start."""

    bias: int
    multiplier: int
    shift: int


def find_site(backbone: Graph) -> AdapterSite:
    """The last layer with weights, if only a mean over all pixels, or a maximum, stands between it and the embedding.

    Raises UnsupportedError naming the operator that is in the way.
    """
    main = backbone.main
    if any(tensor.is_variable for tensor in main.tensors) or any(op.name in STATEFUL for op in main.operators):
        raise UnsupportedError(f"{backbone.name}: adapters: the model keeps a state between inferences")
    makers = {tensor: operator for operator in main.operators for tensor in operator.outputs}
    readers: dict[int, int] = {}
    for operator in main.operators:
        for tensor in operator.inputs:
            readers[tensor] = readers.get(tensor, 0) + 1
    embedding = at = main.outputs[0]
    mean: Operator | None = None
    is_largest = False
    while True:
        if at not in makers or readers.get(at, 0) > (at != embedding):
            what = "is read by more than one operator" if at in makers else "comes from no layer with weights"
            raise UnsupportedError(f"{backbone.name}: adapters: {main.tensors[at].name!r} {what}")
        maker = makers[at]
        source = main.tensors[maker.inputs[0]]
        if maker.name in _LAYERS:
            return _site(backbone, maker, main.tensors[embedding], mean)
        if maker.name in ("RESHAPE", "MAX_POOL_2D"):
            if maker.name == "MAX_POOL_2D":
                _check_linear(backbone, maker)
                is_largest = True
                if mean is not None:
                    _refuse(backbone, maker, "stands behind a mean: only one of them can be looked through")
        elif _is_mean(backbone, maker, source) and mean is None and not is_largest:
            _check_linear(backbone, maker)
            mean = maker
        else:
            _refuse(backbone, maker, "stands between the last layer with weights and the embedding")
        at = maker.inputs[0]


def adapted(backbone: Graph, site: AdapterSite) -> Graph:
    """`backbone` whose layer at `site` is lowered with its tables in the state, and whose second output is that layer's."""
    main = backbone.main
    operators = tuple(
        replace(op, options={**op.options, ADAPTED: True}) if op.index == site.operator else op for op in main.operators
    )
    layer = next(op for op in operators if op.index == site.operator)
    body = replace(main, operators=operators, outputs=(main.outputs[0], layer.outputs[0]))
    return replace(backbone, subgraphs=(body, *backbone.subgraphs[1:]))


def adapter_tables(planned: Plan, site: AdapterSite) -> AdapterTables:
    """Where a planned backbone has the tables of the layer at `site`."""
    call = next(
        call
        for call in planned.program.calls
        if call.layer.operator == site.operator and any(o.name == "multiplier" for o in call.kernel.operands)
    )
    places = {}
    for name in ("bias", "multiplier", "shift"):
        operand = call.operands[call.kernel.operand_index(name)]
        assert operand is not None
        places[name] = planned.address(operand)
    return AdapterTables(**places)


def before_site(backbone: Graph, site: AdapterSite) -> Graph:
    """What comes before the layer at `site`; its output is that layer's input."""
    main = backbone.main
    layer = next(op for op in main.operators if op.index == site.operator)
    operators = tuple(op for op in main.operators if op.index < site.operator)
    body = replace(main, operators=operators, outputs=(layer.inputs[0],))
    return replace(backbone, subgraphs=(body, *backbone.subgraphs[1:]))


class AdaptedLayer:
    """The layer with adapters and what follows it, on this machine: the same bits as on every device."""

    def __init__(self, backbone: Graph, site: AdapterSite) -> None:
        main = backbone.main
        layer = next(op for op in main.operators if op.index == site.operator)
        operators = tuple(op for op in main.operators if op.index >= site.operator)
        body = replace(main, operators=operators, inputs=(layer.inputs[0],))
        planned = plan(lower(replace(backbone, subgraphs=(body, *backbone.subgraphs[1:])), PORTABLE))
        self.site = site
        self._interpreter = Interpreter(planned)
        self._tables = adapter_tables(planned, site)

    def fold(self, config: bytes, parameters: NDArray[np.float32]) -> None:
        """Puts parameters (fw_adapters_parameters()) into the layer's tables; `config` is fw_adapter_config_t."""
        self._interpreter.reset()
        given = np.frombuffer(config, "<u4").copy()
        values = np.ascontiguousarray(parameters, np.float32)
        start = self._interpreter.state.ctypes.data
        tables = (ctypes.c_void_p * 3)(
            start + self._tables.bias, start + self._tables.multiplier, start + self._tables.shift
        )
        library().fw_adapters_fold(ctypes.c_void_p(given.ctypes.data), ctypes.c_void_p(values.ctypes.data), tables)

    def run(self, inputs: NDArray[np.int8]) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """(embeddings [n, features], outputs of the layer [n, positions, channels]) for the layer's inputs [n, …]."""
        made = [self._interpreter.invoke([value]) for value in inputs]
        embeddings = np.array([embedding.ravel() for embedding, _ in made], np.int8)
        return embeddings, np.array([layer.reshape(-1, self.site.channels) for _, layer in made], np.int8)


def confined(config: bytes, parameters: NDArray[np.float32]) -> NDArray[np.float32]:
    """`parameters`, those outside of the limits that learning keeps put onto them; `config` is fw_adapter_config_t."""
    given, values = np.frombuffer(config, "<u4").copy(), np.array(parameters, np.float32)
    library().fw_adapters_confine(ctypes.c_void_p(given.ctypes.data), ctypes.c_void_p(values.ctypes.data))
    return values


def active_shares(site: AdapterSite, embeddings: NDArray[np.int8], maps: NDArray[np.int8]) -> NDArray[np.uint8]:
    """What fw_adapters_row() counts: [n, features] levels, 0 to LEVEL_MOST, of `maps` [n, positions, channels].

    A level stands for the share (level / LEVEL_MOST)².
    """
    if site.positions == 0:
        return np.where(embeddings > site.floor, LEVEL_MOST, 0).astype(np.uint8)
    active = (maps > site.floor).sum(axis=1, dtype=np.int64)
    halfway = np.array([level**2 + (level + 1) ** 2 for level in range(LEVEL_MOST)])
    levels = (2 * LEVEL_MOST**2 * active[..., np.newaxis] > halfway * site.positions).sum(axis=-1)
    return np.asarray(levels, np.uint8)


def adapted_rows(embeddings: NDArray[np.int8], shares: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Rows of a learner with adapters: embeddings and, in four bits each, `active_shares`."""
    levels = np.pad(shares, ((0, 0), (0, shares.shape[1] % 2)))
    return np.concatenate([embeddings, (levels[:, 0::2] | levels[:, 1::2] << 4).view(np.int8)], axis=1)


def _site(backbone: Graph, layer: Operator, embedding: Tensor, mean: Operator | None) -> AdapterSite:
    main = backbone.main
    output, weights = main.tensors[layer.outputs[0]], main.tensors[layer.inputs[1]]
    activation = layer.options.get("fused_activation_function", "NONE")
    if activation not in _RECTIFIERS:
        _refuse(backbone, layer, f"has the activation {activation}: adapters need RELU, the head does the rest itself")
    quantised = (output.quantisation, embedding.quantisation, weights.quantisation)
    if output.dtype != "int8" or weights.data is None or weights.dtype != "int8" or None in quantised:
        _refuse(backbone, layer, f"is {output.dtype} with {weights.dtype} weights: adapters need int8")
    assert output.quantisation is not None
    assert embedding.quantisation is not None
    assert weights.quantisation is not None
    if np.any(weights.quantisation.zero_points):
        _refuse(backbone, layer, "has weights with a zero point: adapters need symmetric weights")
    channels = output.shape[-1]
    positions = 0 if mean is None else output.elements // channels
    matrix = weights.data.astype(np.int64)
    by_channel = np.moveaxis(matrix, -1, 0) if layer.name == "DEPTHWISE_CONV_2D" else matrix
    sums = 255 * np.abs(by_channel.reshape(channels, -1)).sum(axis=1)
    if len(layer.inputs) > 2 and layer.inputs[2] >= 0 and (bias := main.tensors[layer.inputs[2]].data) is not None:
        sums = sums + np.abs(bias.astype(np.int64))
    if np.max(sums) > _SUM_MOST:
        _refuse(backbone, layer, "has sums so large that a learned bias could overflow them")
    ratio = output.quantisation.scale / embedding.quantisation.scale if positions else 1.0
    floor = max(-128, output.quantisation.zero_point)
    return AdapterSite(layer.index, channels, positions, embedding.quantisation.zero_point, floor, ratio)


def _is_mean(backbone: Graph, operator: Operator, source: Tensor) -> bool:
    """A mean over all pixels of one image [1, height, width, channels]."""
    if len(source.shape) != 4 or source.shape[0] != 1:
        return False
    output = backbone.main.tensors[operator.outputs[0]]
    if operator.name == "AVERAGE_POOL_2D":
        size = (operator.options.get("filter_height"), operator.options.get("filter_width"))
        return size == source.shape[1:3] and output.elements == source.shape[3]
    if operator.name != "MEAN":
        return False
    axes = backbone.main.tensors[operator.inputs[1]].data
    return axes is not None and sorted(int(axis) % 4 for axis in axes.ravel()) == [1, 2]


def _check_linear(backbone: Graph, operator: Operator) -> None:
    activation = operator.options.get("fused_activation_function", "NONE")
    if activation != "NONE":
        _refuse(backbone, operator, f"has the activation {activation}")


def _refuse(backbone: Graph, operator: Operator, why: str) -> NoReturn:
    raise UnsupportedError(f"{backbone.name}: adapters: operator {operator.index} {operator.name} {why}")
