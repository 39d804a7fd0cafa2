"""What travels inside a .tflite besides the network: front-end parameters, labels, and where it comes from.

Each entry is a metadata buffer of the flatbuffer holding UTF-8 JSON with sorted keys:
`fieldwren.frontend` (object), `fieldwren.labels` (array in the order of the outputs), `fieldwren.training` (object).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np

from fieldwren.features import METADATA_KEY, FrontEndParameters

LABELS = "fieldwren.labels"
TRAINING = "fieldwren.training"


def with_metadata(model: bytes, entries: Mapping[str, str]) -> bytes:
    """`model` with each text of `entries` stored under its name; entries of the same name are replaced."""
    from tensorflow.lite.python import schema_py_generated as schema

    tree: Any = schema.ModelT.InitFromPackedBuf(model, 0)
    tree.metadata = tree.metadata or []
    known = {entry.name.decode(): entry.buffer for entry in tree.metadata}
    for name in sorted(entries):
        data = np.frombuffer(entries[name].encode(), np.uint8)
        if name in known:
            tree.buffers[known[name]].data = data
            continue
        buffer = schema.BufferT()
        buffer.data = data
        entry = schema.MetadataT()
        entry.name, entry.buffer = name.encode(), len(tree.buffers)
        tree.buffers.append(buffer)
        tree.metadata.append(entry)
    builder = flatbuffers.Builder(len(model) + 1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def describe(
    model: bytes, front_end: FrontEndParameters, labels: Sequence[str], training: Mapping[str, object]
) -> bytes:
    """`model` with fieldwren's three metadata entries."""
    entries = {
        METADATA_KEY: front_end.to_json(),
        LABELS: json.dumps(list(labels), ensure_ascii=False),
        TRAINING: json.dumps(training, sort_keys=True, ensure_ascii=False),
    }
    return with_metadata(model, entries)
