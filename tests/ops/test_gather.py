from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from fieldwren.plan import plan
from ops.harness import assert_exact, assert_refused, cases, executor, lowered, seeds
from ops.model_builder import build, constant, operator, tensor

DTYPES = st.sampled_from(["int8", "float32"])
SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@cases(60, shape=SHAPES, rank=st.integers(0, 2), fixed=st.booleans(), dtype=DTYPES, seed=seeds)
def test_gather(shape: list[int], rank: int, fixed: bool, dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    axis = int(generator.integers(0, len(shape)))
    batch_dims = int(generator.integers(0, min(axis, rank) + 1))
    places = shape[:batch_dims] + generator.integers(1, 5, rank - batch_dims).tolist()
    values = generator.integers(0, shape[axis], places).astype(np.int32)
    x, y = tensor(shape, dtype), tensor(shape[:axis] + places[batch_dims:] + shape[axis + 1 :], dtype)
    indices = constant(values) if fixed else tensor(values.shape, "int32")
    options = {"axis": axis - (seed % 2) * len(shape), "batch_dims": batch_dims}
    model = build([operator("GATHER", [x, indices], [y], **options)], [x] if fixed else [x, indices], [y])
    data = sampled(generator, shape, dtype)
    assert_exact(model, steps=[[data] if fixed else [data, values]])


def sampled(generator: np.random.Generator, shape: list[int], dtype: str) -> np.ndarray:
    return generator.integers(-128, 128, shape).astype(dtype)


@cases(60, shape=SHAPES, slices=st.integers(1, 6), fixed=st.booleans(), dtype=DTYPES, seed=seeds)
def test_gather_nd(shape: list[int], slices: int, fixed: bool, dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    depth = int(generator.integers(1, len(shape) + 1))
    values = np.stack([generator.integers(0, n, slices) for n in shape[:depth]], axis=1).astype(np.int32)
    x, y = tensor(shape, dtype), tensor([slices, *shape[depth:]], dtype)
    indices = constant(values) if fixed else tensor(values.shape, "int32")
    model = build([operator("GATHER_ND", [x, indices], [y])], [x] if fixed else [x, indices], [y])
    data = sampled(generator, shape, dtype)
    assert_exact(model, steps=[[data] if fixed else [data, values]])


@cases(20, rows=st.integers(1, 9), width=st.integers(1, 9), places=st.integers(1, 9), dtype=DTYPES, seed=seeds)
def test_embedding_lookup(rows: int, width: int, places: int, dtype: str, seed: int) -> None:
    generator = np.random.default_rng(seed)
    indices, y = tensor((places,), "int32"), tensor((places, width), dtype, 0.5)
    table = constant(sampled(generator, [rows, width], dtype), 0.5)
    model = build([operator("EMBEDDING_LOOKUP", [indices, table], [y])], [indices], [y])
    assert_exact(model, steps=[[generator.integers(0, rows, places).astype(np.int32)]])


def test_constant_index_outside_is_refused() -> None:
    x, y = tensor((3, 4), "int8"), tensor((2, 4), "int8")
    model = build([operator("GATHER", [x, constant(np.array([0, 3], np.int32))], [y], axis=0)], [x], [y])
    assert_refused(model, "index 0 or 3 outside")


def test_computed_index_outside_is_clamped() -> None:
    x, indices, y = tensor((3,), "int8"), tensor((4,), "int32"), tensor((4,), "int8")
    program = lowered(build([operator("GATHER", [x, indices], [y], axis=0)], [x, indices], [y]))
    executor().open(plan(program), [])
    places = np.array([-(2**31), -1, 3, 2**31 - 1], np.int32)
    (found,) = executor().invoke([np.array([5, 6, 7], np.int8), places])
    assert found.tolist() == [5, 5, 7, 7]


def test_output_of_another_shape_is_refused() -> None:
    x, indices, y = tensor((3, 4), "int8"), tensor((2,), "int32"), tensor((2, 5), "int8")
    assert_refused(build([operator("GATHER", [x, indices], [y], axis=0)], [x, indices], [y]), "GATHER")
