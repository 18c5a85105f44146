"""The ledger when workers die, clocks jump and DynamoDB hiccups: paid once all the same, and the money is right."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from quadrille.budgets import Budget
from quadrille.calls import Call, Reply
from quadrille.errors import AmbiguousCall, Busy, RetryLater
from quadrille.ledger import Ledger
from tests.integration.conftest import Clock, Provider
from tests.integration.test_ledger import begun, budget, raising

Make = Callable[..., Call]


def test_the_claim_of_a_crashed_worker_is_taken_over_and_its_reservation_counts_as_spent(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    begun(ledger, call())  # and the worker dies
    clock.time += 31
    paid = ledger.pay(call(deadline=clock.now() + 20), provider)
    assert provider.bills == 1
    assert (paid.receipt.cost_usd, paid.receipt.ambiguous) == (Decimal("0.14"), 1)
    assert budget(ledger) == (Decimal("0.14"), Decimal(0))


def test_a_late_first_owner_is_fenced_off_and_the_money_is_right(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    claim = begun(ledger, call())
    clock.time += 31
    ledger.pay(call(deadline=clock.now() + 20), provider)
    with pytest.raises(RetryLater):
        ledger._settle(call(), claim, Provider(result=b"late")())
    assert ledger.pay(call(), provider).result == b"reply"
    assert budget(ledger) == (Decimal("0.14"), Decimal(0))


def test_a_claim_left_on_another_day_settles_that_days_budget(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    begun(ledger, call())
    clock.time += 86_400
    paid = ledger.pay(call(deadline=clock.now() + 20), provider)
    assert paid.receipt.ambiguous == 1
    assert budget(ledger) == (Decimal("0.10"), Decimal(0))


def test_a_reply_nobody_understands_counts_as_spent(ledger: Ledger, call: Make) -> None:
    with pytest.raises(AmbiguousCall):
        ledger.pay(call(), raising(AttributeError("no usage")))
    assert budget(ledger) == (Decimal("0.10"), Decimal(0))


def test_a_hiccup_at_the_settlement_loses_nothing(ledger: Ledger, call: Make, provider: Provider) -> None:
    write, hiccups = ledger.claims.dynamodb.transact_write_items, iter([False, True, True, False])

    def flaky(**request: Any) -> Any:
        if next(hiccups):
            raise EndpointConnectionError(endpoint_url="x")
        return write(**request)

    ledger.claims.dynamodb.transact_write_items = flaky  # type: ignore[method-assign]
    assert ledger.pay(call(), provider).receipt.cost_usd == Decimal("0.04")
    assert budget(ledger) == (Decimal("0.04"), Decimal(0))


def test_a_settlement_whose_reply_was_lost_is_found_settled(ledger: Ledger, call: Make, provider: Provider) -> None:
    write, calls = ledger.claims.dynamodb.transact_write_items, iter(range(9))

    def lost(**request: Any) -> Any:
        request.pop("ClientRequestToken", None)  # as if the token had been forgotten, too
        answer = write(**request)
        if next(calls) == 1:
            raise EndpointConnectionError(endpoint_url="x")
        return answer

    ledger.claims.dynamodb.transact_write_items = lost  # type: ignore[method-assign]
    assert ledger.pay(call(), provider).result == b"reply"
    assert budget(ledger) == (Decimal("0.04"), Decimal(0))


def test_a_result_that_cannot_be_stored_is_written_off_at_its_cost(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    ledger.claims.blobs.s3.delete_bucket(Bucket="bucket")
    with pytest.raises(AmbiguousCall, match="could not be stored"):
        ledger.pay(call(as_blob=True), provider)
    assert budget(ledger) == (Decimal("0.04"), Decimal(0))


@pytest.mark.parametrize("days", [-400, 400], ids=str)
def test_a_clock_that_jumps_makes_no_second_payment_of_what_is_paid(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock, days: int
) -> None:
    ledger.pay(call(), provider)
    clock.time += days * 86_400
    ledger.pay(call(deadline=clock.now() + 20), provider)
    assert provider.bills == 1


def test_a_clock_ahead_takes_a_live_call_over_and_the_money_is_still_right(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    def send() -> Reply:
        clock.time += 3_600
        ledger.pay(call(deadline=clock.now() + 20), provider)
        clock.time -= 3_600
        return Provider(result=b"slow")()

    with pytest.raises(RetryLater):
        ledger.pay(call(), send)
    assert budget(ledger) == (Decimal("0.14"), Decimal(0))
    assert ledger.pay(call(), provider).receipt.ambiguous == 1


def test_a_claim_whose_reply_was_lost_is_known_for_ones_own(ledger: Ledger, call: Make, provider: Provider) -> None:
    write, calls = ledger.claims.dynamodb.transact_write_items, iter(range(9))

    def lost(**request: Any) -> Any:
        answer = write(**request)
        if next(calls) == 0:
            raise EndpointConnectionError(endpoint_url="x")
        return answer

    ledger.claims.dynamodb.transact_write_items = lost  # type: ignore[method-assign]
    assert ledger.pay(call(), provider).result == b"reply"
    assert budget(ledger) == (Decimal("0.04"), Decimal(0))


def conflicting(ledger: Ledger, times: int) -> None:
    """Let DynamoDB refuse the next transactions, as it does when two touch one row."""
    dynamodb, write, left = ledger.claims.dynamodb, ledger.claims.dynamodb.transact_write_items, iter(range(times))

    def conflict(**request: Any) -> Any:
        if next(left, None) is None:
            return write(**request)
        reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
        raise dynamodb.exceptions.TransactionCanceledException(
            {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},  # type: ignore[typeddict-unknown-key]
            "TransactWriteItems",
        )

    ledger.claims.dynamodb.transact_write_items = conflict  # type: ignore[method-assign]


def test_a_claim_in_conflict_is_tried_again(ledger: Ledger, call: Make, provider: Provider) -> None:
    conflicting(ledger, 5)
    assert ledger.pay(call(), provider).result == b"reply"


def test_a_claim_in_conflict_for_too_long_is_busy_and_nothing_is_sent(
    ledger: Ledger, call: Make, provider: Provider
) -> None:
    conflicting(ledger, 1_000)
    with pytest.raises(Busy):
        ledger.pay(call(), provider)
    assert provider.bills == 0


def test_a_settlement_in_conflict_is_written_in_the_end(ledger: Ledger, call: Make) -> None:
    def send() -> Reply:
        conflicting(ledger, 20)
        return Provider()()

    assert ledger.pay(call(), send).result == b"reply"
    assert budget(ledger) == (Decimal("0.04"), Decimal(0))


def test_what_no_retry_cures_is_not_taken_for_a_conflict(ledger: Ledger, call: Make, provider: Provider) -> None:
    ledger.claims.dynamodb.delete_table(TableName=ledger.claims.table)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        ledger.pay(call(), provider)


def test_a_claim_is_taken_over_through_conflicts(ledger: Ledger, call: Make, provider: Provider, clock: Clock) -> None:
    begun(ledger, call())
    clock.time += 3_600
    conflicting(ledger, 3)
    assert ledger.pay(call(deadline=clock.now() + 20), provider).receipt.ambiguous == 1


def test_a_result_a_dead_worker_put_into_the_bucket_is_found_and_not_bought_again(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    reply = Provider(result=b"kept")()
    ledger.claims.keep(begun(ledger, call()), reply.result, reply.receipt)  # and the worker dies
    clock.time += 31
    paid = ledger.pay(call(deadline=clock.now() + 20), provider)
    assert (paid.result, paid.receipt.ambiguous, provider.bills) == (b"kept", 0, 0)
    assert budget(ledger) == (Decimal("0.04"), Decimal(0))


def test_a_claim_that_was_begun_again_is_not_reclaimed_from_under_its_owner(
    ledger: Ledger, call: Make, clock: Clock, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(ledger, call())
    clock.time += 31
    stale = ledger.claims.dynamodb.query(
        TableName=ledger.claims.table,
        IndexName="open",
        KeyConditionExpression="open_to = :tenant",
        ExpressionAttributeValues={":tenant": {"S": "acme"}},
    )

    def send() -> Reply:
        monkeypatch.setattr(ledger.claims.dynamodb, "query", lambda **_: stale)
        assert ledger.claims.reclaim("acme") == 0
        return provider()

    assert ledger.pay(call(deadline=clock.now() + 20), send).result == b"reply"
    assert ledger.claims.reclaim("acme") == 0


def test_a_second_claim_whose_reply_was_lost_remembers_what_the_first_cost(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    begun(ledger, call())
    clock.time += 31
    write, calls = ledger.claims.dynamodb.transact_write_items, iter(range(99))

    def lost(**request: Any) -> Any:
        answer = write(**request)
        if next(calls) == 1:  # after the refused first claim and the take-over
            raise EndpointConnectionError(endpoint_url="x")
        return answer

    ledger.claims.dynamodb.transact_write_items = lost  # type: ignore[method-assign]
    assert ledger.pay(call(deadline=clock.now() + 20), provider).receipt.ambiguous == 1
    assert budget(ledger) == (Decimal("0.14"), Decimal(0))


def test_a_call_that_waits_over_midnight_is_booked_under_one_day(
    ledger: Ledger, call: Make, provider: Provider, clock: Clock
) -> None:
    clock.time = 1_800_057_598.0  # two seconds before midnight
    conflicting(ledger, 5)
    object.__setattr__(ledger.claims, "sleep", lambda seconds: clock.sleep(seconds + 1))
    ledger.pay(call(deadline=clock.now() + 60), provider)
    row = ledger.limits.spending(Budget("acme", "day", "2027-01-15", Decimal(0)))
    assert row["spent"] == row["2027-01-15|ask|m|spent"] == Decimal("0.04")
