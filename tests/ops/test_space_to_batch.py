from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fieldwren.plan import plan
from ops.harness import assert_exact, assert_refused, cases, executor, lowered, seeds
from ops.model_builder import build, constant, operator, tensor


@cases(
    80,
    blocks=st.lists(st.integers(1, 3), min_size=1, max_size=2),
    batches=st.integers(1, 2),
    depth=st.integers(1, 4),
    padded=st.booleans(),
    to_batch=st.booleans(),
    dtype=st.sampled_from(["int8", "float32"]),
    seed=seeds,
)
def test_space_to_batch(
    blocks: list[int], batches: int, depth: int, padded: bool, to_batch: bool, dtype: str, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    wide, deep, margins = [batches], [batches * int(np.prod(blocks))], []
    for block in blocks:
        total = block * int(generator.integers(2, 5))
        before, after = (int(v) for v in generator.integers(0, 2 + block, 2)) if padded else (0, 0)
        while before + after >= total:
            total += block
        wide.append(total - before - after)
        deep.append(total // block)
        margins.append([before, after])
    x, y = (wide, deep) if to_batch else (deep, wide)
    source, output = tensor([*x, depth], dtype, 0.5, 3), tensor([*y, depth], dtype, 0.5, 3)
    shape, borders = constant(np.array(blocks, np.int32)), constant(np.array(margins, np.int32))
    name = "SPACE_TO_BATCH_ND" if to_batch else "BATCH_TO_SPACE_ND"
    model = build([operator(name, [source, shape, borders], [output])], [source], [output])
    if not (to_batch and np.any(margins)):
        assert_exact(model, seed)
        return
    # TFLM never sets the value that it pads with: it is 0 in an arena that was cleared, as on a device.
    values = generator.integers(-128, 128, source.shape).astype(dtype)
    executor().open(plan(lowered(model)), [])
    (found,) = executor().invoke([values])
    assert np.array_equal(found, space_to_batch(values, blocks, margins))


def space_to_batch(values: np.ndarray, blocks: list[int], margins: list[list[int]]) -> np.ndarray:
    """TensorFlow's definition of tf.space_to_batch in its own steps: pad, split both axes, move the places in front."""
    padded = np.pad(values, [(0, 0), *margins, (0, 0)])
    batches, *sizes, depth = padded.shape
    split = [batches]
    for size, block in zip(sizes, blocks, strict=True):
        split += [size // block, block]
    places = [2 * (axis + 1) for axis in range(len(blocks))]
    spatial = [2 * axis + 1 for axis in range(len(blocks))]
    moved = padded.reshape(*split, depth).transpose(*places, 0, *spatial, 2 * len(blocks) + 1)
    return moved.reshape(-1, *(size // block for size, block in zip(sizes, blocks, strict=True)), depth)


def test_sizes_that_do_not_fit_are_refused() -> None:
    x, y = tensor((1, 4, 4, 2), "int8"), tensor((4, 2, 3, 2), "int8")
    shape, borders = constant(np.array([2, 2], np.int32)), constant(np.zeros((2, 2), np.int32))
    assert_refused(build([operator("SPACE_TO_BATCH_ND", [x, shape, borders], [y])], [x], [y]), "blocks")
    negative = constant(np.array([[0, 0], [-1, 3]], np.int32))
    assert_refused(build([operator("SPACE_TO_BATCH_ND", [x, shape, negative], [y])], [x], [y]), "paddings")
