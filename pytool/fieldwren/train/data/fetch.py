"""Downloads of data sets: resumed where they broke off, checked against their SHA-256, there whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from fieldwren.errors import BadInputError, LinkLostError, MissingToolError

_CHUNK = 1 << 16
_ATTEMPTS = 5  # without a single byte in between
_WAIT_S = 1.0
_TIMEOUT_S = 30.0
_RANGE_NOT_SATISFIABLE = 416
_PARTIAL = 206


@dataclass(frozen=True)
class Source:
    """A public data set: its archive and what it must hash to."""

    url: str
    sha256: str
    licence: str


# Sums as torchaudio and TensorFlow Datasets publish them.
KNOWN: Mapping[str, Source] = {
    "speech-commands-v1": Source(
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.01.tar.gz",
        "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
        "CC BY 4.0",
    ),
    "speech-commands-v2": Source(
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
        "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
        "CC BY 4.0",
    ),
}


@dataclass(frozen=True)
class FetchResult:
    """Where the data are now. `bytes` were downloaded this time, without what an earlier attempt had left."""

    path: str
    url: str
    sha256: str
    bytes: int
    resumed_at: int


def fetch(
    source: str, out: str | Path, *, sha256: str | None = None, tick: Callable[[float], None] | None = None
) -> FetchResult:
    """Downloads a URL, or a name of KNOWN, and unpacks it (.zip, .tar, .tar.gz, .tgz) into the folder `out`.

    Anything else becomes the file `out`. A download that breaks off is taken up again, in this call or the next one.
    `tick` is told the share that is there. Raises BadInputError for what cannot be used (nothing is left then), and
    LinkLostError when the server stops answering (what came is kept for the next call).
    """
    known = KNOWN.get(source)
    url = known.url if known else source
    wanted = (sha256 or (known.sha256 if known else "")).lower()
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise BadInputError(f"{source}: is neither an http(s) address nor one of {', '.join(KNOWN)}")
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise BadInputError(f"{source}: say what it must be with --sha256 and 64 hexadecimal digits")
    target = Path(out)
    if target.exists() and (target.is_file() or any(target.iterdir())):
        raise BadInputError(f"{target}: is already there: remove it, or name another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{target.name}.{wanted[:16]}.part"
    resumed_at = part.stat().st_size if part.exists() else 0
    received = _download(url, part, tick or (lambda share: None))
    found = _sha256(part)
    if found != wanted:
        part.unlink()
        raise BadInputError(f"{url}: has the SHA-256 {found} instead of {wanted}: it is another file, or was damaged")
    _unpack(part, Path(urllib.parse.urlsplit(url).path).name, target)
    return FetchResult(str(out), url, wanted, received, resumed_at)


def _download(url: str, part: Path, tick: Callable[[float], None]) -> int:
    """Fills `part` up to the whole file; returns how many bytes came."""
    received, failures = 0, 0
    while True:
        start = part.stat().st_size if part.exists() else 0
        try:
            came, is_whole = _request(url, part, start, tick)
        except urllib.error.HTTPError as error:
            if error.code == _RANGE_NOT_SATISFIABLE and start:
                return received  # all of it was there already; the sum will tell
            raise MissingToolError(f"{url}: the server answers {error.code} {error.reason}") from error
        except (urllib.error.URLError, HTTPException, OSError) as error:
            came, is_whole, reason = (part.stat().st_size if part.exists() else 0) - start, False, str(error)
        else:
            reason = "the connection ended early"
        received += max(0, came)
        if is_whole:
            return received
        failures = 0 if came > 0 else failures + 1
        if failures == _ATTEMPTS:
            raise LinkLostError(
                f"{url}: does not answer ({reason}): run it again to go on with the {start:,} bytes that came"
            )
        time.sleep(_WAIT_S * failures)


def _request(url: str, part: Path, start: int, tick: Callable[[float], None]) -> tuple[int, bool]:
    """Bytes that one request gained over `start`, and whether the file is whole now."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        goes_on = answer.status == _PARTIAL and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        first = start if goes_on else 0
        length = answer.headers.get("Content-Length")
        total = first + int(length) if length is not None else None
        with part.open("r+b" if goes_on else "wb") as file:
            file.seek(first)
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                if total:
                    tick(file.tell() / total)
            size = file.tell()
    return size - start, total is None or size == total


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(part: Path, name: str, target: Path) -> None:
    """Makes `part` the folder `target`, or the file if it is no archive."""
    if not name.endswith((".zip", ".tar", ".tar.gz", ".tgz")):
        part.replace(target)
        return
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        try:
            if name.endswith(".zip"):
                with zipfile.ZipFile(part) as archive:
                    archive.extractall(made)  # drops leading slashes and .. itself
            else:
                with tarfile.open(part) as archive:
                    archive.extractall(made, filter="data")
        except (tarfile.TarError, zipfile.BadZipFile, OSError, ValueError) as error:
            raise BadInputError(f"{name}: cannot be unpacked: {error}") from error
        if target.exists():
            target.rmdir()  # empty, or fetch had refused
        shutil.move(made, target)
    part.unlink()
