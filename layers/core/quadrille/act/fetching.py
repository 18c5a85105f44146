"""Fetching a page of the web, of which nothing is trusted: not its address, its redirects, its size or its pace.

A name is resolved once, and the connection goes to the address that was checked: a second look-up could say another.
"""

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from mimetypes import types_map
from threading import Event, Thread
from urllib.parse import urljoin

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from quadrille.act.addresses import Target, is_public
from quadrille.act.pages import readable
from quadrille.errors import Invalid

Resolve = Callable[[str, int], Sequence[tuple[str, int]]]

_READABLE = re.compile(r"text/.*|application/(.*\+)?(json|xml)|application/(javascript|yaml|x-ndjson)")
_TICK = 0.1
_PIECE = 16 * 1024
_MOVED = (301, 302, 303, 307, 308)


def resolved(host: str, port: int) -> list[tuple[str, int]]:
    """The addresses of a name with the port, IPv4 first: not every network has the other."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(str(address[0]), port) for _, _, _, _, address in sorted(found, key=lambda entry: entry[0])]


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches from these hosts only. All of it takes `seconds` at most; beyond `size` bytes a page is cut."""

    hosts: Sequence[str]
    seconds: float
    size: int
    redirects: int
    resolve: Resolve = resolved
    reachable: Callable[[str], bool] = is_public
    trust: Callable[[], ssl.SSLContext] = field(default=ssl.create_default_context)

    def fetch(self, url: str) -> str:
        """The text of a page under a line with its address. Raises `Invalid` for what may not or cannot be had."""
        where, target = url, Target.of(url, self.hosts)
        with _Clock(self.seconds) as clock:
            for _ in range(self.redirects + 1):
                with self._opened(target, clock) as response:
                    moved = response.headers.get("location") if response.status in _MOVED else None
                    if not moved:
                        return f"[{where}]\n{self._text(response)}"
                    where, target = self._moved(where, moved)
        raise Invalid("url", f"was redirected more than {self.redirects} times")

    def _moved(self, where: str, to: str) -> tuple[str, Target]:
        """Where a redirect leads. Its address is not told: an error's words are not marked as somebody else's."""
        try:
            address = urljoin(where, to)
            return address, Target.of(address, self.hosts)
        except (Invalid, ValueError):
            raise Invalid("url", "was redirected to where one may not go") from None

    @contextmanager
    def _opened(self, target: Target, clock: "_Clock") -> Iterator[BaseHTTPResponse]:
        headers = {"Host": target.authority, "User-Agent": "quadrille", "Accept-Encoding": "identity", "Accept": "*/*"}
        try:
            with closing(self._connection(target, clock.left)) as connection:
                connection.connect()
                clock.socket = connection.sock
                connection.request("GET", target.path, headers=headers, preload_content=False, decode_content=False)
                with closing(connection.getresponse()) as response:
                    yield response
                if not clock.left:
                    raise TimeoutError  # a page without a length ends like this, too
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            late = f"took over {self.seconds:g} seconds"
            reason = f"cannot be reached ({type(error).__name__})" if clock.left else late
            raise Invalid("url", f"{target.host} {reason}") from None

    def _connection(self, target: Target, seconds: float) -> HTTPConnection:
        """A connection to the address that was checked, with the certificate of the name. Nothing is sent yet."""
        addresses = self.resolve(target.host, target.port)
        if not addresses or not all(self.reachable(address) for address, _ in addresses):
            raise Invalid("url", f"is refused: {target.host} is not on the public Internet")
        address, port = addresses[0]
        if target.scheme == "http":
            return HTTPConnection(address, port, timeout=seconds)
        return HTTPSConnection(address, port, timeout=seconds, ssl_context=self.trust(), server_hostname=target.host)

    def _text(self, response: BaseHTTPResponse) -> str:
        kind, _, parameters = response.headers.get("content-type", "text/plain").lower().partition(";")
        if response.status != 200:
            raise Invalid("url", f"was answered with the status {response.status}")
        if not _READABLE.fullmatch(kind.strip()) or response.headers.get("content-encoding", "identity") != "identity":
            known = kind.strip() if kind.strip() in types_map.values() else "something else"
            raise Invalid("url", f"is no text but {known}; only text, HTML, JSON and XML can be read")
        data = bytearray()
        while len(data) <= self.size and (piece := response.read(_PIECE)):
            data += piece
        cut = f"\n[Cut after {self.size} bytes.]" if len(data) > self.size else ""
        return readable(bytes(data[: self.size]), kind.strip(), parameters) + cut


class _Clock(Thread):
    """Cuts the connection when the time is up, however slowly its other end sends."""

    def __init__(self, seconds: float) -> None:
        super().__init__(daemon=True)
        self.ends = time.monotonic() + seconds
        self.done = Event()
        self.socket: socket.socket | None = None  # a connection forgets its own when the page is all that comes

    def __enter__(self) -> "_Clock":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()

    @property
    def left(self) -> float:
        """Seconds; never less than 0."""
        return max(0.0, self.ends - time.monotonic())

    def run(self) -> None:
        """Again and again: one may be about to connect."""
        while not self.done.wait(self.left or _TICK):
            if not self.left and self.socket:
                with suppress(OSError):
                    socket.socket.shutdown(self.socket, socket.SHUT_RDWR)  # of TLS, too, but without a word
