"""What the desks of others send, read as one kind of arrival, or parked with the reason."""

from datetime import UTC, datetime
from typing import Any

import pytest

from quadrille.errors import Invalid, Parked
from quadrille.react.adapters import ADAPTERS, Arrival, read
from quadrille.sources import KINDS

NINE = datetime(2026, 11, 28, 9, tzinfo=UTC)
EVENT: dict[str, Any] = {
    "type": "zen:event-type:ticket.created",
    "account_id": 12514403,
    "id": "2b24ef10-19d4-4740-93cf-8f98ec4776c0",
    "time": "2026-11-28T09:00:01Z",
    "zendesk_event_version": "2022-11-06",
    "subject": "zen:ticket:5158",
    "detail": {
        "actor_id": "8447388090494",
        "created_at": "2026-11-28T09:00:00Z",
        "description": "The screen stays dark.",
        "id": "5158",
        "is_public": True,
        "priority": None,
        "requester_id": "8447346621310",
        "status": "NEW",
        "subject": "Dark screen",
        "tags": [],
        "via": {"channel": "web_service"},
    },
    "event": {"meta": {"sequence": {"id": "01H", "position": 1}}},
}
COMMENT = {
    "id": "19172190238460",
    "body": "It is lit again.",
    "is_public": True,
    "author": {"id": "8447346621310", "is_staff": False, "name": "Ann"},
}
TRIGGER: dict[str, Any] = {
    "ticket": {
        "id": 5158,
        "title": "Dark screen",
        "description": "The screen stays dark.",
        "requester": {"email": "ann@example.com", "name": "Ann"},
        "created_at": "2026-11-28T09:00:00Z",
        "via": "Mail",
    }
}
AUTOMATION: dict[str, Any] = {
    "freshdesk_webhook": {
        "ticket_id": 11,
        "ticket_subject": "Dark screen",
        "ticket_description": "<div>The screen<br>stays <b>dark</b>.</div><script>alert(1)</script>",
        "ticket_contact_name": "Ann",
        "ticket_contact_email": "ann@example.com",
        "ticket_source": "Email",
        "ticket_status": "Open",
    }
}


def test_every_kind_of_source_has_an_adapter() -> None:
    assert set(ADAPTERS) == set(KINDS)


def test_an_event_of_zendesk_names_its_requester_by_id() -> None:
    assert read("zendesk", EVENT) == Arrival(
        ticket_id="5158",
        address="zendesk:8447346621310",
        subject="Dark screen",
        text="The screen stays dark.",
        created_at=NINE,
        channel="web_service",
    )


def test_a_customers_comment_in_zendesk_is_a_message() -> None:
    added = {**EVENT, "type": "zen:event-type:ticket.comment_added", "event": {"comment": COMMENT}}
    arrival = read("zendesk", added)
    assert (arrival.ticket_id, arrival.text, arrival.name) == ("5158", "It is lit again.", "Ann")


@pytest.mark.parametrize("more", [{"is_public": False}, {"author": {"id": "1", "is_staff": True, "name": "Bob"}}])
def test_a_comment_of_staff_is_no_message(more: dict[str, Any]) -> None:
    with pytest.raises(Parked, match="comment_added"):
        read(
            "zendesk",
            {**EVENT, "type": "zen:event-type:ticket.comment_added", "event": {"comment": {**COMMENT, **more}}},
        )


def test_a_trigger_of_zendesk_says_what_it_was_told_to() -> None:
    arrival = read("zendesk", TRIGGER)
    assert (arrival.ticket_id, arrival.address, arrival.name) == ("5158", "ann@example.com", "Ann")
    assert (arrival.subject, arrival.text, arrival.created_at) == ("Dark screen", "The screen stays dark.", NINE)


def test_an_automation_of_freshdesk_writes_html() -> None:
    arrival = read("freshdesk", AUTOMATION)
    assert (arrival.ticket_id, arrival.address, arrival.channel) == ("11", "ann@example.com", "Email")
    assert arrival.text == "The screen\nstays dark."


def test_the_latest_comment_of_freshdesk_comes_before_the_description() -> None:
    said = {**AUTOMATION["freshdesk_webhook"], "ticket_latest_public_comment": "Ann : <div>It is lit.</div>"}
    assert read("freshdesk", {"freshdesk_webhook": said}).text == "Ann :\nIt is lit."


def test_a_time_nobody_can_read_is_no_reason_to_lose_a_ticket() -> None:
    spoilt = {"ticket": {**TRIGGER["ticket"], "created_at": "November 28"}}
    assert read("zendesk", spoilt).created_at is None


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("zendesk", {}),
        ("zendesk", {"type": "zen:event-type:ticket.created"}),
        ("zendesk", {"type": 5, "detail": {}}),
        ("zendesk", {**EVENT, "type": "zen:event-type:ticket.status_changed"}),
        ("zendesk", {**EVENT, "detail": {"id": "1"}}),
        ("zendesk", {"ticket": {"id": 1}}),
        ("zendesk", {"ticket": {**TRIGGER["ticket"], "requester": "ann"}}),
        ("zendesk", {"ticket": {**TRIGGER["ticket"], "title": {"a": 1}}}),
        ("zendesk", AUTOMATION),
        ("freshdesk", {}),
        ("freshdesk", {"freshdesk_webhook": []}),
        ("freshdesk", {"freshdesk_webhook": {"ticket_id": 1}}),
        ("freshdesk", TRIGGER),
    ],
)
def test_what_a_kind_has_no_word_for_is_parked_with_the_reason(kind: str, payload: dict[str, Any]) -> None:
    with pytest.raises(Parked) as parked:
        read(kind, payload)
    assert str(parked.value).endswith(".")


@pytest.mark.parametrize("kind", ["zendesk", "freshdesk", "tickets"])
def test_our_own_shape_is_told_what_is_wrong_with_it(kind: str) -> None:
    with pytest.raises(Invalid, match="email"):
        read(kind, {"ticket_id": "1", "customer": {}, "subject": "x", "body": "x"})
