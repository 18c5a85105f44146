"""What hostile customers, senders and tenants try on the react room, and an unlucky network: each try has an end."""

import json
import time
from typing import Any

import pytest

from quadrille import clients
from quadrille.errors import Parked, RetryLater
from quadrille.receiving import Receiver
from tests.integration.helpdesk import Helpdesk, helpdesk, ticket
from tests.integration.house import reset_caches, sqs_event
from tests.integration.reactor import Reactor


@pytest.fixture
def desk(reactor: Reactor) -> Helpdesk:
    return helpdesk(reactor)


def rule(**pattern: Any) -> dict[str, Any]:
    return {"pattern": {"type": ["com.example.order"], **pattern}, "action": {"kind": "task", "goal": "Look."}}


def test_a_customer_whose_entry_has_expired_can_still_be_answered(desk: Helpdesk) -> None:
    desk.deliver(ticket())
    reply = desk.draft()
    row = clients.tickets().get(desk.reactor.agent.tenant, "1")
    entry = clients.tickets().entry(row)
    clients.dynamodb().delete_item(TableName="CasesTable", Key={k: {"S": v} for k, v in entry.key.items()})
    assert desk.decide(reply, "edit", text="Seven.")[0] == 200


def test_a_number_that_is_none_is_no_pattern(reactor: Reactor) -> None:
    for test in (float("nan"), float("inf"), {"numeric": [">", float("nan")]}, {"numeric": ["<", float("inf")]}):
        status, problem = reactor.call("rules", "PUT", "/rules/nan", rule(data={"amount": [test]}))
        assert (status, "pattern.data.amount" in problem.get("detail", "")) == (422, True), test


def test_rules_of_more_than_a_page_are_all_kept_to_and_counted(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_RULES", "20")
    reset_caches()
    body = rule(data={"x": ["y" * 60_000]})
    statuses = [reactor.call("rules", "PUT", f"/rules/r{number:02}", body)[0] for number in range(21)]
    assert statuses == [200] * 20 + [422]
    assert len(reactor.call("rules", "GET", "/rules")[1]["items"]) == 20


@pytest.mark.parametrize("text", ["<p>Help!</p><![ if", "<![" * 3_000, "<!", "</", "<a " * 40_000, "<a b='" * 20_000])
def test_html_that_its_parser_does_not_bear_is_a_ticket_all_the_same(reactor: Reactor, text: str) -> None:
    desk = helpdesk(reactor, "freshdesk")
    said = {"ticket_id": 1, "ticket_contact_email": "ann@example.com", "ticket_description": text}
    began = time.process_time()
    assert desk.deliver({"freshdesk_webhook": said})[1].get("status") == "accepted"
    assert time.process_time() - began < 5


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_beyond_all_calendars_loses_no_letter(desk: Helpdesk, moment: str) -> None:
    assert desk.deliver(ticket(created_at=moment))[1].get("status") == "accepted"
    assert desk.see()["messages"][0]["created_at"] is None


def test_who_is_left_to_a_human_can_be_answered_again_and_again(
    desk: Helpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETS_PER_HOUR", "1")
    reset_caches()
    desk.deliver(ticket(0))
    time.sleep(0.002)  # tickets of one millisecond are in the order of their names
    for text in ("Hello?", "And now?"):
        desk.deliver(ticket(body=text))
        assert desk.decide(desk.draft(), "edit", text=f"You said: {text}")[0] == 200


def test_no_reply_ends_a_ticket_whose_customer_has_written_since_its_draft(desk: Helpdesk) -> None:
    desk.deliver(ticket())
    reply = desk.draft()
    desk.deliver(ticket(body="Forget that. What is its colour?"))
    status, problem = desk.decide(reply, "approve") if reply["text"] else desk.decide(reply, "edit", text="Seven.")
    assert (status, desk.see()["status"]) == (409, "open")
    assert "written since" in problem["detail"]
    assert desk.decide(desk.draft(), "edit", text="Green.")[0] == 200


def test_a_ticket_can_be_shown_whatever_its_customer_writes(desk: Helpdesk) -> None:
    for number in range(50):
        body = f"{number}" + "\n" * 60_000 + "!"
        assert desk.deliver(ticket(body=body))[0] == 202
    assert len(json.dumps({"body": json.dumps(desk.see())})) < 6 * 1024 * 1024


def test_one_line_of_a_ticket_stays_one_line(reactor: Reactor) -> None:
    desk = helpdesk(reactor, "zendesk")
    who = {"email": "ann@example.com\r\nBcc: bob@example.com", "name": "Ann\r\nX: y"}
    asked = {"id": 1, "title": "Hello\r\nBcc: bob@example.com", "description": "Hello?", "requester": who}
    assert desk.deliver({"ticket": asked})[1]["status"] == "parked"
    assert desk.deliver({"ticket": {**asked, "requester": {**who, "email": "ann@example.com"}}})[0] == 202
    found = desk.see()
    assert (found["subject"], found["customer"]["name"]) == ("Hello Bcc: bob@example.com", "Ann X: y")


def test_a_ticket_of_an_id_that_has_expired_is_another_one(desk: Helpdesk) -> None:
    for _ in range(2):
        desk.deliver(ticket())
        assert desk.decide(desk.draft(), "edit", text="Seven.")[0] == 200
        desk.reactor.settle()
        for item in clients.dynamodb().scan(TableName="CasesTable")["Items"]:
            if item["pk"]["S"].partition("#")[0] in ("ticket", "tickets", "trail", "delivery"):
                clients.dynamodb().delete_item(TableName="CasesTable", Key={"pk": item["pk"], "sk": item["sk"]})
    for kind in ("TicketEnriched", "ReplyApproved"):
        assert len({event["id"] for event in desk.reactor.seen if event["type"] == kind}) == 2, kind


def test_what_cannot_even_be_given_up_harms_no_other_of_its_batch(reactor: Reactor) -> None:
    def fail(record: Any) -> None:
        if record.message_id == "bad":
            raise RetryLater("It is down.")

    def give_up(*_: Any) -> None:
        raise Parked("There is no such mail.")

    messages = [{"MessageId": name, "ReceiptHandle": name, "Body": "{}", "Attributes": {}} for name in ("bad", "good")]
    receiver = Receiver(clients.queue(reactor.urls["triage"]), give_up, receives=6)
    answer = receiver.run(sqs_event(*messages, receives=6), fail, None)  # type: ignore[arg-type]
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
