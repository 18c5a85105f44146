"""Budgets of a day, a document and a task: what is refused, what waits, what comes back, and what is said."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from quadrille.budgets import MAX_LIMITS, Budget, Limits
from quadrille.calls import Call
from quadrille.errors import BudgetExceeded, Busy, Invalid
from quadrille.events import Envelope
from quadrille.ledger import Ledger
from quadrille.outbox import Outbox
from tests.integration.conftest import Clock, Provider
from tests.integration.test_ledger import begun, budget

Make = Callable[..., Call]


@pytest.fixture
def published(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> list[Envelope]:
    """The events that were put into the outbox for the first time."""
    events: list[Envelope] = []
    put = Outbox.put

    def noted(self: Outbox, envelope: Envelope) -> bool:
        new = put(self, envelope)
        events.extend([envelope] if new else [])
        return new

    monkeypatch.setattr(Outbox, "put", noted)
    return events


def paid(ledger: Ledger, call: Make, cost: str, **changes: Any) -> None:
    """Spend exactly so much."""
    ledger.pay(call(request={"input": cost}, ceiling=Decimal(cost), **changes), Provider(cost=Decimal(cost)))


def test_a_call_for_a_document_falls_under_its_budget_and_the_days(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    ledger.pay(call(document="doc_x/1"), provider)
    assert budget(ledger, "document", "doc_x/1") == budget(ledger) == (Decimal("0.04"), Decimal(0))


def test_a_documents_budget_refuses_while_the_day_has_money(ledger: Ledger, call: Make) -> None:
    paid(ledger, call, "0.45", document="doc_x/1")
    with pytest.raises(BudgetExceeded) as refused:
        ledger.pay(call(document="doc_x/1"), Provider())
    assert (refused.value.scope, refused.value.spent, refused.value.renews_at) == ("document", Decimal("0.45"), None)
    assert budget(ledger) == (Decimal("0.45"), Decimal(0))


def test_another_version_of_a_document_has_a_budget_of_its_own(ledger: Ledger, call: Make, provider: Provider) -> None:
    paid(ledger, call, "0.45", document="doc_x/1")
    ledger.pay(call(document="doc_x/2"), provider)
    assert provider.bills == 1


def test_a_task_has_a_budget(ledger: Ledger, call: Make) -> None:
    paid(ledger, call, "0.45", task="t1")
    with pytest.raises(BudgetExceeded, match=r"The task budget of \$0\.5 "):
        ledger.pay(call(task="t1"), Provider())


def test_money_that_is_only_reserved_is_waited_for_and_not_refused(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    claim = begun(ledger, call(ceiling=Decimal("0.95")))
    paused = clock.sleep

    def sleep(seconds: float) -> None:
        paused(seconds)
        if len(clock.sleeps) == 2:
            ledger._settle(call(), claim, Provider(cost=Decimal("0.01"))())

    object.__setattr__(ledger.claims, "sleep", sleep)
    ledger.pay(call(request={"input": "other"}), provider)
    assert budget(ledger) == (Decimal("0.05"), Decimal(0))


def test_money_that_stays_reserved_is_worth_another_try_and_no_refusal(
    ledger: Ledger, call: Make, published: list[Any]
) -> None:
    begun(ledger, call(ceiling=Decimal("0.95")))
    with pytest.raises(Busy):
        ledger.pay(call(request={"input": "other"}), Provider())
    assert published == []


def test_what_a_dead_worker_reserved_is_written_off_when_its_lease_ends(
    ledger: Ledger, call: Make, clock: Clock
) -> None:
    begun(ledger, call(ceiling=Decimal("0.95")))
    clock.time += 31
    with pytest.raises(BudgetExceeded) as refused:
        ledger.pay(call(request={"input": "other"}, deadline=clock.now() + 20), Provider())
    assert (refused.value.spent, refused.value.reserved) == (Decimal("0.95"), Decimal(0))
    assert ledger.claims.reclaim("acme") == 0


def test_a_claim_under_way_is_not_reclaimed(ledger: Ledger, call: Make, clock: Clock) -> None:
    begun(ledger, call())
    clock.time += 29
    assert ledger.claims.reclaim("acme") == 0
    assert ledger.claims.reclaim("other") == 0


def test_a_refusal_is_published_once_for_a_budget(
    ledger: Ledger, call: Make, clock: Clock, published: list[Envelope]
) -> None:
    paid(ledger, call, "0.95")
    for number in range(3):
        clock.time += 100
        with pytest.raises(BudgetExceeded):
            ledger.pay(call(request={"input": number}, deadline=clock.now() + 20), Provider())
    [event] = published
    assert (event.type, event.tenant) == ("BudgetExceeded", "acme")
    assert (event.data["scope"], event.data["id"]) == ("day", "2027-01-15")
    assert event.data["limit_usd"] == "1"


def test_the_next_day_is_announced_by_itself(ledger: Ledger, call: Make, clock: Clock, published: list[Any]) -> None:
    for _ in range(2):
        with pytest.raises(BudgetExceeded):
            ledger.pay(call(ceiling=Decimal(2), deadline=clock.now() + 20), Provider())
        clock.time += 86_400
    assert len(published) == 2


def test_an_announcement_that_failed_is_made_by_a_later_refusal(
    ledger: Ledger, call: Make, clock: Clock, published: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="the table")

    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "put", fail)
        with pytest.raises(BudgetExceeded):
            ledger.pay(call(ceiling=Decimal(2)), Provider())
    clock.time += 61
    with pytest.raises(BudgetExceeded):
        ledger.pay(call(ceiling=Decimal(2), deadline=clock.now() + 20), Provider())
    assert len(published) == 1


def test_one_requests_own_limit_is_no_news(ledger: Ledger, call: Make, published: list[Any]) -> None:
    with pytest.raises(BudgetExceeded):
        ledger.pay(call(max_cost=Decimal("0.01")), Provider())
    assert published == []


def test_a_limit_that_was_set_holds_within_five_seconds_and_can_be_taken_back(
    ledger: Ledger, limits: Limits, call: Make, clock: Clock
) -> None:
    other = Limits(limits.table, limits.dynamodb, limits.defaults, now=clock.now)
    other.set("acme", "day", Decimal("0.05"))
    clock.time += 5
    with pytest.raises(BudgetExceeded, match=r"budget of \$0\.05 "):
        ledger.pay(call(), Provider())
    other.set("acme", "day", None)
    clock.time += 5
    assert ledger.pay(call(), Provider()).receipt.calls == 1


def test_one_document_can_be_given_more_than_the_others(ledger: Ledger, limits: Limits, call: Make) -> None:
    limits.set("acme", "document:doc_x", Decimal("0.9"))
    paid(ledger, call, "0.6", document="doc_x/1")
    with pytest.raises(BudgetExceeded):
        paid(ledger, call, "0.55", document="doc_y/1")


def test_another_tenants_limits_are_its_own(limits: Limits) -> None:
    limits.set("acme", "day", Decimal(9))
    assert limits.limit("other", "day", "2027-01-15") == 1


def test_the_limits_a_tenant_may_set_are_limited(limits: Limits) -> None:
    for number in range(MAX_LIMITS):
        limits.set("acme", f"task:{number}", Decimal(1))
    limits.set("acme", "task:0", Decimal(2))
    with pytest.raises(Invalid, match="null first"):
        limits.set("acme", "day", Decimal(1))


def test_a_limit_of_zero_refuses_everything(limits: Limits, ledger: Ledger, call: Make, provider: Provider) -> None:
    limits.set("acme", "day", Decimal(0))
    with pytest.raises(BudgetExceeded):
        ledger.pay(call(), provider)
    assert provider.bills == 0


def test_a_lowered_limit_refuses_even_if_more_is_spent_already(ledger: Ledger, limits: Limits, call: Make) -> None:
    paid(ledger, call, "0.5")
    limits.set("acme", "day", Decimal("0.2"))
    with pytest.raises(BudgetExceeded) as refused:
        ledger.pay(call(), Provider())
    assert (refused.value.limit, refused.value.spent) == (Decimal("0.2"), Decimal("0.5"))


def test_amounts_of_many_digits_stay_exact(ledger: Ledger, call: Make) -> None:
    price = Decimal("0.000000000000001")
    for number in range(3):
        ledger.pay(call(request={"input": number}), Provider(cost=price))
    assert budget(ledger) == (3 * price, Decimal(0))


def test_the_day_of_a_budget_renews_at_midnight() -> None:
    assert Budget("acme", "day", "2026-12-31", Decimal(1)).renews_at == "2027-01-01T00:00:00Z"
