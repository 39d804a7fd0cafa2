"""SPARQL servers on this computer to test against: rdflib-endpoint in a process of its own, and Virtuoso."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from support import absent, require_module

_RDFLIB = """
import sys, uvicorn
from rdflib import Dataset
from rdflib_endpoint import SparqlEndpoint
app = SparqlEndpoint(path="/sparql", graph=Dataset(default_union=True), enable_update=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
"""

_VIRTUOSO = """
[Database]
DatabaseFile = {folder}/v.db
ErrorLogFile = {folder}/v.log
LockFile = {folder}/v.lck
TransactionFile = {folder}/v.trx
xa_persistent_file = {folder}/v.pxa
[TempDatabase]
DatabaseFile = {folder}/v-temp.db
TransactionFile = {folder}/v-temp.trx
[Parameters]
ServerPort = {sql}
DirsAllowed = {folder}
NumberOfBuffers = 10000
CheckpointInterval = 0
[HTTPServer]
ServerPort = 127.0.0.1:{port}
ServerRoot = {folder}
[SPARQL]
ResultSetMaxRows = 1000000
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str], address: str, log: Path, timeout_s: float) -> Iterator[None]:
    """The server, once it answers HTTP at all."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            end = monotonic() + timeout_s
            while True:
                assert process.poll() is None, log.read_text()[-2000:]
                assert monotonic() < end, f"{command[0]} did not answer in {timeout_s} s"
                try:
                    urllib.request.urlopen(address, timeout=5).close()
                    break
                except urllib.error.HTTPError:
                    break
                except OSError:
                    with socket.socket() as waiting:  # until the port is there: no answer means no connection
                        waiting.settimeout(0.2)
                        waiting.connect_ex(("127.0.0.2", 9))
            yield
        finally:
            process.kill()


@contextmanager
def rdflib_endpoint(folder: Path) -> Iterator[str]:
    """The address of an empty rdflib-endpoint."""
    require_module("rdflib_endpoint")
    require_module("uvicorn")
    port = free_port()
    command = [sys.executable, "-c", _RDFLIB, str(port)]
    with _running(command, f"http://127.0.0.1:{port}/docs", folder / "rdflib.log", 60):
        yield f"http://127.0.0.1:{port}/sparql"


@contextmanager
def virtuoso(folder: Path) -> Iterator[str]:
    """The address of an empty Virtuoso that lets anybody update."""
    server, isql = shutil.which("virtuoso-t"), shutil.which("isql-vt")
    if server is None or isql is None:
        absent("virtuoso-t is not installed", forced_by="FIELDWREN_REQUIRE_VIRTUOSO")
    port, sql = free_port(), free_port()
    (folder / "virtuoso.ini").write_text(_VIRTUOSO.format(folder=folder, port=port, sql=sql))
    command = [server, "-f", "-c", str(folder / "virtuoso.ini")]
    with _running(command, f"http://127.0.0.1:{port}/sparql", folder / "virtuoso.log", 90):
        grant = "GRANT SPARQL_UPDATE TO \"SPARQL\"; DB.DBA.RDF_DEFAULT_USER_PERMS_SET ('nobody', 7);"
        subprocess.run([isql, str(sql), "dba", "dba", f"EXEC={grant}"], check=True, capture_output=True, timeout=60)
        yield f"http://127.0.0.1:{port}/sparql"
