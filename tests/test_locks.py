"""The lock between processes: one at a time, and free again when its holder is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from fieldwren.locks import locked

HOLD = """
import sys, time, pathlib
from fieldwren.locks import locked

with locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_it_is_exclusive_and_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, env=environment)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    entered = threading.Event()

    def enter() -> None:
        with locked(path):
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    time.sleep(0.2)
    assert not entered.is_set()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert entered.wait(10)
    waiting.join()
