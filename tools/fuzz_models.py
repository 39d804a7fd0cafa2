"""Coverage-guided fuzzing of everything between a .tflite file and a Plan, with atheris (`make long`).

    python tools/fuzz_models.py CORPUS… [-max_total_time=600]

Whatever the bytes are, the answer is a Plan or one FieldwrenError; anything else ends the run with the input saved.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["fieldwren", "tflite", "flatbuffers"]):
    from fieldwren.core import PORTABLE
    from fieldwren.errors import FieldwrenError
    from fieldwren.ops.lowering import lower
    from fieldwren.plan import encode, plan
    from fieldwren.tflite import read_bytes


def compile_or_refuse(content: bytes) -> None:
    """One input: a Program or one sentence."""
    try:
        encode(plan(lower(read_bytes(content, "fuzzed"), PORTABLE)))
    except FieldwrenError as error:
        assert "\n" not in str(error), "more than one line"


if __name__ == "__main__":
    atheris.Setup(sys.argv, compile_or_refuse)
    atheris.Fuzz()
