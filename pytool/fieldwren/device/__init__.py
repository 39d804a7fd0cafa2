"""The host's end of the link (docs/link.md): transports, and a client for one device.

```python
with DeviceClient.open("usb") as device:
    print(device.info.app, device.info.board)
    for event in device.stream(pcm):
        print(event_text(event))
```
"""

from __future__ import annotations

from fieldwren.device.client import DeviceClient
from fieldwren.device.monitor import event_fields, event_text, monitor, status_text
from fieldwren.device.recording import Recorded, Recorder
from fieldwren.device.results import (
    Detected,
    DeviceInfo,
    DeviceRefusedError,
    DeviceRestartedError,
    Event,
    LabelInfo,
    Learning,
    Status,
    StreamEnd,
    TensorInfo,
    Values,
)
from fieldwren.device.serial_port import PortInfo, find_port, serial_ports
from fieldwren.device.transport import Transport, open_transport

__all__ = [
    "Detected",
    "DeviceClient",
    "DeviceInfo",
    "DeviceRefusedError",
    "DeviceRestartedError",
    "Event",
    "LabelInfo",
    "Learning",
    "PortInfo",
    "Recorded",
    "Recorder",
    "Status",
    "StreamEnd",
    "TensorInfo",
    "Transport",
    "Values",
    "event_fields",
    "event_text",
    "find_port",
    "monitor",
    "open_transport",
    "serial_ports",
    "status_text",
]
