"""Why a mail gets no draft, by what it is and who sends it: an answer to a machine may be answered by it, for ever.

The headers are those of RFC 3834 and of what answers by itself without having read it.
"""

import re
from email.utils import getaddresses

from quadrille.ingest.reading import OpenedMail

_NO_REPLY = re.compile(
    r"(no|do[-_.]?not|never|nicht)[-_.]?(reply|reponse|responder|antworten)\b.*|(no)?reply[-_.]no\b.*"
    r"|(mailer-daemon|postmaster|bounces?|auto-?(reply|responder))([-+_.=].*)?",
)
_AUTOMATIC_SUBJECT = re.compile(
    r"\s*(auto(matic)?[- ]?reply|out of( the)? office|automatische antwort|abwesenheitsnotiz|réponse automatique"
    r"|respuesta automática|risposta automatica|automatisch antwoord)\b",
    re.IGNORECASE,
)
_BULK = {"bulk", "junk", "list", "auto_reply"}
_SPAM = {"x-ses-spam-verdict": "SES says that it is spam.", "x-ses-virus-verdict": "SES found a virus in it."}


def flagged(mail: OpenedMail) -> str:
    """Why a mail is spam, if the service that took it in says so; its own headers stand before the sender's."""
    return next((why for name, why in _SPAM.items() if mail.headers.get(name, "").upper() == "FAIL"), "")


def machine_made(mail: OpenedMail, *, own: str) -> str:
    """Why nobody reads a reply to a mail; empty if somebody may. `own` is the address we send from."""
    local = mail.address.partition("@")[0]
    if not mail.address:
        return "It has no sender."
    if mail.address in {address.lower() for _, address in getaddresses([own])}:
        return "It comes from the address this desk sends from."
    if mail.kinds[0] == "multipart/report" or "message/delivery-status" in mail.kinds:
        return "It reports on the delivery of another mail."
    if mail.headers.get("return-path", "?").strip(" <>") == "" or local == "mailer-daemon":
        return "It is a bounce: it has no return path."
    if "text/calendar" in mail.kinds:
        return "It is an invitation to an appointment."
    return _automatic(mail) or ("It comes from an address that reads no replies." if _NO_REPLY.fullmatch(local) else "")


def _automatic(mail: OpenedMail) -> str:
    headers = {name: value.strip().lower() for name, value in mail.headers.items()}
    if headers.get("auto-submitted", "no").partition(";")[0].strip() != "no":
        return "It was sent automatically (Auto-Submitted)."
    if headers.get("precedence") in _BULK:
        return f"It was sent in bulk (Precedence: {headers['precedence']})."
    if any(headers.get(name, "no") != "no" for name in ("x-autoreply", "x-autorespond")):
        return "It is an automatic reply (X-Autoreply)."
    if {"all", "autoreply"} & set(re.split(r"[,\s]+", headers.get("x-auto-response-suppress", ""))):
        return "It asks for no automatic replies (X-Auto-Response-Suppress)."
    if any(name.startswith("list-") for name in headers):
        return "It was sent to a mailing list (List-*)."
    return (
        "It is an automatic reply, as its subject says." if _AUTOMATIC_SUBJECT.match(headers.get("subject", "")) else ""
    )
