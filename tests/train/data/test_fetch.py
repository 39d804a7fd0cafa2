"""Downloads from a server that breaks off, lies, or forgets what a range is."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from fieldwren.train.data import fetch as module
from fieldwren.train.data.fetch import KNOWN, fetch

CONTENT = np.random.default_rng(0).bytes(300_000)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def _server(
    content: bytes, *, at_most: int | None = None, ranges: bool = True, status: int = 200
) -> Iterator[tuple[str, list[str]]]:
    """The address of a server of `content` that closes after `at_most` bytes of an answer, and the ranges it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            asked.append(wanted)
            first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and ranges else 0
            if status != 200 or (first and first >= len(content)):
                self.send_error(status if status != 200 else 416)
                return
            self.send_response(206 if wanted and ranges else 200)
            if wanted and ranges:
                self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - first))
            self.end_headers()
            self.wfile.write(content[first:][:at_most])
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/data.bin", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WAIT_S", 0.0)


def test_a_download_that_breaks_off_goes_on(tmp_path: Path) -> None:
    shares: list[float] = []
    with _server(CONTENT, at_most=90_000) as (url, asked):
        result = fetch(url, tmp_path / "file", sha256=_sum(CONTENT), tick=shares.append)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert asked == ["", "bytes=90000-", "bytes=180000-", "bytes=270000-"]
    assert (result.bytes, result.resumed_at) == (300_000, 0)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_later_call_goes_on_where_an_earlier_one_stopped(tmp_path: Path) -> None:
    (tmp_path / f".file.{_sum(CONTENT)[:16]}.part").write_bytes(CONTENT[:123_456])
    with _server(CONTENT) as (url, asked):
        result = fetch(url, tmp_path / "file", sha256=_sum(CONTENT))
    assert asked == ["bytes=123456-"]
    assert (result.bytes, result.resumed_at) == (176_544, 123_456)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_without_ranges_starts_anew(tmp_path: Path) -> None:
    (tmp_path / f".file.{_sum(CONTENT)[:16]}.part").write_bytes(b"x" * 1000)
    with _server(CONTENT, ranges=False) as (url, _):
        fetch(url, tmp_path / "file", sha256=_sum(CONTENT))
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_what_is_whole_already_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / f".file.{_sum(CONTENT)[:16]}.part").write_bytes(CONTENT)
    with _server(CONTENT) as (url, _):
        assert fetch(url, tmp_path / "file", sha256=_sum(CONTENT)).bytes == 0
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(tmp_path: Path) -> None:
    with _server(CONTENT) as (url, _), pytest.raises(BadInputError, match="instead of"):
        fetch(url, tmp_path / "file", sha256=_sum(b"other"))
    assert not list(tmp_path.iterdir())


def test_a_server_that_gives_nothing_is_given_up_and_what_came_is_kept(tmp_path: Path) -> None:
    part = tmp_path / f".file.{_sum(CONTENT)[:16]}.part"
    part.write_bytes(CONTENT[:1000])
    with _server(CONTENT, at_most=0) as (url, asked), pytest.raises(LinkLostError, match="go on with the 1,000 bytes"):
        fetch(url, tmp_path / "file", sha256=_sum(CONTENT))
    assert len(asked) == 5
    assert part.stat().st_size == 1000
    assert not (tmp_path / "file").exists()


def test_an_archive_becomes_a_folder(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("yes/a_nohash_0.wav")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"RIFF"))
    with _server(packed.getvalue()) as (url, _):
        fetch(url.replace("data.bin", "data.tar.gz"), tmp_path / "speech", sha256=_sum(packed.getvalue()))
    assert (tmp_path / "speech" / "yes" / "a_nohash_0.wav").read_bytes() == b"RIFF"
    assert [path.name for path in tmp_path.iterdir()] == ["speech"]
    with _server(packed.getvalue()) as (url, _), pytest.raises(BadInputError, match="already there"):
        fetch(url, tmp_path / "speech", sha256=_sum(packed.getvalue()))


def test_nothing_is_unpacked_outside(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo("../evil")
        archive.addfile(entry, io.BytesIO(b""))
    with _server(packed.getvalue()) as (url, _), pytest.raises(BadInputError, match="cannot be unpacked"):
        fetch(url.replace("data.bin", "data.tar"), tmp_path / "in" / "set", sha256=_sum(packed.getvalue()))
    assert not (tmp_path / "in" / "set").exists()
    assert not list(tmp_path.rglob("evil"))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive_zip:
        archive_zip.writestr("../evil", b"x")
    with _server(zipped.getvalue()) as (url, _):
        fetch(url.replace("data.bin", "data.zip"), tmp_path / "in" / "zip", sha256=_sum(zipped.getvalue()))
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("evil")] == ["in/zip/evil"]


def test_what_cannot_be_fetched_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="speech-commands-v2"):
        fetch("birds", tmp_path / "x", sha256="0" * 64)
    with pytest.raises(BadInputError, match="--sha256"):
        fetch("http://127.0.0.1:1/x", tmp_path / "x")
    with _server(CONTENT, status=404) as (url, _), pytest.raises(MissingToolError, match="answers 404"):
        fetch(url, tmp_path / "x", sha256="0" * 64)
    assert all(len(source.sha256) == 64 for source in KNOWN.values())
