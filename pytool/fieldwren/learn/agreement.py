"""How often a float32 head that has learned nothing says what the int8 model says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fieldwren.core import PORTABLE
from fieldwren.graph import Graph
from fieldwren.learn.cut import Cut
from fieldwren.learn.factory import Embeddings, Factory
from fieldwren.learn.script import Script, run_script
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.runtime import Interpreter


def agreement(graph: Graph, made: Cut, factory: Factory, embeddings: Sequence[Embeddings]) -> float:
    """The share of `embeddings` ([n, features] each) for which both say the same.

    Classes: the head's is the model's most probable one, or one of several as probable. One output that says yes or no:
    the same side of the middle. Values: all within one step of the model's int8 output. `factory` has all of the model's
    outputs.
    """
    rows = np.concatenate(list(embeddings))
    tail = Interpreter(plan(lower(_behind(graph, made), PORTABLE)))
    source, output = tail.plan.program.inputs[0], tail.plan.program.outputs[0]
    codes = np.array([tail.invoke([row.reshape(source.shape)])[0].ravel() for row in rows]).astype(np.float64)
    if made.loss == "squared":
        weights = factory.head[: codes.shape[1] * factory.features].reshape(codes.shape[1], -1).astype(np.float64)
        standardised = (rows.astype(np.float64) - factory.stored.mean) * factory.stored.gain
        found = standardised @ weights.T + factory.head[weights.size :]
        wanted = output.scale * (codes - output.zero_point) if output.scale else codes
        return float(np.mean(np.abs(found - wanted).max(axis=1) <= (output.scale or 1e-3)))
    script = Script(factory.row_bytes)
    for row in rows:
        script.classify(row)
    said = run_script(factory, script).replies
    if codes.shape[1] == 1:
        middle = output.zero_point + 0.5 / output.scale if output.scale else 0.5
        return float(np.mean((codes[:, 0] > middle) == (said["label"] == 1)))
    return float(np.mean(codes[np.arange(len(codes)), said["label"]] == codes.max(axis=1)))


def _behind(graph: Graph, made: Cut) -> Graph:
    """The head and what follows it; its input is the embedding."""
    main, embedding = graph.main, made.backbone.main.outputs[0]
    head = next(op for op in main.operators if op.inputs and op.inputs[0] == embedding)
    operators = tuple(op for op in main.operators if op.index >= head.index)
    return replace(graph, subgraphs=(replace(main, operators=operators, inputs=(embedding,)), *graph.subgraphs[1:]))
