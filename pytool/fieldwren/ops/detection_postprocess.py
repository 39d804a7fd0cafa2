"""TFLite_Detection_PostProcess, the custom operator at the end of SSD detectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fieldwren.graph import Operator
from fieldwren.ops.custom_options import custom_options, integer
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

_COORDINATES = 4
_MOST = 1 << 20
_DETECTIONS_PER_CLASS = 100
"""What the reference takes where the option is absent."""


@lowers("TFLite_Detection_PostProcess", dtypes=("float32",))
def lower_detection_postprocess(ctx: Lowering, op: Operator) -> None:
    """Encodings [1, boxes, 4 or more], scores [1, boxes, classes or one more], anchors [boxes, 4], all float32.

    Four outputs: boxes, classes, scores, and how many there are. Behind that number the outputs are zero; the
    reference's fast suppression leaves there what was in memory.
    """
    encodings, scores, anchors = (ctx.input(op, number) for number in range(3))
    outputs = [ctx.output(op, number) for number in range(4)]
    for tensor in (scores, anchors, *outputs):
        ctx.require_dtype(op, tensor, "float32")
    options = custom_options(ctx, op)
    boxes, columns = encodings.shape[1:2] or (0,), scores.shape[2:3] or (0,)
    ctx.require(
        op,
        len(encodings.shape) == len(scores.shape) == 3
        and encodings.shape[0] == scores.shape[0] == 1
        and encodings.shape[2] >= _COORDINATES
        and scores.shape[1] == boxes[0] > 0
        and anchors.shape == (boxes[0], _COORDINATES),
        f"has encodings {list(encodings.shape)}, scores {list(scores.shape)} and anchors {list(anchors.shape)}; "
        "[1, boxes, 4], [1, boxes, classes] and [boxes, 4] are needed",
    )
    classes = integer(ctx, op, options, "num_classes", 1, _MOST)
    detections = integer(ctx, op, options, "max_detections", 1, _MOST)
    ctx.require(
        op,
        columns[0] - classes in (0, 1),
        f"has {columns[0]} scores for {classes} classes; one more at most is background",
    )
    is_regular = bool(options.get("use_regular_nms", False))
    if not is_regular:
        categories = min(integer(ctx, op, options, "max_classes_per_detection", 1, _MOST), classes)
        # With more the reference leaves gaps between its results and writes behind the end of them.
        ctx.require(
            op, categories == 1, f"has max_classes_per_detection {categories} without use_regular_nms; 1 is supported"
        )
    expected = (_COORDINATES * detections, detections, detections, 1)
    ctx.require(
        op,
        tuple(output.elements for output in outputs) == expected,
        f"has outputs {[list(output.shape) for output in outputs]} for {detections} detections",
    )
    overlap = _number(ctx, op, options, "nms_iou_threshold")
    ctx.require(op, 0 < overlap <= 1, f"has nms_iou_threshold {overlap:g}; above 0 and up to 1 is needed")
    parameters: dict[str, int | float] = {
        "boxes": boxes[0],
        "box_values": encodings.shape[2],
        "classes": classes,
        "columns": columns[0],
        "detections": detections,
        "detections_per_class": integer(ctx, op, options, "detections_per_class", 1, _MOST)
        if options.get("detections_per_class") is not None
        else _DETECTIONS_PER_CLASS,
        "is_regular": int(is_regular),
        "score_threshold": _number(ctx, op, options, "nms_score_threshold"),
        "overlap_threshold": overlap,
        **{name: _number(ctx, op, options, name) for name in ("y_scale", "x_scale", "h_scale", "w_scale")},
    }
    name = outputs[0].name
    operands = {
        "encodings": ctx.value(op, encodings),
        "scores": ctx.value(op, scores),
        "anchors": ctx.value(op, anchors),
        "scratch_boxes": ctx.temporary(f"{name}_decoded", 4 * _COORDINATES * boxes[0], "float32"),
        "scratch_active": ctx.temporary(f"{name}_active", boxes[0], "uint8"),
        "scratch_best": ctx.temporary(f"{name}_best", 4 * boxes[0], "int32"),
        "scratch_found": ctx.temporary(f"{name}_found", 4 * detections, "int32"),
        "detected_boxes": ctx.result(outputs[0]),
        "detected_classes": ctx.result(outputs[1]),
        "detected_scores": ctx.result(outputs[2]),
        "count": ctx.result(outputs[3]),
    }
    ctx.emit(op, "detection_postprocess", parameters, operands)


def _number(ctx: Lowering, op: Operator, options: Mapping[str, Any], name: str) -> float:
    """The float32 value of the option `name`; refused when it is absent or no finite number."""
    value = options.get(name)
    with np.errstate(over="ignore"):
        number = float(np.float32(value)) if isinstance(value, (int, float)) else float("nan")
    ctx.require(op, bool(np.isfinite(number)), f"has the option {name} = {value!r}; a number is needed")
    return number
