"""Running images without the board.

```python
emulator = emulator_for(board)
result = emulator.run_to_exit(image.elf, board, files={"in.bin": data}, timeout_s=20, icount=True)
with emulator.start(image.elf, board) as device:
    device.write(b"hello\\n")
    print(device.read(100, timeout_s=1.0))
```
"""

from __future__ import annotations

from fieldwren.boards import Board
from fieldwren.emulators.counting import Counts, count_instructions
from fieldwren.emulators.host import Host
from fieldwren.emulators.interface import ByteStream, EmulatedDevice, Emulator, EmulatorResult
from fieldwren.emulators.qemu import Qemu
from fieldwren.emulators.renode import Renode
from fieldwren.errors import BadInputError

_EMULATORS: dict[str, Emulator] = {"qemu": Qemu(), "process": Host(), "renode": Renode()}

__all__ = [
    "ByteStream",
    "Counts",
    "EmulatedDevice",
    "Emulator",
    "EmulatorResult",
    "Host",
    "Qemu",
    "Renode",
    "count_instructions",
    "emulator_for",
]


def emulator_for(board: Board) -> Emulator:
    """What runs the board's images on this computer. Raises BadInputError for a board that nothing emulates."""
    if board.emulator is None:
        raise BadInputError(f"{board.id}: no emulator runs this board: connect the board itself")
    return _EMULATORS[board.emulator.kind]
