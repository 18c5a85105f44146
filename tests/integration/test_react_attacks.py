"""What hostile customers, senders and tenants, and an unlucky network, try on the react room: each odd input has an end."""

import json
from typing import Any

import pytest

from quadrille import clients
from quadrille.customers import Customers
from quadrille.events import Envelope
from tests.integration.helpdesk import Helpdesk, helpdesk, ticket
from tests.integration.house import reset_caches
from tests.integration.reactor import Reactor

LONG = "x" * 2_000  # over what a key of a table takes


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


def test_rules_of_more_than_a_page_are_all_kept_to_and_counted(reactor: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_RULES", "20")
    reset_caches()
    body = rule(data={"x": ["y" * 60_000]})
    statuses = [reactor.call("rules", "PUT", f"/rules/r{number:02}", body)[0] for number in range(21)]
    assert statuses == [200] * 20 + [422]
    assert len(reactor.call("rules", "GET", "/rules")[1]["items"]) == 20
