"""An emulated device behind a pseudo terminal, for programs that want a serial port."""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Iterator

from fieldwren.emulators.interface import ByteStream
from fieldwren.errors import LinkLostError

_CHUNK = 4096


@contextlib.contextmanager
def terminal(stream: ByteStream) -> Iterator[str]:
    """The path of a pseudo terminal whose other end is `stream`, until the block ends. It may be closed and opened."""
    import tty

    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)  # held open, so that the terminal outlives whoever uses it
        over = threading.Event()
        pump = threading.Thread(target=_pump, args=(stream, ours, over), daemon=True)
        pump.start()
        try:
            yield os.ttyname(theirs)
        finally:
            over.set()
            pump.join()
    finally:
        os.close(ours)
        os.close(theirs)


def _pump(stream: ByteStream, terminal: int, over: threading.Event) -> None:
    """Bytes both ways until `over`, or until the device is gone."""
    inward = threading.Thread(target=_pump_out, args=(stream, terminal, over), daemon=True)
    inward.start()
    with contextlib.suppress(LinkLostError, OSError):
        while not over.is_set():
            data = stream.read(_CHUNK, 0.1)
            view = memoryview(data)
            while view and not over.is_set():
                _, writable, _ = select.select([], [terminal], [], 0.1)
                if writable:
                    view = view[os.write(terminal, view) :]
    inward.join()


def _pump_out(stream: ByteStream, terminal: int, over: threading.Event) -> None:
    with contextlib.suppress(LinkLostError, OSError):
        while not over.is_set():
            readable, _, _ = select.select([terminal], [], [], 0.1)
            if readable:
                stream.write(os.read(terminal, _CHUNK))
