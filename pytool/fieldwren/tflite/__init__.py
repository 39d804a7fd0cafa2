"""The only place that knows FlatBuffers: .tflite bytes in, `Graph` out."""

from fieldwren.tflite.reader import read_bytes, read_model

__all__ = ["read_bytes", "read_model"]
