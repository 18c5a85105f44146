"""Triage of a mail: opened, its new text told from what it quotes, sorted, and answered by a draft nobody sends.

Every step may be repeated: what was paid is paid once, attachments lie under keys of their own, and the case ends once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aws_lambda_powertools import Logger

from quadrille.ask.answer import Desk
from quadrille.blobs import Blobs
from quadrille.calls import Payer
from quadrille.config import settings
from quadrille.customers import Customers
from quadrille.desks import SPAM, Desks, DeskSettings
from quadrille.emails import Emails, Status, entry_of
from quadrille.errors import (
    BudgetExceeded,
    Busy,
    CutOff,
    NotFound,
    Parked,
    ProviderRefused,
    QuadrilleError,
    ResultLost,
    TooLarge,
    Unanswered,
    UnknownPrice,
    Unreadable,
    Unusable,
)
from quadrille.events import EmailReceived, Envelope
from quadrille.examples import Examples
from quadrille.ingest.attachments import put_of_case
from quadrille.ingest.reading import OpenedMail, Written, open_mail, split
from quadrille.llm import Models
from quadrille.react.classifying import Labels, Letter, classify
from quadrille.react.mailroom import limits
from quadrille.react.refusals import flagged, machine_made
from quadrille.react.replying import draft
from quadrille.receipts import Receipt
from quadrille.rows import Row

logger = Logger()

_FINAL = (CutOff, ProviderRefused, ResultLost, Unanswered, UnknownPrice, Unusable)
_SIGNATURE = 2_000  # characters
_EMPTY = "The mail is empty."
_GONE = "The mail was removed from the bucket before it was read."


@dataclass(frozen=True, slots=True)
class Office:
    """Where mails are worked on. `desk` is built only for a mail that gets a draft."""

    emails: Emails
    customers: Customers
    desks: Desks
    examples: Examples
    blobs: Blobs
    models: Models
    desk: Callable[[], Desk]


def triage(envelope: Envelope, payer: Payer, *, office: Office) -> None:
    """Bring the mail of an event to its end. Raises `Parked` for one that is gone, and as `Ledger.pay`.

    A mail whose triage has to wait says for what.
    """
    row = _row(envelope, office.emails)
    if row["status"] != Status.RECEIVED:
        return
    try:
        _Case(envelope, row, payer, office).work()
    except (BudgetExceeded, Busy) as error:
        office.emails.note(envelope.tenant, row["sk"], {"error": str(error)})
        raise


def give_up(envelope: Envelope, reason: str, *, office: Office) -> None:
    """End the mail of an event with what is known of it, and why that is not more."""
    row = _row(envelope, office.emails)
    if row["status"] != Status.RECEIVED:
        return
    known = "category" in row
    values = {"status": Status.TRIAGED, "no_draft": reason} if known else {"status": Status.FAILED, "error": reason}
    _end(envelope, row, {"error": None, **values}, office)


def _row(envelope: Envelope, emails: Emails) -> Row:
    event = envelope.event()
    if not isinstance(event, EmailReceived):
        raise Parked(f"{envelope.type} tells of no mail.")
    try:
        return emails.get(envelope.tenant, event.email_id)
    except NotFound as error:
        raise Parked(str(error)) from None


def _end(envelope: Envelope, row: Row, values: Mapping[str, Any], office: Office) -> None:
    whole = {**row, **values}
    if row["address"]:
        known = {name: whole[name] for name in ("status", "category", "sentiment") if whole.get(name)}
        office.customers.note(entry_of(envelope.tenant, row), known)
    if office.emails.finish(envelope.tenant, row, values, hops=envelope.hops + 1):
        logger.info("mail_ended", email_id=row["sk"], status=values["status"], category=whole.get("category"))


class _Case:
    """One mail on its way."""

    def __init__(self, envelope: Envelope, row: Row, payer: Payer, office: Office) -> None:
        self.envelope, self.row, self.payer, self.office = envelope, row, payer, office
        self.tenant, self.email_id = envelope.tenant, row["sk"]
        self.known: dict[str, Any] = {}
        self.spent = Receipt()

    def work(self) -> None:
        """All of it. Raises as `triage`."""
        try:
            mail = self._opened()
        except (Unreadable, TooLarge) as error:
            return self._fail(str(error))
        except NotFound:
            return self._fail(_GONE)
        written = self._written(mail.content.text)
        self.known = {**_texts(written), "attachments": []}
        letter = Letter(subject=mail.headers.get("subject", ""), text=written.text, name=mail.name)
        why = flagged(mail)
        if why:
            return self._end(category=SPAM, no_draft=why)
        if not (letter.subject or letter.text):
            return self._without_words(mail)
        wishes = self.office.desks.get(self.tenant)
        labels = self._labels(letter, wishes)
        if labels is None:
            return None
        if labels.category == SPAM:
            return self._end(no_draft="It is spam.")
        self._keep_attachments(mail)
        why = machine_made(mail, own=settings().email_sender) or self._over_a_limit(mail, wishes)
        return self._end(no_draft=why) if why else self._draft(letter, labels, wishes)

    def _opened(self) -> OpenedMail:
        """Raises `Unreadable`, `TooLarge` and `NotFound`."""
        if "refusal" in self.row:
            raise Unreadable(self.row["refusal"])
        return open_mail(self.office.blobs.get(self.row["key"]), limits())

    def _written(self, text: str) -> Written:
        """The parts of the text. If telling them apart takes too long, all of it is new."""
        here = settings()
        text = text[: 2 * here.letter_characters]
        try:
            return split(text, replace(limits(), seconds=here.split_seconds))
        except (TooLarge, Unreadable) as error:
            logger.info("mail_not_split", email_id=self.email_id, reason=str(error))
            return Written(text)

    def _without_words(self, mail: OpenedMail) -> None:
        if not mail.content.attachments:
            return self._fail(_EMPTY)
        self._keep_attachments(mail)
        return self._end(no_draft="It has no words of its own, only attachments.")

    def _labels(self, letter: Letter, wishes: DeskSettings) -> Labels | None:
        """What the mail is, noted at once; None if its own budget does not cover that. Raises as `Ledger.pay`."""
        try:
            labels, self.spent = classify(letter, self.payer, models=self.office.models, desk=wishes)
        except QuadrilleError as error:
            if not _is_final(error):
                raise
            self.spent = _cost(error)
            self._fail(str(error))
            return None
        self.known |= {name: getattr(labels, name) for name in ("category", "priority", "sentiment", "language")}
        self.office.emails.note(self.tenant, self.email_id, {**self.known, "receipt": self.spent.public()})
        return labels

    def _keep_attachments(self, mail: OpenedMail) -> None:
        """In a collection of their own: what customers send is no ground for what other customers are told."""
        collection = settings().mail_collection
        self.known["attachments"] = put_of_case(
            self.tenant, collection, self.email_id, mail.content, self.office.blobs, limits()
        )

    def _over_a_limit(self, mail: OpenedMail, wishes: DeskSettings) -> str:
        """Why a mail that a human may have written gets no draft all the same."""
        here = settings()
        if not wishes.draft_emails:
            return "The desk wants no drafts for mails."
        if self.row["hops"] >= here.max_hops:
            return f"{self.row['hops']} replies of ours led to it; the limit is {here.max_hops}."
        if not self.office.emails.may_draft(self.tenant, mail.address, self.email_id, most=here.drafts_per_hour):
            return f"Its sender has had {here.drafts_per_hour} drafts in this hour, which is the limit."
        return ""

    def _draft(self, letter: Letter, labels: Labels, wishes: DeskSettings) -> None:
        """The draft, or why there is none. Raises as `Ledger.pay` what waiting cures."""
        here, office = settings(), self.office
        examples = office.examples.nearest(
            self.tenant, labels.question or letter.text, labels.category, most=here.examples_shown
        )
        try:
            made, cost = draft(
                letter, labels, self.payer.after(self.spent), desk=office.desk(), wishes=wishes, examples=examples
            )
        except QuadrilleError as error:
            if not _is_final(error):
                raise
            self.spent += _cost(error)
            return self._end(no_draft=str(error))
        self.spent += cost
        return self._end(draft=made.model_dump_json()) if made.supported else self._end(no_draft=made.reason)

    def _fail(self, error: str) -> None:
        values = {**self.known, "status": Status.FAILED, "error": error, "receipt": self.spent.public()}
        _end(self.envelope, self.row, values, self.office)

    def _end(self, *, no_draft: str = "", **more: Any) -> None:
        values = {**self.known, **more, "no_draft": no_draft or None, "error": None, "receipt": self.spent.public()}
        _end(self.envelope, self.row, {**values, "status": Status.TRIAGED}, self.office)


def _is_final(error: QuadrilleError) -> bool:
    """Whether no waiting cures it: a case's own budget never renews."""
    return isinstance(error, _FINAL) or (isinstance(error, BudgetExceeded) and error.scope == "request")


def _cost(error: QuadrilleError) -> Receipt:
    return error.receipt or Receipt()


def _texts(written: Written) -> dict[str, Any]:
    """The parts of a mail as its row keeps them, and whether they had to be cut."""
    most = settings().letter_characters
    parts = {
        "text": (written.text, most),
        "quoted": (written.quoted, most),
        "signature": (written.signature, _SIGNATURE),
    }
    cut = any(len(text) > limit for text, limit in parts.values())
    return {**{name: text[:limit] for name, (text, limit) in parts.items()}, "truncated": cut}
