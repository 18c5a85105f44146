"""Events from outside: what is taken, known, refused and parked, and how what is parked is listed."""

import json
from typing import Any

import pytest

from quadrille import clients
from quadrille.events import Envelope, TaskRequested
from tests.integration import house as harness
from tests.integration.reactor import Reactor, cloud_event


def test_another_source_may_use_the_same_id(reactor: Reactor) -> None:
    for source in ("/one", "/two"):
        event = cloud_event("com.example.order", {}, source=source)
        assert reactor.call("events", "POST", "/events", event)[1]["status"] == "accepted"


def test_a_batch_is_taken_whole_or_not_at_all(reactor: Reactor) -> None:
    batch = [cloud_event("com.example.order", {"number": n}, id=str(n)) for n in range(3)]
    status, body = reactor.call("events", "POST", "/events", batch)
    assert (status, [item["status"] for item in body["items"]]) == (202, ["accepted"] * 3)
    spoilt = [*(cloud_event("com.example.order", {}, id=f"new-{n}") for n in range(2)), cloud_event("TaskFinished", {})]
    assert reactor.call("events", "POST", "/events", spoilt)[0] == 403
    reactor.settle()
    assert len(reactor.seen) == 3


def test_an_event_may_have_as_many_bytes_as_is_said(reactor: Reactor) -> None:
    for size, status in ((120_000, 202), (140_000, 422), (1_100_000, 413)):
        event = cloud_event("com.example.order", {"text": "x" * size}, id=str(size))
        assert reactor.call("events", "POST", "/events", event)[0] == status


def test_of_a_batch_what_is_known_is_told_from_what_is_new(reactor: Reactor) -> None:
    orders = [cloud_event("com.example.order", {"number": n}, id=str(n)) for n in range(40)]
    reactor.call("events", "POST", "/events", orders[30])
    status, body = reactor.call("events", "POST", "/events", [*orders, orders[0]])
    known = [item["id"] for item in body["items"] if item["status"] == "known"]
    assert (status, known, len(body["items"])) == (202, ["30"], 41)
    reactor.settle()
    assert sorted(event["data"]["number"] for event in reactor.seen) == list(range(40))


def test_binary_mode_has_the_event_in_its_headers(reactor: Reactor) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/shop", "CE-Type": "com.example.order"}
    headers["ce-subject"] = "Stra%C3%9Fe"
    status, body = reactor.call("events", "POST", "/events", {"number": 7}, headers=headers)
    assert (status, body["id"]) == (202, "7")
    reactor.settle()
    [event] = reactor.seen
    assert (event["type"], event["subject"], event["data"]) == ("com.example.order", "Straße", {"number": 7})


@pytest.mark.parametrize(
    ("content_type", "batch"),
    [
        ("application/cloudevents+json; charset=utf-8", False),
        ("application/cloudevents-batch+json", True),
        ("application/json", False),
        ("application/json", True),
    ],
)
def test_an_event_or_a_batch_is_known_by_its_shape(reactor: Reactor, content_type: str, batch: bool) -> None:
    event = cloud_event("com.example.order", {"number": 7})
    headers = {"Content-Type": content_type}
    status, body = reactor.call("events", "POST", "/events", [event] if batch else event, headers=headers)
    assert (status, body["items"][0] if batch else body) == (202, {"id": "1", "status": "accepted", "detail": ""})


def test_what_is_structured_by_its_content_type_is_so_whatever_its_headers_say(reactor: Reactor) -> None:
    headers = {"content-type": "application/cloudevents+json", "ce-specversion": "1.0", "ce-id": "1", "ce-type": "a.b"}
    event = cloud_event("com.example.order", {"number": 7})
    assert reactor.call("events", "POST", "/events", event, headers=headers)[0] == 202
    reactor.settle()
    [taken] = reactor.seen
    assert (taken["type"], taken["data"]) == ("com.example.order", {"number": 7})


def test_who_answers_an_event_with_an_event_is_stopped_at_the_limit_of_hops(reactor: Reactor) -> None:
    headers = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "/shop", "ce-type": "a.b", "ce-hops": "6"}
    assert reactor.call("events", "POST", "/events", {}, headers=headers)[1]["status"] == "accepted"
    reactor.settle()
    [parked] = reactor.call("events", "GET", "/events")[1]["items"]
    assert parked["reason"] == "It came by 6 others; the limit is 5."


def nested(depth: int) -> dict[str, Any]:
    return {"in": nested(depth - 1)} if depth else {}


@pytest.mark.parametrize("more", [{"subject": "\ud800"}, {"data": {"a": "\ud800"}}, {"data": nested(300)}])
def test_an_event_that_no_reader_could_read_is_refused(reactor: Reactor, more: dict[str, Any]) -> None:
    status, body = reactor.call("events", "POST", "/events", cloud_event("a.b", {}) | more)
    assert status == 422, body
    reactor.settle()
    assert reactor.seen == []


@pytest.mark.parametrize(
    ("event", "status", "word"),
    [
        (cloud_event("a.b", {}) | {"data_base64": "eA=="}, 422, "data_base64"),
        (cloud_event("DocumentIndexed", {}), 403, "Only Quadrille says DocumentIndexed"),
        (cloud_event("TaskRequested", {}), 422, "goal"),
        (cloud_event("TaskRequested", {"goal": 5}), 422, "goal"),
        (cloud_event("com.example.order", {"text": "x" * 140_000}), 422, "limit"),
        (cloud_event("no spaces please", {}), 422, "type"),
        ({"id": "1"}, 422, "specversion"),
        ([], 422, "events"),
        ([cloud_event("com.example.order", {}, id=str(n)) for n in range(101)], 422, "100"),
        ("not json", 422, "JSON"),
    ],
)
def test_what_is_no_event_of_a_tenant_is_refused(reactor: Reactor, event: Any, status: int, word: str) -> None:
    answer, body = reactor.call("events", "POST", "/events", event)
    assert answer == status, body
    assert word in body["detail"]
    reactor.settle()
    assert reactor.seen == []


@pytest.mark.parametrize("more", [{"type": "OrderPlaced"}, {"schemaversion": 9}])
def test_an_unknown_type_or_version_is_parked_and_not_lost(reactor: Reactor, more: dict[str, Any]) -> None:
    event = cloud_event("TaskRequested", {"goal": "x"}) | more
    status, body = reactor.call("events", "POST", "/events", event)
    assert (status, body["status"]) == (202, "parked")
    assert body["detail"]
    reactor.settle()
    assert reactor.seen == []
    [parked] = reactor.call("events", "GET", "/events")[1]["items"]
    assert (parked["type"], parked["data"], parked["reason"]) == (event["type"], {"goal": "x"}, body["detail"])


def parked(reactor: Reactor, **query: str) -> Any:
    return reactor.call("events", "GET", "/events", query=query)[1]


def test_parked_events_are_listed_a_page_at_a_time(reactor: Reactor) -> None:
    batch = [cloud_event("OrderPlaced", {"number": n}, id=str(n)) for n in range(5)]
    reactor.call("events", "POST", "/events", batch)
    pages = [parked(reactor, limit="2")]
    while pages[-1]["cursor"]:
        pages.append(parked(reactor, limit="2", cursor=pages[-1]["cursor"]))
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert sorted(item["data"]["number"] for page in pages for item in page["items"]) == list(range(5))
    assert reactor.call("events", "GET", "/events", tenant="somebody-else")[1] == {"items": [], "cursor": None}


def test_a_page_of_large_events_fits_into_a_reply(reactor: Reactor) -> None:
    asked = TaskRequested(goal="\N{BUG}" * 30_000)
    for number in range(60):
        envelope = Envelope.of(asked, tenant=reactor.agent.tenant, subject="events/1", once=str(number))
        clients.outbox().park(envelope, "It is too large.", by="tests")
    found, cursor, largest = 0, "", 0
    while cursor is not None:
        query = {"limit": "100", **({"cursor": cursor} if cursor else {})}
        answer = harness.invoke(
            "react/events",
            harness.http_event("GET", "/events", tenant=reactor.agent.tenant, scopes="react", query=query),
        )
        page = json.loads(answer["body"])
        largest = max(largest, len(json.dumps(answer)))
        found, cursor = found + len(page["items"]), page["cursor"]
    assert found == 60
    assert largest < 6 * 1024 * 1024


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"cursor": ""}, {"cursor": "a#b"}, {"cursor": "a" * 201}]
)
def test_a_page_of_parked_events_nobody_can_give_is_refused(reactor: Reactor, query: dict[str, str]) -> None:
    assert reactor.call("events", "GET", "/events", query=query)[0] == 422
