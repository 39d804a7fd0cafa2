"""Where DSP kernels read windows: from the image, or from a band of padded rows (firmware/kernels/dsp_band.h)."""

from __future__ import annotations

from collections.abc import Mapping

_AXES = tuple(f"{what}_{{}}" for what in ("input", "output", "kernel", "stride", "dilation"))


def upright(shape: Mapping[str, int]) -> dict[str, int]:
    """The same convolution with height and width exchanged, for images of one row: a band of short rows is smaller."""
    turned = dict(shape)
    for name in _AXES:
        height, width = name.format("height"), name.format("width")
        turned[height], turned[width] = shape[width], shape[height]
    turned["pad_top"], turned["pad_left"] = shape["pad_left"], shape["pad_top"]
    return turned


def is_one_row(shape: Mapping[str, int]) -> bool:
    """True for images of one row and filters of one row."""
    return shape["input_height"] == shape["output_height"] == shape["kernel_height"] == 1


def reach(shape: Mapping[str, int], axis: str) -> int:
    """Rows (`axis` "height") or columns ("width") from the first to the last tap of a window."""
    return (shape[f"kernel_{axis}"] - 1) * shape[f"dilation_{axis}"] + 1


def is_inside(shape: Mapping[str, int]) -> bool:
    """True when no window leaves the image."""
    return all(
        shape[pad] == 0
        and (shape[f"output_{axis}"] - 1) * shape[f"stride_{axis}"] + reach(shape, axis) <= shape[f"input_{axis}"]
        for axis, pad in (("height", "pad_top"), ("width", "pad_left"))
    )


def band_bytes(shape: Mapping[str, int], rows: int) -> int:
    """A band of `rows` rows, whole words, and the word behind it."""
    columns = (shape["output_width"] - 1) * shape["stride_width"] + reach(shape, "width")
    return -(-rows * columns * shape["input_channels"] // 4) * 4 + 4


def reads_ahead(shape: Mapping[str, int], channels: int, rows: int, pixels: int) -> bool:
    """True when the output may be written over the input: each row is in the band before it is overwritten.

    `channels` of an output pixel; `rows` of the band; `pixels` that are written in one go.
    """
    height, in_row = shape["input_height"], shape["input_width"] * shape["input_channels"]
    out_height, out_row = shape["output_height"], shape["output_width"] * channels
    if out_height * out_row > height * in_row:
        return False
    for row in range(out_height):
        read = min(height, row * shape["stride_height"] + rows - shape["pad_top"])
        written = min((row + 1) * out_row + (pixels - 1) * channels, out_height * out_row)
        if read < height and written > read * in_row:
            return False
    return True
