"""Which addresses of the web an agent may reach, by name and by number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from quadrille.errors import Invalid

_PORTS = {"http": 80, "https": 443}
_URL = re.compile(
    r"[!-\[\]-~]{1,2000}"
)  # printable ASCII without blanks and backslashes, which readers take differently
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)+(?=[a-z]){_LABEL}")  # no number ends in a label that begins with a letter
_GLOBAL = IPv6Network("2000::/3")  # all that is handed out; mapped, NAT64, local and loopback addresses are outside
_NOT_QUITE = (  # public by the book, and not for us
    IPv4Network(
        "192.0.0.0/24"
    ),  # of protocols; before Python 3.12 taken for global, but a cloud has its metadata there
    IPv6Network("2001::/32"),  # Teredo, and the next, 6to4, carry an IPv4 address
    IPv6Network("2002::/16"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a request goes to: a checked host in lower case, and what is asked of it."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, url: str, hosts: Sequence[str]) -> "Target":
        """The target of a URL on one of these hosts (`*.example.com` stands for what is below it). Raises `Invalid`."""
        parts = _parts(url)
        host = (parts.hostname or "").lower()
        if not _HOST.fullmatch(host):
            raise _refused(f"has the host {host!r}; a host must be a plain name such as www.example.com")
        if not any(_is_meant(host, allowed) for allowed in hosts):
            raise _refused(f"is on the host {host!r}; only these may be fetched: {', '.join(hosts)}")
        query = f"?{parts.query}" if parts.query else ""
        return cls(parts.scheme, host, parts.port or _PORTS[parts.scheme], f"{parts.path or '/'}{query}")

    @property
    def authority(self) -> str:
        """The header `Host`."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"


def is_public(address: str) -> bool:
    """Whether an address belongs to the public Internet, and hides no other address in it."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if not ip.is_global or ip.is_multicast or any(ip in network for network in _NOT_QUITE):
        return False
    return isinstance(ip, IPv4Address) or ip in _GLOBAL


def _parts(url: str) -> SplitResult:
    if not _URL.fullmatch(url):
        raise _refused("must be 1 to 2,000 characters of ASCII without blanks and backslashes; percent-encode others")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(f"is no address of the web ({error})") from None
    if parts.scheme not in _PORTS or port not in (None, *_PORTS.values()):
        raise _refused("must begin with http:// or https://, and its port can only be 80 or 443")
    if "@" in parts.netloc:
        raise _refused("must not hold a user name or a password")
    return parts


def _is_meant(host: str, allowed: str) -> bool:
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed


def _refused(reason: str) -> Invalid:
    return Invalid("url", reason)
