"""A delivery's signature is right or it is nothing."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from quadrille.signatures import right_signature

SECRET, BODY, NOW = "whsec_0123456789abcdef", '{"ticket_id": "1", "body": "Straße"}'.encode(), 1_800_000_000


def signed(at: int | str = NOW, *, secret: str = SECRET, body: bytes = BODY) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def ours(header: str, **more: Any) -> str | None:
    given = {"body": BODY, "secret": SECRET, "kind": "tickets", "now": NOW, "window": 300, **more}
    return right_signature({"x-quadrille-signature": header}, **given)


def test_a_right_and_fresh_signature_is_found() -> None:
    assert ours(f"t={NOW},v1={signed()}") == signed()


def test_while_a_secret_is_rotated_one_of_several_is_enough() -> None:
    assert ours(f"t={NOW}, v1={signed(secret='another-secret-of-them')}, v1={signed()}") == signed()


def test_other_words_for_the_same_signature_are_the_same() -> None:
    assert ours(f"v1={signed().upper()},t={NOW}") == signed()


@pytest.mark.parametrize("seconds", [-300, 300])
def test_the_window_is_open_on_both_sides(seconds: int) -> None:
    at = NOW + seconds
    assert ours(f"t={at},v1={signed(at)}")
    beyond = at + (1 if seconds > 0 else -1)
    assert ours(f"t={beyond},v1={signed(beyond)}") is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        f"t={NOW}",
        f"v1={signed()}",
        f"t={NOW},v1={signed()[:-2]}",
        f"t={NOW},v1={signed()}00",
        f"t={NOW},v1={'z' * 64}",
        f"t={NOW},t={NOW},v1={signed()}",
        f"t={NOW},v1={signed()},v2=x",
        f"t={NOW},v0={signed()}",
        f"t={NOW + 1},v1={signed()}",
        f"t=0{NOW},v1={signed()}",
        f"t=-{NOW},v1={signed(-NOW)}",
        f"t=nan,v1={signed('nan')}",
        f"t=١٨٠٠٠٠٠٠٠٠,v1={signed('١٨٠٠٠٠٠٠٠٠')}",
        f"t={'9' * 64},v1={signed('9' * 64)}",
        f"t={NOW};v1={signed()}",
        "," * 10_000,
        f"t={NOW}" + f",v1={'0' * 64}" * 20 + f",v1={signed()}",
        signed(),
    ],
)
def test_a_malformed_header_signs_nothing(header: str) -> None:
    assert ours(header) is None


def test_another_body_or_secret_is_not_signed() -> None:
    header = f"t={NOW},v1={signed()}"
    assert ours(header, body=BODY + b" ") is None
    assert ours(header, secret=SECRET + "x") is None


STAMP = "2027-01-15T08:00:00Z"  # NOW


def zendesks(signature: str | None, stamp: str = STAMP, **more: Any) -> str | None:
    headers = {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": stamp}
    given = {"body": BODY, "secret": SECRET, "kind": "zendesk", "now": NOW, "window": 300, **more}
    return right_signature({name: value for name, value in headers.items() if value is not None}, **given)


def zendesk_signature(stamp: str = STAMP, body: bytes = BODY) -> str:
    return base64.b64encode(hmac.new(SECRET.encode(), stamp.encode() + body, hashlib.sha256).digest()).decode()


def test_zendesks_own_headers_sign_a_delivery_of_zendesk() -> None:
    assert zendesks(zendesk_signature())
    assert zendesks(zendesk_signature(), kind="tickets") is None


def test_zendesk_may_also_sign_as_everybody_does() -> None:
    assert ours(f"t={NOW},v1={signed()}", kind="zendesk")


@pytest.mark.parametrize(
    ("signature", "stamp"),
    [
        (None, STAMP),
        ("", STAMP),
        ("no base64!", STAMP),
        (zendesk_signature(), "2027-01-15T08:00:01Z"),
        (zendesk_signature("2027-01-15T07:50:00Z"), "2027-01-15T07:50:00Z"),
        (zendesk_signature("2027-01-15T08:00:00"), "2027-01-15T08:00:00"),
        (zendesk_signature("now"), "now"),
        (zendesk_signature(), "2027-01-15\ud80008:00:00Z"),
        (zendesk_signature(body=b""), STAMP),
    ],
)
def test_zendesks_headers_are_right_or_nothing_either(signature: str | None, stamp: str) -> None:
    assert zendesks(signature, stamp) is None
