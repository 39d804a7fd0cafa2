"""What is rendered for one image, before it becomes a project on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sources:
    """Generated files and the hand-written firmware they call.

    `files` maps names to contents and becomes the project's `src/`. `firmware` names hand-written C files relative
    to `firmware/` (`kernels/conv2d.c`); their quoted includes, and those of `files`, are followed, and the board's
    port is added. `defines` become `-DNAME=VALUE` (`None`: `-DNAME`) for every file. `stack_bytes` replaces the
    board's default stack size. `extra` are files beside `src/` that no image is made from, by name in the project.
    `build_id` is what an app's firmware reports as `image`, in hexadecimal.
    """

    files: Mapping[str, bytes]
    firmware: tuple[str, ...] = ()
    defines: Mapping[str, str | None] = field(default_factory=dict)
    optimise_flags: tuple[str, ...] = ("-O2",)
    stack_bytes: int | None = None
    extra: Mapping[str, bytes] = field(default_factory=dict)
    build_id: str = ""
