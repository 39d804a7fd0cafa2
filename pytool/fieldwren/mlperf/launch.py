"""Starts the public runner with one more serial port: `launch.py TERMINAL MAIN ARGUMENTS…`.

A program of its own, in the runner's process: pyserial's list of ports gets the pseudo terminal, with the USB ids of the
devices file that fieldwren.mlperf.public writes. Nothing of the runner is changed.
"""

from __future__ import annotations

import runpy
import sys
import types
from pathlib import Path

VENDOR, PRODUCT = 0x1209, 0x0001
"""pid.codes' ids for tests."""


def main() -> None:
    """Never returns normally: the runner's own exit code is this program's."""
    terminal, script = sys.argv[1], sys.argv[2]
    from serial.tools import list_ports, list_ports_common

    port = list_ports_common.ListPortInfo(terminal)
    port.vid, port.pid, port.description = VENDOR, PRODUCT, "fieldwren in an emulator"
    list_ports.comports = lambda include_links=False: [port]
    _without_usb_devices()
    sys.argv = [script, *sys.argv[3:]]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


def _without_usb_devices() -> None:
    """The runner also asks PyUSB for power analysers: there are none, and PyUSB need not be installed."""
    package, core = types.ModuleType("usb"), types.ModuleType("usb.core")
    core.find = lambda **_: []  # type: ignore[attr-defined]
    package.core = core  # type: ignore[attr-defined]
    sys.modules["usb"], sys.modules["usb.core"] = package, core


if __name__ == "__main__":
    main()
