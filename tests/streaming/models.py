"""Random window models: convolutions, pools, residuals and paddings along time, with the tails that real models have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ops.model_builder import OperatorSpec, TensorSpec, build, constant, operator, tensor
from ops.strategies import bias, output_sizes, weights

LAYERS = ("conv", "conv", "depthwise", "depthwise", "pointwise", "relu", "residual", "padded", "crop", "max", "average")
TAILS = ("mean", "mean over time", "average", "dense", "rows", "softmax", "sum", "none")
ZERO_POINT = -3


@dataclass
class Net:
    """A model under construction; `x` is what the next layer reads. `along` is the dimension of time, 1 or 2."""

    generator: np.random.Generator
    source: TensorSpec
    along: int
    x: TensorSpec = field(init=False)
    operators: list[OperatorSpec] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.x = self.source

    def model(self) -> bytes:
        """The .tflite."""
        return build(self.operators, [self.source], [self.x])

    def size(self, kernel: int, other: int) -> tuple[int, int]:
        """(height, width) of `kernel` along time and `other` across."""
        across = min(other, self.x.shape[3 - self.along])
        return (kernel, across) if self.along == 1 else (across, kernel)

    def pixels(self) -> tuple[int, int]:
        """Height and width."""
        return self.x.shape[1], self.x.shape[2]

    def append(self, name: str, inputs: Sequence[TensorSpec | None], output: TensorSpec, **options: object) -> None:
        """Adds an operator whose output is read next."""
        self.operators.append(operator(name, inputs, [output], **options))
        self.x = output

    def conv(
        self, kernel: int, stride: int, dilation: int, padding: str, *, channels: int = 0, multiplier: int = 0
    ) -> None:
        """A convolution to `channels`, or a depthwise one with `multiplier`."""
        depth = self.x.shape[3]
        k = self.size(kernel, 3)
        s, d = ((stride, 1), (dilation, 1)) if self.along == 1 else ((1, stride), (1, dilation))
        padding, outputs = output_sizes(self.pixels(), k, s, d, padding)
        count = channels or depth * multiplier
        scales = self.generator.uniform(0.002, 0.02, count)
        shape = (1, *k, count) if multiplier else (count, *k, depth)
        w = constant(weights(self.generator, shape), scales, axis=3 if multiplier else 0)
        taps = k[0] * k[1] * (1 if multiplier else depth)
        y = tensor((1, *outputs, count), "int8", self.x.scales[0] * 0.02 * 20 * taps**0.5, ZERO_POINT)
        self.append(
            "DEPTHWISE_CONV_2D" if multiplier else "CONV_2D",
            [self.x, w, bias(self.generator, count, self.x.scales[0] * scales)],
            y,
            padding=padding,
            stride_h=s[0],
            stride_w=s[1],
            dilation_h_factor=d[0],
            dilation_w_factor=d[1],
            fused_activation_function=str(self.generator.choice(["NONE", "RELU"])),
            **({"depth_multiplier": multiplier} if multiplier else {}),
        )

    def pool(self, name: str, kernel: int, stride: int, padding: str) -> None:
        """A pool over some rows."""
        k, s = self.size(kernel, 2), (stride, 1) if self.along == 1 else (1, stride)
        padding, outputs = output_sizes(self.pixels(), k, s, (1, 1), padding)
        self._pool(name, k, s, padding, outputs)

    def _pool(self, name: str, k: tuple[int, int], s: tuple[int, int], padding: str, outputs: tuple[int, ...]) -> None:
        y = tensor((1, *outputs, self.x.shape[3]), "int8", self.x.scales[0], self.x.zero_points[0])
        options = {"filter_height": k[0], "filter_width": k[1], "stride_h": s[0], "stride_w": s[1]}
        self.append(name, [self.x], y, padding=padding, **options)

    def like(self, scale: float = 1.0) -> TensorSpec:
        """A tensor of the present shape, with another scale."""
        return tensor(self.x.shape, "int8", self.x.scales[0] * scale, ZERO_POINT)

    def residual(self, kernel: int, dilation: int) -> None:
        """x + f(x), f a depthwise convolution with padding."""
        before = self.x
        self.conv(kernel, 1, dilation, "SAME", multiplier=1)
        self.append("ADD", [before, self.x], self.like(), fused_activation_function="NONE")

    def padded(self, before: int, after: int) -> None:
        """PAD along time."""
        paddings = np.zeros((4, 2), np.int32)
        paddings[self.along] = before, after
        shape = [n + int(p.sum()) for n, p in zip(self.x.shape, paddings, strict=True)]
        y = tensor(shape, "int8", self.x.scales[0], self.x.zero_points[0])
        self.append("PAD", [self.x, constant(paddings)], y)

    def crop(self, before: int, after: int) -> None:
        """STRIDED_SLICE of all but the first and last rows."""
        begin, end = np.zeros(4, np.int32), np.array(self.x.shape, np.int32)
        begin[self.along], end[self.along] = before, end[self.along] - after
        y = tensor(tuple(end - begin), "int8", self.x.scales[0], self.x.zero_points[0])
        vectors = [constant(v) for v in (begin, end, np.ones(4, np.int32))]
        self.append("STRIDED_SLICE", [self.x, *vectors], y)

    def layer(self, kind: str) -> None:
        """Adds a layer of `kind` with random parameters, where there are rows enough for it."""
        g, rows = self.generator, self.x.shape[self.along]
        kernel, stride, dilation = int(g.integers(1, 5)), int(g.choice([1, 1, 1, 2, 3])), int(g.choice([1, 1, 2]))
        padding = str(g.choice(["SAME", "VALID"]))
        if rows // stride < 4 or (kernel - 1) * dilation + 1 > rows // 2:
            return
        if kind == "conv":
            self.conv(kernel, stride, dilation, padding, channels=int(g.integers(1, 9)))
        elif kind == "depthwise":
            self.conv(kernel, stride, dilation, padding, multiplier=int(g.choice([1, 1, 2])))
        elif kind == "pointwise":
            self.conv(1, 1, 1, "VALID", channels=int(g.choice([4, 8])))
        elif kind == "relu":
            self.append("RELU", [self.x], self.like(0.9))
        elif kind == "residual":
            self.residual(kernel, dilation)
        elif kind == "padded":
            self.padded(*(int(n) for n in g.integers(0, 3, 2)))
        elif kind == "crop" and rows > 8:
            self.crop(*(int(n) for n in g.integers(0, 3, 2)))
        elif kind in ("max", "average"):
            self.pool("MAX_POOL_2D" if kind == "max" else "AVERAGE_POOL_2D", kernel, stride, padding)

    def tail(self, kind: str, units: int = 6, scale: float | None = None) -> None:
        """What ends the model; `units` of the dense layer, and the scale of its output."""
        depth = self.x.shape[3]
        if kind in ("mean", "mean over time", "sum"):
            axes = [self.along] if kind == "mean over time" else [1, 2]
            shape = [n for axis, n in enumerate(self.x.shape) if axis not in axes]
            y = tensor(shape, "int8", self.x.scales[0] * (30 if kind == "sum" else 0.7), ZERO_POINT)
            self.append(
                "SUM" if kind == "sum" else "MEAN", [self.x, constant(np.array(axes, np.int32))], y, keep_dims=False
            )
        elif kind == "average":
            self._pool("AVERAGE_POOL_2D", self.pixels(), self.pixels(), "VALID", (1, 1))
        elif kind == "softmax":
            self.append("SOFTMAX", [self.x], tensor(self.x.shape, "int8", 1 / 256, -128), beta=1.0)
        elif kind == "rows":
            flat = tensor((self.x.shape[1] * self.x.shape[2], depth), "int8", self.x.scales[0], self.x.zero_points[0])
            self.append("RESHAPE", [self.x, constant(np.array(flat.shape, np.int32))], flat, new_shape=flat.shape)
            self.dense(5)
        elif kind == "dense":
            width = int(np.prod(self.x.shape))
            flat = tensor((1, width), "int8", self.x.scales[0], self.x.zero_points[0])
            self.append("RESHAPE", [self.x, constant(np.array(flat.shape, np.int32))], flat, new_shape=flat.shape)
            self.dense(units, scale)

    def dense(self, units: int, scale: float | None = None) -> None:
        """A fully connected layer over the last dimension."""
        width = self.x.shape[-1]
        steps = 20 * width**0.5 * self.x.scales[0]
        weight_scale = 0.01 if scale is None else scale / steps
        w = constant(weights(self.generator, (units, width)), weight_scale)
        y = tensor((*self.x.shape[:-1], units), "int8", steps * weight_scale, ZERO_POINT)
        b = bias(self.generator, units, self.x.scales[0] * weight_scale)
        self.append("FULLY_CONNECTED", [self.x, w, b], y, keep_num_dims=len(self.x.shape) > 2)


def random_model(seed: int, *, frames: int, values: int, along: int, layers: Sequence[str], tail: str) -> bytes:
    """A model over [1, frames, values, 1], or along time as width over [1, 1, frames, values]."""
    shape = (1, frames, values, 1) if along == 1 else (1, 1, frames, values)
    net = Net(np.random.default_rng(seed), tensor(shape, "int8", 0.05, 2), along)
    for kind in layers:
        net.layer(kind)
    net.tail(tail)
    return net.model()


def ds_cnn_stream(seed: int = 0, *, frames: int = 98, values: int = 10, channels: int = 64, classes: int = 12) -> bytes:
    """The layers of fieldwren.train.models.ds_cnn_stream with random weights: VALID in time throughout."""
    net = Net(np.random.default_rng(seed), tensor((1, frames, values, 1), "int8", 0.05, 2), 1)
    _valid_in_time(net, (10, 4), (2, 2), channels=channels)
    for _ in range(4):
        _valid_in_time(net, (3, 3), (1, 1), multiplier=1)
        _valid_in_time(net, (1, 1), (1, 1), channels=channels)
    net.tail("average")
    net.tail("dense", classes, scale=0.05)
    net.append("SOFTMAX", [net.x], tensor(net.x.shape, "int8", 1 / 256, -128), beta=1.0)
    return net.model()


def _valid_in_time(
    net: Net, kernel: tuple[int, int], stride: tuple[int, int], *, channels: int = 0, multiplier: int = 0
) -> None:
    """A VALID convolution; what SAME would pad across is padded before."""
    width = net.x.shape[2]
    outputs = -(-width // stride[1])
    short = max((outputs - 1) * stride[1] + kernel[1] - width, 0)
    if short:
        paddings = np.array([[0, 0], [0, 0], [short // 2, short - short // 2], [0, 0]], np.int32)
        shape = (*net.x.shape[:2], width + short, net.x.shape[3])
        y = tensor(shape, "int8", net.x.scales[0], net.x.zero_points[0])
        net.append("PAD", [net.x, constant(paddings)], y)
    depth, generator = net.x.shape[3], net.generator
    count = channels or depth * multiplier
    scales = generator.uniform(0.002, 0.02, count)
    filters = (1, *kernel, count) if multiplier else (count, *kernel, depth)
    # As converted models have them, without the most negative value.
    w = constant(np.maximum(weights(generator, filters), -127), scales, axis=3 if multiplier else 0)
    _, sizes = output_sizes(net.pixels(), kernel, stride, (1, 1), "VALID")
    taps = kernel[0] * kernel[1] * (1 if multiplier else depth)
    net.append(
        "DEPTHWISE_CONV_2D" if multiplier else "CONV_2D",
        [net.x, w, bias(generator, count, net.x.scales[0] * scales)],
        tensor((1, *sizes, count), "int8", net.x.scales[0] * 0.02 * 20 * taps**0.5, ZERO_POINT),
        padding="VALID",
        stride_h=stride[0],
        stride_w=stride[1],
        dilation_h_factor=1,
        dilation_w_factor=1,
        fused_activation_function="RELU",
        **({"depth_multiplier": multiplier} if multiplier else {}),
    )
