"""Signatures of webhooks: an HMAC-SHA256 over the moment of signing and the raw body, as its bytes were sent.

Ours is the header `X-Quadrille-Signature: t=<unix seconds>,v1=<hex over "<t>.<body>">`; while a secret is being rotated
it may have several `v1`. Zendesk's stands in two headers, in base64 over the timestamp and the body.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

_OURS = "x-quadrille-signature"
_ZENDESKS = "x-zendesk-webhook-signature"
_PART = re.compile(r"(t|v1)=([0-9a-zA-Z]{1,64})")
_PARTS = 8  # of a header that are looked at


def right_signature(
    headers: Mapping[str, str], body: bytes, secret: str, *, kind: str, now: float, window: float
) -> str | None:
    """The signature of a delivery in hex, if it has one that is right and not `window` seconds from now; else None.

    Names of headers are in lower case. Of what is signed the same in other words this is the same.
    """
    claims = _ours(headers.get(_OURS, ""))
    if kind == "zendesk" and _OURS not in headers:
        claims = _zendesks(headers)
    for moment, signed, claimed in claims:
        right = hmac.new(secret.encode(), signed + body, hashlib.sha256).digest()
        if hmac.compare_digest(right, claimed) and abs(now - moment) <= window:
            return right.hex()
    return None


def _ours(header: str) -> Iterator[tuple[float, bytes, bytes]]:
    """What our header claims: the moment, what is signed before the body, and each signature."""
    parts = [_PART.fullmatch(part.strip()) for part in header.split(",", _PARTS)]
    pairs = [(part[1], part[2]) for part in parts if part]
    times = [value for name, value in pairs if name == "t"]
    if len(pairs) < len(parts) or len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        return
    for name, value in pairs:
        if name == "v1" and re.fullmatch(r"[0-9a-fA-F]{64}", value):
            yield float(times[0]), f"{times[0]}.".encode(), bytes.fromhex(value)


def _zendesks(headers: Mapping[str, str]) -> Iterator[tuple[float, bytes, bytes]]:
    """The same of Zendesk's headers; its timestamp is in ISO 8601."""
    stamp = headers.get(f"{_ZENDESKS}-timestamp", "")
    try:
        moment = datetime.fromisoformat(stamp)
        claimed, signed = base64.b64decode(headers.get(_ZENDESKS, ""), validate=True), stamp.encode()
    except ValueError:
        return
    if moment.tzinfo:
        yield moment.timestamp(), signed, claimed
