"""Running devices for the tests of the link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fieldwren.app_model import AppModel
from fieldwren.device.transport import ProcessTransport
from link import devices
from support import require_tool


@pytest.fixture(scope="session")
def keyword_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keyword app's executable."""
    require_tool("gcc")
    return devices.build_device(devices.KEYWORD, tmp_path_factory.mktemp("keyword"))


@pytest.fixture(scope="session")
def presence_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The presence app's executable."""
    require_tool("gcc")
    return devices.build_device(devices.PRESENCE, tmp_path_factory.mktemp("presence"))


@pytest.fixture(scope="session")
def learning_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keyword app's executable with a head that learns."""
    require_tool("gcc")
    return devices.build_device(devices.KEYWORD, tmp_path_factory.mktemp("learning"), learns=True)


@pytest.fixture(scope="session")
def fleet_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keyword app's executable as a member of a fleet."""
    require_tool("gcc")
    return devices.build_device(devices.FLEET, tmp_path_factory.mktemp("fleet"), learns=True)


@pytest.fixture
def member(fleet_device: Path, tmp_path: Path) -> Iterator[ProcessTransport]:
    """A member of a fleet, running; its flash is in tmp_path."""
    transport = devices.start(fleet_device, tmp_path)
    yield transport
    transport.close()


@pytest.fixture
def learning(learning_device: Path, tmp_path: Path) -> Iterator[ProcessTransport]:
    """The app that learns, running; its flash is in tmp_path."""
    transport = devices.start(learning_device, tmp_path)
    yield transport
    transport.close()


@pytest.fixture
def keyword_app(tmp_path: Path) -> AppModel:
    return devices.tiny_app(devices.KEYWORD, tmp_path)


@pytest.fixture
def presence_app(tmp_path: Path) -> AppModel:
    return devices.tiny_app(devices.PRESENCE, tmp_path)


@pytest.fixture
def keyword(keyword_device: Path) -> Iterator[ProcessTransport]:
    """The keyword app, running."""
    transport = devices.start(keyword_device)
    yield transport
    transport.close()


@pytest.fixture
def presence(presence_device: Path) -> Iterator[ProcessTransport]:
    """The presence app, running."""
    transport = devices.start(presence_device)
    yield transport
    transport.close()
