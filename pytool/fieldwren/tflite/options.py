"""Operator options: any builtin options table becomes a dict with snake_case keys."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import tflite

_SKIP = re.compile(r"^(Init|GetRootAs.*|.*BufferHasIdentifier|.*AsNumpy|.*Length|.*IsNone|_.*)$")


_NEWER_FIELDS: dict[str, dict[str, int]] = {
    "Conv2DOptions": {"quantized_bias_type": 6},
    "FullyConnectedOptions": {"quantized_bias_type": 4},
    "TransposeConvOptions": {"quantized_bias_type": 4},
}
"""One-byte fields of the schema that the tflite package does not know, with their numbers; absent ones are 0."""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


OPERATOR_NAMES = _names(tflite.BuiltinOperator)
OPTION_NAMES = _names(tflite.BuiltinOptions)
ACTIVATION_NAMES = _names(tflite.ActivationFunctionType)
TENSOR_TYPE_NAMES = {value: name.lower() for value, name in _names(tflite.TensorType).items()}


@functools.cache
def _fields(table_name: str) -> tuple[type, tuple[tuple[str, str, bool], ...]]:
    """(table class, ((key, method, is_vector), ...)) of an options table."""
    cls = getattr(tflite, table_name)
    methods = [name for name in vars(cls) if not _SKIP.match(name)]
    return cls, tuple((_snake(name), name, hasattr(cls, name + "AsNumpy")) for name in methods)


def _value(table: Any, method: str, is_vector: bool) -> Any:
    if not is_vector:
        getter: Callable[[], Any] = getattr(table, method)
        return getter()
    if getattr(table, method + "Length")() == 0:
        return ()
    return tuple(getattr(table, method + "AsNumpy")().tolist())


def decode(kind: int, table: Any) -> dict[str, Any]:
    """The fields of the options union `table` of type `kind` (BuiltinOptions). Absent options give {}."""
    name = OPTION_NAMES.get(kind, "NONE")
    if table is None or name == "NONE":
        return {}
    cls, fields = _fields(name)
    options = cls()
    options.Init(table.Bytes, table.Pos)
    decoded = {key: _value(options, method, is_vector) for key, method, is_vector in fields}
    for key, number in _NEWER_FIELDS.get(name, {}).items():
        slot = options._tab.Offset(4 + 2 * number)
        decoded[key] = options._tab.Bytes[options._tab.Pos + slot] if slot else 0
    if "fused_activation_function" in decoded:
        decoded["fused_activation_function"] = ACTIVATION_NAMES[decoded["fused_activation_function"]]
    return decoded
