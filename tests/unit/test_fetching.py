"""Fetching pages from a server on this machine, under a name that a resolver of the test's own knows."""

import datetime
import gzip
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from quadrille.act.fetching import Fetcher
from quadrille.act.pages import readable
from quadrille.errors import Invalid

NAME = "docs.example.com"
Page = tuple[int, dict[str, str], bytes]


@dataclass
class Site:
    """A server whose pages are by path; what was asked of it, and of the resolver."""

    port: int
    pages: dict[str, Page]
    raw: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)

    def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        self.resolved.append(host)
        return [("127.0.0.1", self.port)]

    def fetcher(self, **changes: object) -> Fetcher:
        mine = Fetcher([NAME, "*.example.org"], 2, 10_000, 3, self.resolve, lambda address: address == "127.0.0.1")
        return replace(mine, **changes)


class Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self):
        self.site.asked.append((self.headers["Host"], self.path))
        if self.path.startswith("/drip"):
            return self.drip()
        if raw := self.site.raw.get(self.path):
            return self.wfile.write(raw)
        status, headers, body = self.site.pages.get(self.path, (404, {}, b"nothing"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        return None

    def drip(self):
        """A byte now and then for ever: of the headers, or of the page."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\n" + (b"X-A: " if "headers" in self.path else b"\r\n"))
        try:
            while True:
                self.wfile.write(b"x")
                time.sleep(0.1)
        except OSError:
            pass

    def log_message(self, *_):
        pass


@contextmanager
def served(wrap: Callable[[ThreadingHTTPServer], None] = lambda server: None) -> Iterator[Site]:
    handler = type("Mine", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.site = Site(server.server_port, {})
    wrap(server)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.02))
    thread.start()
    try:
        yield handler.site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as site:
        yield site


def page(body: bytes, kind: str = "text/html", **more: str) -> Page:
    return 200, {"Content-Type": kind, **more}, body


def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(Invalid) as caught:
        fetcher.fetch(url)
    return str(caught.value)


def test_a_page_is_read_as_text_under_its_address(site: Site):
    site.pages["/a?b=1"] = page(
        b"<head><title>T</title><script>evil()</script></head><h1>Hi</h1><p>a <b>b</b>c &amp; d"
    )
    assert site.fetcher().fetch(f"http://{NAME}/a?b=1#x") == f"[http://{NAME}/a?b=1#x]\nT\n\nHi\n\na bc & d"
    assert site.asked == [(NAME, "/a?b=1")]


def test_a_name_is_resolved_once_and_its_address_pinned(site: Site):
    answers = iter([[("127.0.0.1", site.port)], [("169.254.169.254", 80)]])
    site.pages["/"] = page(b"fine")
    assert "fine" in site.fetcher(resolve=lambda host, port: next(answers)).fetch(f"http://{NAME}/")
    assert next(answers) == [("169.254.169.254", 80)]


@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_name_that_leads_inside_is_refused_and_nothing_is_sent(site: Site, address: str):
    inside = site.fetcher(resolve=lambda host, port: [("127.0.0.1", site.port), (address, site.port)])
    assert "is not on the public Internet" in refused(inside, f"http://{NAME}/")
    assert site.asked == []


def test_this_machine_is_not_the_public_internet(site: Site):
    usual = Fetcher([NAME], 2, 10_000, 3, site.resolve)
    assert "is not on the public Internet" in refused(usual, f"http://{NAME}/")
    assert site.asked == []


def test_a_host_that_is_not_allowed_is_not_even_resolved(site: Site):
    assert f"only these may be fetched: {NAME}" in refused(site.fetcher(), "http://evil.com/")
    assert site.resolved == []


def test_a_redirect_is_followed_to_where_one_may_go(site: Site):
    site.pages |= {"/old": (301, {"Location": "http://www.example.org/new"}, b""), "/new": page(b"here")}
    assert site.fetcher().fetch(f"http://{NAME}/old") == "[http://www.example.org/new]\nhere"
    assert site.resolved == [NAME, "www.example.org"]


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://evil.com/",
        "//evil.com/",
        "file:///etc/passwd",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::1",
        f"http://x@{NAME}/",
        f"http://{NAME}:22/",
    ],
)
def test_a_redirect_is_checked_like_the_first_address(site: Site, location: str):
    site.pages["/"] = (302, {"Location": location}, b"")
    assert refused(site.fetcher(), f"http://{NAME}/") == "url: was redirected to where one may not go"
    assert len(site.asked) == 1


def test_a_redirect_to_a_name_that_leads_inside_is_refused(site: Site):
    site.pages["/"] = (302, {"Location": "http://inside.example.org/"}, b"")
    inside = {NAME: "127.0.0.1", "inside.example.org": "10.0.0.1"}
    fetcher = site.fetcher(resolve=lambda host, port: [(inside[host], site.port)])
    assert "inside.example.org is not on the public Internet" in refused(fetcher, f"http://{NAME}/")


def test_redirects_come_to_an_end(site: Site):
    site.pages["/"] = (302, {"Location": "/"}, b"")
    assert "redirected more than 3 times" in refused(site.fetcher(), f"http://{NAME}/")
    assert len(site.asked) == 4


def test_a_long_page_is_cut(site: Site):
    site.pages["/"] = page(b"x" * 20_000_000, "text/plain")
    text = site.fetcher().fetch(f"http://{NAME}/")
    assert text.endswith("x\n[Cut after 10000 bytes.]")
    assert len(text) < 10_100


@pytest.mark.parametrize("path", ["/drip/headers", "/drip/page"])
def test_a_server_that_sends_for_ever_is_cut_off(site: Site, path: str):
    started = time.monotonic()
    assert "took over 0.5 seconds" in refused(site.fetcher(seconds=0.5), f"http://{NAME}{path}")
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("image/png", "image/png"),
        ("application/pdf; a=b", "application/pdf"),
        ("multipart/form-data", "something else"),
        ("mail/all-documents-to-me", "something else"),
        ("", "something else"),
    ],
)
def test_what_is_no_text_is_refused_in_words_of_ours(site: Site, kind: str, told: str):
    site.pages["/"] = page(b"\x89PNG", kind)
    assert f"is no text but {told};" in refused(site.fetcher(), f"http://{NAME}/")


def test_a_packed_page_is_refused_before_it_is_unpacked(site: Site):
    site.pages["/"] = page(gzip.compress(b"0" * 10_000_000), "text/plain", **{"Content-Encoding": "gzip"})
    assert "is no text but" in refused(site.fetcher(), f"http://{NAME}/")


@pytest.mark.parametrize(
    "raw",
    [
        b"\n",
        b"220 mail.example.com ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"x" * 60_000 + b"\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nevil\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ntorn",
    ],
)
def test_what_is_no_reply_of_the_web_is_told_in_words_of_ours(site: Site, raw: bytes):
    site.raw["/"] = raw
    assert re.search(r"docs\.example\.com cannot be reached \(\w+\)$", refused(site.fetcher(), f"http://{NAME}/"))


def test_a_server_that_says_nothing_of_its_certificate_is_cut_off():
    with socket.create_server(("127.0.0.1", 0)) as server:
        site = Site(server.getsockname()[1], {})
        started = time.monotonic()
        assert "took over 0.5 seconds" in refused(site.fetcher(seconds=0.5), f"https://{NAME}/")
        assert time.monotonic() - started < 1.5


def test_an_answer_without_a_page_is_told_as_such(site: Site):
    assert refused(site.fetcher(), f"http://{NAME}/none") == "url: was answered with the status 404"


def test_a_server_that_is_not_there_is_told_as_such(site: Site):
    away = site.fetcher(resolve=lambda host, port: [("127.0.0.1", 1)])
    assert "docs.example.com cannot be reached" in refused(away, f"http://{NAME}/")
    unknown = site.fetcher(resolve=lambda host, port: [])
    assert "is not on the public Internet" in refused(unknown, f"http://{NAME}/")


@pytest.mark.parametrize(("host", "fits"), [(NAME, True), ("www.example.org", False)])
def test_a_certificate_must_be_the_names_and_not_the_addresss(tmp_path: Path, host: str, fits: bool):
    certificate = certified(tmp_path, NAME)
    with served(partial(over_tls, certificate)) as site:
        site.pages["/"] = page(b"secret")
        fetcher = site.fetcher(trust=lambda: ssl.create_default_context(cafile=certificate))
        if fits:
            assert "secret" in fetcher.fetch(f"https://{host}/")
        else:
            assert "SSLCertVerificationError" in refused(fetcher, f"https://{host}/")
            assert site.asked == []


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path):
    with served(partial(over_tls, certified(tmp_path, NAME))) as site:
        assert "SSLCertVerificationError" in refused(site.fetcher(), f"https://{NAME}/")


def over_tls(certificate: Path, server: ThreadingHTTPServer) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)


def certified(folder: Path, name: str) -> Path:
    """A certificate with its key, which vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = folder / "certificate.pem"
    path.write_bytes(pem + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("data", "kind", "parameters", "text"),
    [
        ("Käse".encode("latin-1"), "text/plain", "charset=ISO-8859-1", "Käse"),
        ("Käse".encode(), "text/plain", "", "Käse"),
        (b"\xff", "text/plain", "charset=unheard-of", "\ufffd"),
        (b"<td>a</td><td>b</td> AT&T", "text/html", "", "a\n\nb\nAT&T"),
        (b"<ul><li>one<li>two</ul><!-- no --><style>p{}</style>", "application/xhtml+xml", "", "one\ntwo"),
        (b'{"a": "<b>"}', "application/json", "", '{"a": "<b>"}'),
        (b"", "text/html", "", ""),
    ],
)
def test_a_page_becomes_what_a_reader_sees(data: bytes, kind: str, parameters: str, text: str):
    assert readable(data, kind, parameters) == text


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<!",
        "<!--",
        "<a ",
        "<a b=",
        "</",
        "<![",
        "<?",
        "&",
        "&#",
        "<script>",
        "<script></",
        "<a b='",
        "\n ",
        "<b/><",
    ],
)
def test_torn_marks_without_end_are_read_in_no_time(piece: str):
    started = time.perf_counter()
    readable((piece * (300_000 // len(piece))).encode(), "text/html", "")
    assert time.perf_counter() - started < 5
