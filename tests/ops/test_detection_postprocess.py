from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from fieldwren.plan import plan
from ops.executor import guarded_plan
from ops.harness import Tflm, assert_refused, cases, executor, lowered, seeds
from ops.model_builder import TensorSpec, build, constant, operator, tensor
from ops.test_signal_spectrum import custom

SCALES = {"y_scale": 10.0, "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
NAME = "TFLite_Detection_PostProcess"


def model(
    boxes: int = 6,
    classes: int = 3,
    detections: int = 4,
    *,
    background: int = 1,
    values: int = 4,
    outputs: int | None = None,
    dtype: str = "float32",
    seed: int = 0,
    quantised: bool = False,
    **options: Any,
) -> bytes:
    """Anchors on a grid, so that neighbours overlap. `quantised`: int8 inputs, dequantised before the operator."""
    generator = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(boxes)))
    centres = (np.stack(np.divmod(np.arange(boxes), side), axis=1) + 0.5) / side
    anchors = np.concatenate([centres, generator.uniform(0.2, 0.9, (boxes, 2))], axis=1).astype(np.float32)
    encodings, scores = tensor((1, boxes, values), dtype), tensor((1, boxes, classes + background), dtype)
    found = outputs or detections
    results = [tensor(shape, "float32") for shape in ((1, found, 4), (1, found), (1, found), (1,))]
    chosen: dict[str, Any] = {
        "max_detections": detections,
        "max_classes_per_detection": 1,
        "nms_score_threshold": 0.3,
        "nms_iou_threshold": 0.5,
        "num_classes": classes,
        **SCALES,
        **options,
    }
    operators = [custom(NAME, [encodings, scores, constant(anchors)], results, **chosen)]
    inputs: list[TensorSpec] = [encodings, scores]
    if quantised:
        stored = [tensor(encodings.shape, "int8", 0.06, -3), tensor(scores.shape, "int8", 1 / 256, -128)]
        operators = [operator("DEQUANTIZE", [q], [x]) for q, x in zip(stored, inputs, strict=True)] + operators
        inputs = stored
    return build(operators, inputs, results)


def assert_detections_exact(content: bytes, steps: list[list[NDArray[Any]]]) -> list[int]:
    """Everything that the reference writes, bit for bit: as many rows as it counts, all of them class by class."""
    program = lowered(content)
    tflm = Tflm(content)
    counts = []
    for planned, zones in (guarded_plan(program), (plan(program), [])):
        executor().open(planned, zones)
        for step in steps:
            expected, got = tflm.invoke(step, 4), executor().invoke(step)
            assert got[3].tolist() == expected[3].tolist()
            count = int(expected[3][0])
            counts.append(count)
            for one, other in zip(got[:3], expected[:3], strict=True):
                assert np.array_equal(one[0, :count].view(np.uint32), other[0, :count].view(np.uint32))
                assert not one[0, count:].any()
    return counts


@cases(
    60,
    boxes=st.integers(1, 40),
    classes=st.integers(1, 5),
    detections=st.integers(1, 12),
    background=st.integers(0, 1),
    values=st.integers(4, 6),
    regular=st.booleans(),
    per_class=st.sampled_from([None, 1, 3]),
    thresholds=st.tuples(st.sampled_from([0.0, 0.3, 0.9]), st.sampled_from([0.1, 0.5, 1.0])),
    ties=st.booleans(),
    quantised=st.booleans(),
    seed=seeds,
)
def test_equal(
    *,
    boxes: int,
    classes: int,
    detections: int,
    background: int,
    values: int,
    regular: bool,
    per_class: int | None,
    thresholds: tuple[float, float],
    ties: bool,
    quantised: bool,
    seed: int,
) -> None:
    options: dict[str, Any] = {} if per_class is None else {"detections_per_class": per_class}
    content = model(
        boxes,
        classes,
        detections,
        background=background,
        values=values,
        seed=seed,
        quantised=quantised,
        use_regular_nms=regular,
        nms_score_threshold=thresholds[0],
        nms_iou_threshold=thresholds[1],
        **options,
    )
    generator = np.random.default_rng(seed)
    steps: list[list[NDArray[Any]]] = []
    for _ in range(3):
        if quantised:
            steps.append(
                [
                    np.clip(generator.normal(-3, 25, (1, boxes, values)), -128, 127).astype(np.int8),
                    generator.integers(-128, 128, (1, boxes, classes + background)).astype(np.int8),
                ]
            )
            continue
        scores = generator.random((1, boxes, classes + background))
        if ties:
            scores = np.round(scores * 4) / 4
        encodings = generator.normal(0, 2, (1, boxes, values))
        steps.append([encodings.astype(np.float32), scores.astype(np.float32)])
    assert_detections_exact(content, steps)


def test_suppresses_and_fills_up() -> None:
    """A case with every outcome, so that the comparison above cannot be one of empty lists."""
    generator = np.random.default_rng(1)
    step = [generator.normal(0, 1, (1, 30, 4)).astype(np.float32), generator.random((1, 30, 4)).astype(np.float32)]
    counts = assert_detections_exact(model(30, 3, 8), [step])
    assert counts[0] >= 3
    assert assert_detections_exact(model(30, 3, 8, nms_score_threshold=2.0), [step])[0] == 0


def test_boxes_without_area_give_no_detections() -> None:
    """The reference stops with an error."""
    step = [np.full((1, 6, 4), -1e4, np.float32), np.ones((1, 6, 4), np.float32)]
    content = model()
    with pytest.raises(RuntimeError):
        Tflm(content).invoke(step, 4)
    executor().open(plan(lowered(content)), [])
    assert [np.count_nonzero(output) for output in executor().invoke(step)] == [0, 0, 0, 0]


def test_refusals() -> None:
    assert_refused(model(dtype="int8"), f"{NAME} .*int8 tensor .*float32")
    assert_refused(model(max_classes_per_detection=2), "max_classes_per_detection 2")
    assert_refused(model(background=2), "5 scores for 3 classes")
    assert_refused(model(outputs=5), "for 4 detections")
    assert_refused(model(nms_iou_threshold=0.0), "nms_iou_threshold 0")
    assert_refused(model(num_classes="three"), "num_classes")
    assert_refused(model(h_scale=None), "h_scale = None")
