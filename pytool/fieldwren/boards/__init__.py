"""Boards, the projects written for them, and the images built from those.

```python
board = load_board("mps2-an386")
image = build(write_project(Sources({"main.c": b"int main(void) { return 0; }"}), board, Path("out")))
print(image.flash_bytes)
```
"""

from __future__ import annotations

from fieldwren.boards.build import build, require_compiler
from fieldwren.boards.definition import Board, board_ids, load_board
from fieldwren.boards.image import Image, Symbol
from fieldwren.boards.project import Project, write_project

__all__ = [
    "Board",
    "Image",
    "Project",
    "Symbol",
    "board_ids",
    "build",
    "load_board",
    "require_compiler",
    "write_project",
]
