"""What the desks of others send, as an arrival: one adapter for each kind of source.

A new kind is a function here, its name in `ADAPTERS` and in `sources.KINDS`, and whatever signs it in `signatures.py`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from quadrille.errors import Invalid, Parked
from quadrille.http import Body

_BREAKS = {"br", "div", "p", "li", "tr", "h1", "h2", "h3", "h4", "blockquote", "table", "ul", "ol"}
_DECLARATION, _OPEN = re.compile(r"<[!?][^<>]*>"), re.compile(r"<(?![^<>]*>)")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_SILENT = {"script", "style", "head", "title", "template"}
_CREATED, _COMMENTED = "zen:event-type:ticket.created", "zen:event-type:ticket.comment_added"


def _words(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: object) -> object:
    """A time as somebody else's desk writes it, in UTC, also if it has no zone; None if that is no ISO 8601."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(moment, datetime):
            return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # or none that UTC has
        return None


def _line(value: str) -> str:
    """One line, as whoever sends the reply may write it into a header."""
    return _BLANKS.sub(" ", value).strip()


Text = Annotated[str, StringConstraints(strip_whitespace=True)]
Required = Annotated[Text, Field(min_length=1)]
Id = Annotated[str, BeforeValidator(_words), StringConstraints(strip_whitespace=True, min_length=1, max_length=128)]
Address = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=320, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"),
]
Name = Annotated[Text, Field(max_length=200), AfterValidator(_line)]
Subject = Annotated[Text, Field(max_length=1_000), AfterValidator(_line)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]


class Arrival(BaseModel):
    """A customer's message about a ticket, as every kind of source comes to it. `address` is whom a reply goes to."""

    model_config = ConfigDict(frozen=True)

    ticket_id: Id
    address: Annotated[Text, Field(max_length=320, pattern=r"^[^\s\x00-\x1f\x7f]+$")]
    name: Name = ""
    subject: Subject = ""
    text: Required
    created_at: Moment = None
    channel: Annotated[Text, Field(max_length=100)] = ""


class Customer(Body):
    """Who wrote."""

    email: Address
    name: Name = ""


class TicketDelivery(Body):
    """`POST /webhooks/{source_id}` of the kind `tickets`. The same `ticket_id` with another body adds a message."""

    ticket_id: Id
    customer: Customer
    subject: Subject
    body: Required
    created_at: datetime | None = None
    channel: Annotated[Text, Field(max_length=100)] = ""

    def arrival(self) -> Arrival:
        """The same as an arrival."""
        return Arrival(
            ticket_id=self.ticket_id,
            address=self.customer.email,
            name=self.customer.name,
            subject=self.subject,
            text=self.body,
            created_at=self.created_at,
            channel=self.channel,
        )


Payload = Annotated[TicketDelivery | dict[str, Any], Field(union_mode="left_to_right")]


def read(kind: str, payload: TicketDelivery | dict[str, Any]) -> Arrival:
    """What a delivery says; every kind may use our own shape.

    Raises `Invalid` for what is meant to be that and is not, and `Parked` for what the kind has no adapter's word for.
    """
    return payload.arrival() if isinstance(payload, TicketDelivery) else ADAPTERS[kind](payload)


def _tickets(payload: Mapping[str, Any]) -> Arrival:
    """Our own shape, which it is not, or it would be read already. Raises `Invalid`."""
    try:
        return TicketDelivery.model_validate(payload).arrival()
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(".".join(("body", *map(str, first["loc"]))), first["msg"]) from None


def _zendesk(payload: Mapping[str, Any]) -> Arrival:
    """An event subscription's event, or what a trigger's webhook was told to send: docs/support-desk.md has it."""
    match payload:
        case {"type": str(), "detail": {}}:
            return _zendesk_event(payload)
        case {"ticket": {} as ticket}:
            who = ticket.get("requester") if isinstance(ticket.get("requester"), dict) else {}
            return _arrival(
                ticket_id=ticket.get("id"),
                address=who.get("email"),
                name=who.get("name"),
                subject=ticket.get("title") or ticket.get("subject"),
                text=ticket.get("latest_comment") or ticket.get("description"),
                created_at=ticket.get("created_at"),
                channel=ticket.get("via"),
            )
        case {"ticket_id": _, "customer": _}:
            return _tickets(payload)
    raise Parked("This is neither a ticket event of Zendesk nor what its trigger is to send.")


def _zendesk_event(payload: Mapping[str, Any]) -> Arrival:
    """An event names its requester by id alone, so that is the address."""
    detail, via = payload["detail"], payload["detail"].get("via")
    asked = {
        "ticket_id": detail.get("id"),
        "address": f"zendesk:{detail.get('requester_id') or ''}",
        "subject": detail.get("subject"),
        "channel": via.get("channel") if isinstance(via, dict) else None,
    }
    match payload:
        case {"type": str(type_)} if type_ == _CREATED:
            return _arrival(**asked, text=detail.get("description"), created_at=detail.get("created_at"))
        case {
            "type": str(type_),
            "event": {"comment": {"body": text, "is_public": True, "author": {"is_staff": False} as author}},
        } if type_ == _COMMENTED:
            return _arrival(**asked, name=author.get("name"), text=text, created_at=payload.get("time"))
    raise Parked(
        f"Of Zendesk's events tickets and customers' public comments are read, and no {payload['type'][:100]}."
    )


def _freshdesk(payload: Mapping[str, Any]) -> Arrival:
    """What the webhook of an automation rule sends, its content simple or advanced. Texts are HTML."""
    match payload:
        case {"freshdesk_webhook": {} as said}:
            latest = said.get("ticket_latest_public_comment")
            return _arrival(
                ticket_id=said.get("ticket_id"),
                address=said.get("ticket_contact_email") or said.get("ticket_requester_email"),
                name=said.get("ticket_contact_name") or said.get("ticket_requester_name"),
                subject=said.get("ticket_subject"),
                text=_spoken(latest) or _spoken(said.get("ticket_description")),
                created_at=said.get("ticket_created_at"),
                channel=said.get("ticket_source"),
            )
        case {"ticket_id": _, "customer": _}:
            return _tickets(payload)
    raise Parked("This is not what the webhook of a Freshdesk automation sends.")


ADAPTERS: dict[str, Callable[[dict[str, Any]], Arrival]] = {
    "tickets": _tickets,
    "zendesk": _zendesk,
    "freshdesk": _freshdesk,
}


def _arrival(**fields: Any) -> Arrival:
    """Raises `Parked` for a payload that lacks something, as nobody over there reads what is wrong with it."""
    given = {name: value for name, value in fields.items() if value not in (None, "")}
    try:
        return Arrival.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise Parked(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None


def _spoken(text: object) -> str:
    """The words of a piece of HTML, or of plain text."""
    if not isinstance(text, str) or "<" not in text:
        return text.strip() if isinstance(text, str) else ""
    reader = _Words()
    reader.feed(_closed(text))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.words).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _closed(text: str) -> str:
    """HTML without comments and declarations, in which each tag ends before another begins.

    What is left open takes `HTMLParser` the square of its length, and some of it raises.
    """
    first, *rest = text.split("<!--")
    text = " ".join([first, *(part.partition("-->")[2] if "-->" in part else part for part in rest)])
    return _OPEN.sub("&lt;", _DECLARATION.sub(" ", text))


class _Words(HTMLParser):
    """Takes HTML and keeps what is read, a line for each block."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A block begins."""
        self.silent += tag in _SILENT
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        """A block ends."""
        self.silent = max(0, self.silent - (tag in _SILENT))
        self._break(tag)

    def handle_data(self, data: str) -> None:
        """Words."""
        if not self.silent:
            self.words.append(" ".join(data.split("\n")))

    def _break(self, tag: str) -> None:
        if tag in _BREAKS:
            self.words.append("\n")
