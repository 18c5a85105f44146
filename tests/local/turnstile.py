"""What stands between deployed functions and all they call, and kills the worker that has just made a chosen call.

A function is pointed at it by its environment; the call is handed on, and its worker does not live to hear the answer.
Linux: it finds the process behind a connection in /proc.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

from local.stack import processes

Moment = tuple[str, str, int]  # a function, what it calls, and how often it has done so for its tenant
_LOOKS = 5
_TENANT = re.compile(rb"\bt[0-9a-f]{12}\b")


@dataclass
class Turnstile:
    """Calls by tenant, in order, and for each tenant the moment after which a worker of theirs is killed."""

    due: dict[str, Moment] = field(default_factory=dict)
    passed: dict[str, list[Moment]] = field(default_factory=dict)
    killed: dict[str, Moment] = field(default_factory=dict)
    _counts: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    _tenants: dict[int, str] = field(default_factory=dict)  # for whom a worker works
    _lock: Lock = field(default_factory=Lock)

    def count(self, worker: tuple[int, str], call: str, body: bytes) -> int:
        """Note a call of a worker; its process if it is to be killed, or 0."""
        pid, function = worker
        with self._lock:
            if named := _TENANT.search(body):
                self._tenants[pid] = named[0].decode()
            tenant = self._tenants.get(pid, "")
            counts = self._counts.setdefault(tenant, Counter())
            counts[function, call] += 1
            moment = (function, call, counts[function, call])
            self.passed.setdefault(tenant, []).append(moment)
            if self.due.get(tenant) != moment or tenant in self.killed:
                return 0
            self.killed[tenant] = moment
            return pid

    @contextmanager
    def before(self, url: str) -> Iterator[str]:
        """A server that hands on to this one, at the address given."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, urlsplit(url).netloc))
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{urlsplit(url).path}"
        finally:
            server.shutdown()
            server.server_close()


def _handler(turnstile: Turnstile, behind: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        worker: tuple[int, str] | None = None  # who has this connection

        def _hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            call = self.headers.get("X-Amz-Target") or f"{self.command} {self.path.split('/')[1]}"
            self.worker = self.worker or _worker(self.client_address[1])
            doomed = turnstile.count(self.worker, call, body)
            with closing(HTTPConnection(behind, timeout=60)) as connection:
                connection.request(self.command, self.path, body, dict(self.headers))
                response = connection.getresponse()
                content = response.read()
            if doomed:
                with suppress(ProcessLookupError):
                    os.kill(doomed, signal.SIGKILL)
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with suppress(OSError):
                self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _hand_on  # noqa: N815  the library's names

        def handle(self) -> None:
            with suppress(OSError):  # who was killed hangs up
                super().handle()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    return Handler


def _worker(port: int) -> tuple[int, str]:
    """The process of a function that holds this local port, and the function. A listing in /proc may lack a line."""
    for _ in range(_LOOKS):
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        held = {f"socket:[{row[9]}]" for row in rows if int(row[1].split(":")[1], 16) == port}
        for pid, function in processes.workers():
            with suppress(OSError):  # it ended meanwhile
                if any(os.readlink(entry) in held for entry in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid, function
    return 0, ""
