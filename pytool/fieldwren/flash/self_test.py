"""One inference on the device and the same one here: equal bits?"""

from __future__ import annotations

import numpy as np

from fieldwren.app_model import AppModel
from fieldwren.core import PORTABLE
from fieldwren.device import DeviceClient
from fieldwren.execute import interpret
from fieldwren.graph import Graph
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.tflite import read_model


def self_test(client: DeviceClient, model: AppModel) -> bool:
    """One inference on random inputs, on the device and by fw_run here, both from the first state: equal bits?"""
    # The same graph that the firmware runs, with the kernels that this computer has.
    planned = plan(lower(_graph(model), PORTABLE))
    listening = client.status().source == "sensor"
    if listening:
        client.command("stream stop")
    client.reset()
    random = np.random.default_rng(1)
    inputs = []
    for port in planned.program.inputs:
        dtype = np.dtype(port.dtype)
        if dtype.kind == "f":
            inputs.append(random.normal(size=port.shape).astype(dtype))
        else:
            limits = np.iinfo(dtype)
            inputs.append(random.integers(limits.min, limits.max, port.shape, dtype=dtype, endpoint=True))
    expected = interpret(planned, [array[None] for array in inputs]).outputs
    found = client.infer(inputs)
    if listening:
        client.command("stream start sensor")
    return all(a.tobytes() == b[0].tobytes() for a, b in zip(found, expected, strict=True))


def _graph(model: AppModel) -> Graph:
    """What the firmware runs: the model, or its backbone if its last layer learns, whole or hop by hop."""
    if model.streaming is not None:
        return model.streaming.graph
    graph = read_model(model.app.model_path)
    if model.factory is None:
        return graph
    from fieldwren.learn.settings import app_factory

    return app_factory(model.app, graph, model.labels)[0]
