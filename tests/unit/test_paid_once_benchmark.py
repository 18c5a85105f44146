"""The benchmark's queue and its judgement of a kill."""

import pytest

from benchmarks.faults.interactions import lost_by_the_kill, writes
from benchmarks.faults.queue import VISIBILITY_TIMEOUT, Delivery, Queue

_ACCEPTED = ["> provider", "< provider 200"]


def _drain(queue: Queue) -> list[Delivery]:
    deliveries = []
    while delivery := queue.receive():
        deliveries += [delivery, *filter(None, [queue.twin(delivery)])]
        queue.delete(delivery)
    return deliveries


def test_one_seed_draws_one_plan():
    plan, same, other = (_drain(Queue(200, seed)) for seed in (1, 1, 2))
    assert plan == same != other


def test_a_tenth_of_the_messages_comes_twice_and_many_out_of_order():
    deliveries = _drain(Queue(2_000, 1))
    assert 2_150 < len(deliveries) < 2_250
    assert [delivery.message for delivery in deliveries] != sorted(delivery.message for delivery in deliveries)


def test_the_first_message_comes_first_and_unharmed():
    for seed in range(50):
        queue = Queue(50, seed)
        first = queue.receive()
        assert (first.message, queue.twin(first), queue.kill_at(first, 6)) == (0, None, 0)


def test_a_tenth_of_the_deliveries_is_killed_anywhere():
    queue = Queue(2_000, 1)
    kills = [queue.kill_at(delivery, 6) for delivery in iter(queue.receive, None) if not delivery.copy]
    assert 160 < sum(kill > 0 for kill in kills) < 240
    assert set(kills) == set(range(7))


def test_a_failed_delivery_comes_again_after_the_visibility_timeout():
    queue = Queue(1, 1)
    first = queue.receive()
    queue.hide(first, first.time)
    assert queue.receive().time == first.time + VISIBILITY_TIMEOUT


def test_ten_receives_without_an_end_lose_a_message():
    queue = Queue(1, 1)
    receives = 0
    while delivery := queue.receive():
        receives += 1
        queue.hide(delivery, delivery.time)
    assert receives == 10


@pytest.mark.parametrize(
    ("trace", "lost"),
    [
        (["> TransactWriteItems", "< TransactWriteItems", "> provider"], False),
        ([*_ACCEPTED], True),
        ([*_ACCEPTED, "> PutItem"], True),
        ([*_ACCEPTED, "> PutItem", "< PutItem"], False),
        ([*_ACCEPTED, "> GetItem", "< GetItem"], True),
        (["> provider", "< provider lost"], False),
        (["> provider", "< provider lost", *_ACCEPTED], True),
    ],
)
def test_a_kill_loses_a_reply_until_something_is_written(trace, lost):
    assert lost_by_the_kill(trace) is lost


def test_only_writes_to_aws_are_counted():
    assert writes(["> PutItem", "< PutItem", "> Query", "> provider", "> file", "> TransactWriteItems"]) == 2
