"""Receiving mail: an object under `mail/<tenant>/`, where SES writes it as it came, becomes a case."""

import hashlib
from typing import Any

from aws_lambda_powertools import Logger

from quadrille.blobs import Blobs
from quadrille.config import settings
from quadrille.emails import Emails
from quadrille.errors import NotFound, TooLarge, Unreadable
from quadrille.ingest.reading import Limits, OpenedMail, open_mail
from quadrille.keys import TENANT
from quadrille.messages import ObjectCreated

logger = Logger()

_SETUP = "AMAZON_SES_SETUP_NOTIFICATION"  # SES puts it there once, to see whether it may
_SHOWN = 1_000  # characters of a header


def receive(event: ObjectCreated, *, emails: Emails, blobs: Blobs) -> None:
    """Make the case of the mail that lies in an object. The same mail again, or under another key, has its case.

    What cannot be read is a case as well, which says why. Raises only what a retry may cure.
    """
    item = event.detail.object
    tenant, _, name = item.key.removeprefix("mail/").partition("/")
    if not TENANT.fullmatch(tenant) or not name:
        logger.warning("mail_refused", reason="its key is not mail/<tenant>/<name>")
        return
    if name.endswith(_SETUP):
        return
    try:
        mail, digest, at, refusal = _looked_at(event, blobs)
    except NotFound:
        logger.info("object_gone", tenant=tenant)
        return
    values = {"key": item.key, "size": item.size, **_shown(mail), **({"refusal": refusal} if refusal else {})}
    address = mail.address if mail else ""
    at = at or int(emails.now() * 1_000)
    if emails.receive(tenant, digest, values, address=address, at=at, hops=_hops(mail)):
        logger.info("mail_received", tenant=tenant, size=item.size, refused=bool(refusal))
    else:
        logger.info("mail_known", tenant=tenant)


def limits() -> Limits:
    """What opening a mail may take."""
    here = settings()
    return Limits.of(here, attached=here.max_attached_bytes)


def _looked_at(event: ObjectCreated, blobs: Blobs) -> tuple[OpenedMail | None, str, int, str]:
    """A mail, its digest, when it came (milliseconds), and why it could not be opened. Raises `NotFound`."""
    item, most = event.detail.object, settings().max_mail_bytes
    if item.size > most:  # never downloaded, so it is known by the bucket's checksum
        return None, _digest(item.etag.encode()), 0, f"The mail has {item.size} bytes; the limit is {most}."
    stored = blobs.read(item.key)
    at = int(stored.at.timestamp() * 1_000)
    try:
        mail = open_mail(stored.data, limits())
    except (Unreadable, TooLarge) as error:
        return None, _digest(stored.data), at, str(error)
    return mail, mail.digest, at, mail.error


def _shown(mail: OpenedMail | None) -> dict[str, Any]:
    return {name: (mail.headers if mail else {}).get(name, "")[:_SHOWN] for name in ("from", "to", "subject")}


def _hops(mail: OpenedMail | None) -> int:
    """How many replies of ours led to a mail, as whoever sends them writes into them; at most the limit."""
    said = (mail.headers if mail else {}).get("x-quadrille-hops", "")
    return min(int(said), settings().max_hops) if said.isascii() and said.isdigit() and len(said) < 9 else 0


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
