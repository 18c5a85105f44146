"""The ledger against DynamoDB: paid once, reserved before, never over the limit."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from quadrille.budgets import Budget
from quadrille.calls import Call, Reply
from quadrille.claims import Claim
from quadrille.errors import (
    Abandoned,
    AmbiguousCall,
    BudgetExceeded,
    ProviderRefused,
    ResultLost,
    RetryLater,
    Unanswered,
)
from quadrille.ledger import Ledger
from quadrille.purposes import QUESTION, Purpose
from quadrille.receipts import Receipt
from tests.integration.conftest import Clock, Provider

Make = Callable[..., Call]


def budget(ledger: Ledger, scope: str = "day", id_: str = "2027-01-15") -> tuple[Decimal, Decimal]:
    """Spent and reserved."""
    row = ledger.limits.spending(Budget("acme", scope, id_, Decimal(0)))
    spent = row.get("spent", Decimal(0))
    return spent, row.get("committed", Decimal(0)) - spent


def begun(ledger: Ledger, call: Call) -> Claim:
    """A claim, whose worker may then die."""
    budgets = ledger.limits.budgets(call.tenant, document=call.document, task=call.task)
    claim = ledger.claims.begin(call, budgets, "first", seen=None)
    assert isinstance(claim, Claim)
    return claim


def raising(error: Exception) -> Callable[[], Reply]:
    def send() -> Reply:
        raise error

    return send


def test_a_call_is_paid_and_its_receipt_says_so(ledger: Ledger, call: Make, provider: Provider) -> None:
    paid = ledger.pay(call(), provider)
    assert (paid.result, paid.blob) == (b"reply", "")
    assert paid.receipt.cost_usd == Decimal("0.04")
    assert budget(ledger) == (Decimal("0.04"), Decimal(0))


def test_a_duplicate_delivery_pays_nothing_and_has_the_same_receipt(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    first, second = ledger.pay(call(), provider), ledger.pay(call(), provider)
    assert provider.bills == 1
    assert second == first


def test_another_subject_with_the_same_request_saves_what_it_cost(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    ledger.pay(call(), provider)
    again = ledger.pay(call(subject="answers/2"), provider)
    assert provider.bills == 1
    assert (again.receipt.cost_usd, again.receipt.saved_usd, again.receipt.calls) == (0, Decimal("0.04"), 0)


@pytest.mark.parametrize(
    "change",
    [
        {"tenant": "other"},
        {"purpose": QUESTION},
        {"model": "n"},
        {"identity": "step-2"},
        {"request": {"input": "hello "}},
    ],
    ids=str,
)
def test_a_different_call_is_paid_for_itself(ledger: Ledger, call: Make, provider: Provider, change: Any) -> None:
    ledger.pay(call(), provider)
    ledger.pay(call(**change), provider)
    assert provider.bills == 2


def test_the_order_of_a_requests_fields_makes_no_difference(call: Make) -> None:
    assert call(request={"a": 1, "b": 2}).key == call(request={"b": 2, "a": 1}).key


def test_money_is_reserved_while_the_call_is_under_way(ledger: Ledger, call: Make) -> None:
    seen: list[tuple[Decimal, Decimal]] = []

    def send() -> Reply:
        seen.append(budget(ledger))
        return Provider()()

    ledger.pay(call(), send)
    assert seen == [(Decimal(0), Decimal("0.10"))]


def test_one_paid_call_is_two_writes(ledger: Ledger, call: Make, provider: Provider) -> None:
    writes: list[str] = []
    ledger.claims.dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: writes.append(model.name))
    ledger.pay(call(), provider)
    ledger.pay(call(request={"input": "more"}), provider)
    assert writes == ["GetItem", *["TransactWriteItems"] * 4]  # the tenant's limits are read every five seconds


def test_a_large_result_is_kept_in_the_bucket(ledger: Ledger, call: Make) -> None:
    provider = Provider(result=b"x" * 2_000)
    paid = ledger.pay(call(), provider)
    assert ledger.claims.blobs.get(paid.blob) == provider.result
    assert ledger.pay(call(), provider).result == provider.result
    assert provider.bills == 1


def test_a_result_that_vanished_from_the_bucket_is_bought_again_and_then_kept(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    paid = ledger.pay(call(as_blob=True), provider)
    ledger.claims.blobs.delete([paid.blob])
    again = ledger.pay(call(as_blob=True), provider)
    assert (again.result, again.receipt.calls) == (b"reply", 1)
    assert ledger.pay(call(as_blob=True), provider).blob == again.blob != paid.blob
    assert (provider.bills, budget(ledger)) == (2, (Decimal("0.08"), Decimal(0)))


def test_a_result_that_vanishes_every_time_is_not_bought_without_end(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    twice = Purpose("costly", room="act", sends=2)
    for _ in range(2):
        ledger.claims.blobs.delete([ledger.pay(call(as_blob=True, purpose=twice), provider).blob])
    with pytest.raises(ResultLost, match="2 times"):
        ledger.pay(call(as_blob=True, purpose=twice), provider)
    assert provider.bills == 2


def test_a_reservation_over_the_daily_limit_is_refused_before_anything_is_sent(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    with pytest.raises(BudgetExceeded) as refused:
        ledger.pay(call(ceiling=Decimal("1.01")), provider)
    assert (refused.value.scope, refused.value.limit) == ("day", Decimal("1"))
    assert refused.value.renews_at == "2027-01-16T00:00:00Z"
    assert provider.bills == 0


def test_what_was_spent_counts_against_the_limit(ledger: Ledger, call: Make) -> None:
    expensive = Provider(cost=Decimal("0.95"))
    ledger.pay(call(ceiling=Decimal("0.95")), expensive)
    with pytest.raises(BudgetExceeded) as refused:
        ledger.pay(call(request={"input": "more"}), expensive)
    assert (refused.value.spent, refused.value.reserved) == (Decimal("0.95"), Decimal(0))
    assert expensive.bills == 1


def test_a_budget_is_exactly_usable_to_its_end(ledger: Ledger, call: Make) -> None:
    for number in range(10):
        ledger.pay(call(request={"input": number}), Provider(cost=Decimal("0.10")))
    assert budget(ledger) == (Decimal("1.00"), Decimal(0))


def test_a_budget_renews_with_the_day(ledger: Ledger, call: Make, clock: Clock) -> None:
    ledger.pay(call(ceiling=Decimal("1")), Provider(cost=Decimal("1")))
    clock.time += 86_400
    later = call(request={"input": "tomorrow"}, deadline=clock.now() + 20)
    assert ledger.pay(later, Provider()).receipt.calls == 1


def test_the_limit_of_one_request_holds(ledger: Ledger, call: Make, provider: Provider) -> None:
    with pytest.raises(BudgetExceeded) as refused:
        ledger.pay(call(max_cost=Decimal("0.09")), provider)
    assert (refused.value.scope, provider.bills) == ("request", 0)


@pytest.mark.parametrize("error", [RetryLater("throttled"), ProviderRefused("wrong key")], ids=str)
def test_what_was_certainly_not_billed_gives_the_money_back(
    ledger: Ledger, call: Make, provider: Provider, error: Exception
) -> None:
    with pytest.raises(type(error)):
        ledger.pay(call(), raising(error))
    assert budget(ledger) == (Decimal(0), Decimal(0))
    paid = ledger.pay(call(), provider)
    assert (paid.receipt.cost_usd, paid.receipt.ambiguous) == (Decimal("0.04"), 0)


def test_an_ambiguous_call_counts_as_spent_and_one_receipt_names_it(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    with pytest.raises(AmbiguousCall) as lost:
        ledger.pay(call(), raising(AmbiguousCall("no reply")))
    assert budget(ledger) == (Decimal("0.10"), Decimal(0))
    paid = ledger.pay(call(subject="answers/2"), provider)
    assert lost.value.receipt
    assert lost.value.receipt + paid.receipt == Receipt(
        cost_usd=Decimal("0.14"), calls=1, ambiguous=1, input_tokens=3, models=("m",)
    )
    assert budget(ledger) == (Decimal("0.14"), Decimal(0))


def test_a_twin_is_asked_to_come_back_while_the_first_is_at_work(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    def send() -> Reply:
        with pytest.raises(RetryLater):
            ledger.pay(call(), provider)
        return Provider()()

    ledger.pay(call(), send)
    assert provider.bills == 0


def test_a_twin_that_waits_long_enough_gets_the_first_ones_result(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    claim = begun(ledger, call())
    paused = clock.sleep

    def sleep(seconds: float) -> None:
        paused(seconds)
        if len(clock.sleeps) == 2:
            ledger._settle(call(), claim, Provider(result=b"from the first")())

    object.__setattr__(ledger.claims, "sleep", sleep)
    assert ledger.pay(call(), provider).result == b"from the first"
    assert provider.bills == 0


def test_what_was_paid_before_is_free_whatever_a_request_may_cost(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    ledger.pay(call(), provider)
    again = ledger.pay(call(subject="answers/2", max_cost=Decimal("0.000000001")), provider)
    assert (again.receipt.cost_usd, provider.bills) == (0, 1)


def test_a_call_is_not_sent_more_often_than_its_purpose_allows(ledger: Ledger, call: Make, provider: Provider) -> None:
    twice = Purpose("costly", room="act", sends=2)
    for _ in range(2):
        with pytest.raises(AmbiguousCall):
            ledger.pay(call(purpose=twice), raising(AmbiguousCall("no reply")))
    with pytest.raises(Unanswered, match="2 times"):
        ledger.pay(call(purpose=twice), provider)
    assert provider.bills == 0
    assert ledger.pay(call(purpose=twice, identity="once more"), provider).receipt.ambiguous == 0


def test_a_call_nobody_waits_for_counts_as_spent_and_may_be_sent_again_as_often(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    twice = Purpose("costly", room="act", sends=2)
    for _ in range(3):
        with pytest.raises(Abandoned) as left:
            ledger.pay(call(purpose=twice), raising(Abandoned("gone")))
        assert left.value.receipt == Receipt(cost_usd=Decimal("0.10"), ambiguous=1, models=("m",))
    assert budget(ledger) == (Decimal("0.30"), Decimal(0))
    assert ledger.pay(call(purpose=twice), provider).receipt.cost_usd == Decimal("0.04")
    assert budget(ledger) == (Decimal("0.34"), Decimal(0))


def test_the_error_of_an_ambiguous_call_carries_its_receipt(ledger: Ledger, call: Make) -> None:
    with pytest.raises(AmbiguousCall) as lost:
        ledger.pay(call(), raising(AmbiguousCall("no reply")))
    assert lost.value.receipt == Receipt(cost_usd=Decimal("0.10"), ambiguous=1, models=("m",))


def test_a_result_over_the_limit_of_an_item_is_kept_in_the_bucket(ledger: Ledger, call: Make) -> None:
    provider = Provider(result=b"x" * 500_000)
    assert ledger.pay(call(), provider).blob
    assert ledger.pay(call(), provider).result == provider.result


def test_a_cost_above_the_ceiling_is_charged_and_logged(
    ledger: Ledger, call: Make, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.pay(call(), Provider(cost=Decimal("0.11")))
    assert budget(ledger) == (Decimal("0.11"), Decimal(0))
    assert "cost_above_ceiling" in caplog.text


def test_an_open_claim_does_not_expire_and_a_settled_one_does(ledger: Ledger, call: Make, provider: Provider) -> None:
    begun(ledger, call())
    ledger.pay(call(request={"input": "more"}), provider)
    rows = [ledger.claims.row(call()), ledger.claims.row(call(request={"input": "more"}))]
    assert ["expires_at" in (row or {}) for row in rows] == [False, True]
