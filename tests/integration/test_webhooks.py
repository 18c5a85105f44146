"""What the desks of others send becomes a ticket, once; what nobody signed leaves nothing behind."""

import json
import time
from typing import Any

import pytest

from local.stack.support import signature
from quadrille import clients
from quadrille.config import settings
from tests.integration import house as harness
from tests.integration.helpdesk import Helpdesk, helpdesk, ticket
from tests.integration.house import reset_caches
from tests.integration.reactor import Reactor


@pytest.fixture
def desk(reactor: Reactor) -> Helpdesk:
    return helpdesk(reactor)


def rows() -> list[str]:
    """Everything in the cases table, by its keys."""
    items = clients.dynamodb().scan(TableName="CasesTable")["Items"]
    return sorted(f"{item['pk']['S']}/{item['sk']['S']}" for item in items)


def test_a_delivery_becomes_a_ticket(desk: Helpdesk) -> None:
    status, answer = desk.deliver(ticket(17, created_at="2026-11-28T09:00:00+02:00", channel="chat"))
    assert (status, answer) == (202, {"id": "17", "ticket_id": "17", "status": "accepted", "detail": ""})
    found = desk.see("17")
    assert found["customer"] == {"address": "ann@example.com", "name": "Ann"}
    assert (found["subject"], found["status"], found["channel"]) == ("The club", "open", "chat")
    assert [(said["text"], said["created_at"]) for said in found["messages"]] == [
        ("What is the number of the club?", "2026-11-28T07:00:00.000Z")
    ]
    assert found["enrichment"]["pending"] == ["classification", "history", "documents"]
    desk.reactor.publish()
    [created] = desk.reactor.seen
    assert (created["type"], created["subject"]) == ("TicketCreated", "tickets/17")
    assert created["data"] == {"ticket_id": "17", "source_id": desk.source_id}


def test_the_bytes_are_signed_as_they_were_sent(desk: Helpdesk) -> None:
    body = '{ "ticket_id":"1","customer":{"email":"ann@example.com"},\r\n "subject":"Straße","body":"x" }\n'.encode()
    assert desk.deliver(body, encoded=True)[0] == 202
    assert desk.deliver(body.replace(b"\r\n", b"\n"), header=signature(desk.secret, body))[0] == 401
    assert desk.see()["subject"] == "Straße"


def test_what_is_unsigned_stale_or_of_nobody_is_all_the_same(desk: Helpdesk) -> None:
    body, before = json.dumps(ticket()).encode(), rows()
    stale = [signature(desk.secret, body, at=time.time() + seconds) for seconds in (-301, 302)]
    refused = [
        *(desk.deliver(body, header=header) for header in ("", "t=1,v1=00", *stale)),
        desk.deliver(body, header=signature("x" * 43, body)),
        desk.deliver(body + b" ", header=signature(desk.secret, body)),
        desk.deliver(b"no json", header=""),
        *(desk.deliver(body, to=other) for other in ("src_0123456789abcdef", "nothing", "..%2f", "k")),
    ]
    assert {status for status, _ in refused} == {401}
    assert len({json.dumps({**problem, "request_id": ""}) for _, problem in refused}) == 1
    assert refused[0][1]["type"] == "urn:quadrille:problem:unauthorized"
    assert rows() == before


def test_an_unknown_source_never_reaches_the_parameter_store(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(name: str) -> str:
        raise AssertionError(name)

    monkeypatch.setattr(clients, "_parameter", read)
    clients.sources.cache_clear()
    assert desk.deliver(ticket(), to="src_0123456789abcdef")[0] == 401


def test_what_is_too_long_is_refused_before_it_is_read(desk: Helpdesk) -> None:
    status, problem = desk.deliver(ticket(body="x" * settings().max_webhook_bytes))
    assert status == 413
    assert str(settings().max_webhook_bytes) in problem["detail"]


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"no json", "JSON"),
        (b"[" * 50_000, "JSON"),
        (b'{"ticket_id": "\\ud800"}', "JSON"),
        (b"[]", "dict"),
        ({}, "ticket_id"),
        (ticket(colour="red"), "colour"),
        (ticket(customer={"email": "nobody"}), "email"),
        (ticket(customer={"email": "ann@example.com", "tenant": "x"}), "tenant"),
        (ticket(body="  "), "body"),
        (ticket(number=""), "ticket_id"),
        (ticket(subject="x" * 1_001), "subject"),
        (ticket(created_at="yesterday"), "created_at"),
    ],
)
def test_a_signed_delivery_that_is_no_ticket_is_refused_by_name(desk: Helpdesk, payload: Any, word: str) -> None:
    before = rows()
    status, problem = desk.deliver(payload)
    assert status == 422
    assert word in problem["detail"]
    assert rows() == before


def test_the_same_delivery_again_does_nothing(desk: Helpdesk) -> None:
    body = json.dumps(ticket()).encode()
    header = signature(desk.secret, body)
    assert desk.deliver(body, header=header)[1]["status"] == "accepted"
    before = rows()
    assert desk.deliver(body, header=header) == (202, {"id": "1", "ticket_id": "1", "status": "known", "detail": ""})
    assert rows() == before


def test_the_same_ticket_signed_anew_is_known(desk: Helpdesk) -> None:
    body = json.dumps(ticket()).encode()
    headers = [signature(desk.secret, body, at=time.time() + seconds) for seconds in (-9, -5, 0)]
    statuses = [desk.deliver(body, header=header)[1]["status"] for header in headers]
    assert statuses == ["accepted", "known", "known"]
    desk.reactor.publish()
    assert desk.reactor.kinds() == ["TicketCreated"]


def test_another_text_is_a_message_of_the_same_ticket(desk: Helpdesk) -> None:
    times = {"And its colour?": "2026-11-28T11:00:00Z", "Hello?": "2026-11-28T12:00:00Z"}
    desk.deliver(ticket(created_at="2026-11-28T10:00:00Z"))
    for text in ("Hello?", "And its colour?", "Hello?"):
        assert desk.deliver(ticket(body=text, created_at=times[text]))[1]["id"] == "1"
    texts = [said["text"] for said in desk.see()["messages"]]
    assert texts == ["What is the number of the club?", "And its colour?", "Hello?"]
    desk.reactor.publish()
    assert desk.reactor.kinds() == ["TicketCreated"]


def test_a_ticket_that_is_full_parks_what_comes_besides(desk: Helpdesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_TICKET_MESSAGES", "2")
    reset_caches()
    answers = [desk.deliver(ticket(body=f"Message {number}"))[1] for number in range(3)]
    assert [answer["status"] for answer in answers] == ["accepted", "accepted", "parked"]
    assert "2 messages" in answers[-1]["detail"]
    assert len(desk.see()["messages"]) == 2
    [parked] = desk.reactor.call("events", "GET", "/events")[1]["items"]
    assert (parked["id"], parked["data"]["body"]) == (answers[-1]["id"], "Message 2")


def test_two_sources_may_have_the_same_ticket_id(desk: Helpdesk) -> None:
    other = helpdesk(desk.reactor)
    for each in (desk, other, desk, other):
        each.deliver(ticket(5, f"From {each.source_id}."))
    assert len(desk.see("5")["messages"]) == len(desk.see(f"{other.source_id}.5")["messages"]) == 1
    assert other.deliver(ticket(5, "More."))[1]["id"] == f"{other.source_id}.5"


@pytest.mark.parametrize("name", ["a/b", "../x", "ä", "x y", "#1", "x" * 128, "-1"])
def test_a_ticket_id_that_no_path_can_have_gets_another_name(desk: Helpdesk, name: str) -> None:
    status, answer = desk.deliver(ticket(name))
    assert (status, answer["ticket_id"]) == (202, name)
    assert answer["id"].startswith(f"{desk.source_id}.")
    assert desk.see(answer["id"])["ticket_id"] == name
    assert desk.deliver(ticket(name, "More."))[1]["id"] == answer["id"]


def test_a_source_decides_the_tenant_and_others_see_nothing(desk: Helpdesk) -> None:
    desk.deliver(ticket())
    assert desk.reactor.call("tickets", "GET", "/tickets/1", tenant="somebody-else")[0] == 404
    assert desk.reactor.call("tickets", "GET", "/tickets", tenant="somebody-else")[1]["items"] == []
    assert desk.reactor.call("tickets", "GET", "/tickets/1", scopes="ask")[0] == 403


def test_a_revoked_source_is_nobodys(desk: Helpdesk) -> None:
    harness.invoke("system/keys", {"action": "revoke_source", "source_id": desk.source_id})
    assert desk.deliver(ticket())[0] == 401
    assert harness.invoke("system/keys", {"action": "list_sources", "tenant": desk.reactor.agent.tenant})["items"] == []


def test_a_secret_is_in_the_parameter_store_and_nowhere_else(desk: Helpdesk) -> None:
    items = [clients.dynamodb().scan(TableName=table)["Items"] for table in ("KeysTable", "CasesTable")]
    assert desk.secret not in json.dumps(items)
    parameter = clients.sources().ssm.get_parameter(Name=f"/quadrille/sources/{desk.source_id}")["Parameter"]
    assert parameter["Type"] == "SecureString"
    tenant = desk.reactor.agent.tenant
    [listed] = harness.invoke("system/keys", {"action": "list_sources", "tenant": tenant})["items"]
    assert set(listed) == {"source_id", "tenant", "kind", "created_at"}
    assert harness.invoke("system/keys", {"action": "list", "tenant": tenant})["items"] == []
    assert "no key" in harness.invoke("system/keys", {"action": "revoke", "key_id": desk.source_id})["error"]


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"kind": "github"}, "tickets, zendesk, freshdesk"),
        ({"tenant": "A/B"}, "tenant"),
        ({"secret": "short"}, "secret"),
        ({"secret": "x" * 15 + "\n"}, "secret"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_source_that_cannot_be_is_refused(reactor: Reactor, more: dict[str, str], word: str) -> None:
    command = {"action": "create_source", "tenant": "acme", "kind": "tickets", **more}
    assert word in harness.invoke("system/keys", command)["error"]


def test_a_desk_may_bring_its_own_secret(reactor: Reactor) -> None:
    secret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
    command = {"action": "create_source", "tenant": reactor.agent.tenant, "kind": "zendesk", "secret": secret}
    assert harness.invoke("system/keys", command)["secret"] == secret


def test_what_zendesk_sends_of_something_else_is_parked_once(reactor: Reactor) -> None:
    desk = helpdesk(reactor, "zendesk")
    payload = {"type": "zen:event-type:user.created", "detail": {"id": "1"}, "event": {}}
    body = json.dumps(payload).encode()
    answers = [desk.deliver(body, header=signature(desk.secret, body, at=time.time() - at))[1] for at in (9, 5, 0)]
    assert {answer["status"] for answer in answers} == {"parked"}
    [parked] = reactor.call("events", "GET", "/events")[1]["items"]
    assert (parked["type"], parked["data"]) == ("webhooks.zendesk", payload)
    assert "user.created" in parked["reason"]


def test_tickets_are_listed_newest_first_by_pages(desk: Helpdesk) -> None:
    for number in range(5):
        desk.deliver(ticket(number))
        time.sleep(0.002)  # tickets of one millisecond are in the order of their names
    call = desk.reactor.call
    _, first = call("tickets", "GET", "/tickets", query={"limit": "3"})
    _, second = call("tickets", "GET", "/tickets", query={"limit": "3", "cursor": first["cursor"]})
    assert [item["id"] for item in first["items"] + second["items"]] == ["4", "3", "2", "1", "0"]
    assert second["cursor"] is None
    assert call("tickets", "GET", "/tickets", query={"status": "answered"})[1] == {"items": [], "cursor": None}
    assert call("tickets", "GET", "/tickets", query={"status": "no such"})[0] == 422
