"""The gate of a provider: a rate limit and a circuit that all functions share."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.circuit_breaker import base as powertools
from aws_lambda_powertools.utilities.circuit_breaker.persistence import CircuitBreakerDynamoDBPersistence
from botocore.exceptions import EndpointConnectionError

from quadrille.config import Rate
from quadrille.errors import Busy
from quadrille.gate import Gate
from tests.integration.conftest import Clock, make_table

RATE = Rate(requests=60, tokens=6_000)  # one request, or 100 tokens, a second; a burst is ten seconds of it


@pytest.fixture
def make(dynamodb: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Gate]]:
    """Gates as different processes have them: over one table, with a circuit's local memory of their own."""
    table = make_table(dynamodb, "LedgerTable")
    monkeypatch.setattr(powertools.CircuitBreakerHandler, "_now", staticmethod(lambda: int(clock.now())))

    def gate() -> Gate:
        circuits = CircuitBreakerDynamoDBPersistence(
            table, key_attr="pk", static_pk_value="circuit", sort_key_attr="sk", boto3_client=dynamodb
        )
        return Gate(table, dynamodb, circuits, {"m": RATE}, now=clock.now, sleep=clock.sleep)

    yield gate
    powertools._LOCAL_FAILURES.clear()
    powertools._LAST_OBSERVED_STATE.clear()


def test_a_burst_passes_at_once_and_the_rest_at_the_rate(make: Callable[[], Gate], clock: Clock) -> None:
    gates = [make(), make()]
    for number in range(30):
        gates[number % 2].wait("m", tokens=1, patience=60)
    assert 18 <= sum(clock.sleeps) <= 20


def test_tokens_count_as_well_as_requests(make: Callable[[], Gate], clock: Clock) -> None:
    for _ in range(4):
        make().wait("m", tokens=1_000, patience=60)
    assert 19 <= sum(clock.sleeps) <= 21


def test_a_request_over_a_whole_minute_of_tokens_passes_when_it_is_quiet(
    make: Callable[[], Gate], clock: Clock
) -> None:
    make().wait("m", tokens=20_000, patience=1)
    assert clock.sleeps == [0.0]


def test_who_would_wait_too_long_is_told_how_long(make: Callable[[], Gate]) -> None:
    gate = make()
    gate.wait("m", tokens=10_000, patience=1)
    with pytest.raises(Busy) as busy:
        gate.wait("m", tokens=1, patience=1)
    assert 89 <= busy.value.seconds <= 95


def test_an_idle_minute_is_not_saved_up(make: Callable[[], Gate], clock: Clock) -> None:
    gate = make()
    gate.wait("m", tokens=1, patience=60)
    clock.time += 3_600
    for _ in range(12):
        gate.wait("m", tokens=1, patience=60)
    assert sum(clock.sleeps) >= 1


def test_a_429_of_one_holds_all(make: Callable[[], Gate]) -> None:
    make().hold("m", 30)
    with pytest.raises(Busy):
        make().wait("m", tokens=1, patience=5)


def test_a_model_without_a_rate_is_not_limited(make: Callable[[], Gate], clock: Clock) -> None:
    for _ in range(100):
        make().wait("other", tokens=10**9, patience=0)
    assert clock.sleeps == []


def test_a_rate_that_cannot_be_booked_stops_nobody(make: Callable[[], Gate], clock: Clock) -> None:
    gate = make()

    def fail(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    gate.dynamodb.update_item = fail  # type: ignore[method-assign,assignment]
    gate.wait("m", tokens=1, patience=1)
    assert clock.sleeps == []


def fail() -> None:
    raise ConnectionError("down")


def trip(gate: Gate) -> None:
    for _ in range(5):
        with pytest.raises(ConnectionError):
            gate.guard("p", fail, failures=(ConnectionError,))


def test_failures_in_a_row_open_the_circuit_for_everybody(make: Callable[[], Gate]) -> None:
    trip(make())
    with pytest.raises(Busy):
        make().guard("p", lambda: "never sent", failures=(ConnectionError,))


def test_an_open_circuit_lets_one_try_later_and_closes_if_it_works(make: Callable[[], Gate], clock: Clock) -> None:
    trip(make())
    clock.time += 31
    assert make().guard("p", lambda: "back", failures=(ConnectionError,)) == "back"
    assert make().guard("p", lambda: "again", failures=(ConnectionError,)) == "again"


def test_an_error_of_another_kind_opens_nothing(make: Callable[[], Gate]) -> None:
    gate = make()
    for _ in range(9):
        with pytest.raises(ConnectionError):
            gate.guard("p", fail, failures=(TimeoutError,))
    assert gate.guard("p", lambda: "sent", failures=(TimeoutError,)) == "sent"


@pytest.mark.parametrize("requests", [60, 7_000, 40_000, 90_000])
def test_no_rate_is_overrun_however_high(make: Callable[[], Gate], clock: Clock, requests: int) -> None:
    gate, began = make(), clock.time
    object.__setattr__(gate, "rates", {"m": Rate(requests=requests, tokens=10**9)})
    gate.hold("m", 0)  # the burst is used up
    for _ in range(200):
        gate.wait("m", tokens=1, patience=600)
    assert 0.97 <= (clock.time - began) / (199 / requests * 60) <= 1.03


def test_a_short_hold_takes_nothing_from_what_is_booked(make: Callable[[], Gate]) -> None:
    make().wait("m", tokens=12_000, patience=1)
    make().hold("m", 1)
    with pytest.raises(Busy):
        make().wait("m", tokens=5_000, patience=1)


def test_a_circuit_whose_probe_cannot_be_noted_sends_nothing(
    make: Callable[[], Gate], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*_: Any, **__: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    trip(make())
    clock.time += 31
    gate = make()
    monkeypatch.setattr(gate.circuits, "_put_record", throttled)
    with pytest.raises(Busy):
        gate.guard("p", lambda: "sent", failures=(ConnectionError,))
