"""Dead letters of consumers: found by the bus, seen without their data, and sent back to be done once."""

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from quadrille import clients
from quadrille.config import settings
from quadrille.errors import RetryLater
from quadrille.events import Envelope, TaskRequested
from quadrille.queues import Queue
from quadrille.react.replaying import delivery_of
from tests.integration import house as harness
from tests.integration.agent import finishing
from tests.integration.house import sqs_event
from tests.integration.kills import Executioner, executioner
from tests.integration.mailbox import mail
from tests.integration.reactor import Reactor, rules
from tests.integration.test_agent import goal
from tests.integration.test_react import tasks

RECEIVES = 6


@pytest.fixture
def letters(reactor: Reactor, monkeypatch: pytest.MonkeyPatch) -> Reactor:
    """The bus and its consumers, and each one's dead letters."""
    monkeypatch.setattr("quadrille.queues._WAIT", 0)
    mail_queue = reactor.house.sqs.create_queue(QueueName="MailQueue", Attributes={"VisibilityTimeout": "0"})
    reactor.urls["receive_mail"] = mail_queue["QueueUrl"]
    monkeypatch.setenv("MAIL_QUEUE_URL", reactor.urls["receive_mail"])
    settings.cache_clear()
    for url in reactor.urls.values():
        name = url.rsplit("/", 1)[1]
        reactor.house.sqs.create_queue(QueueName=f"{name}-dead")
        arn = f"arn:aws:sqs:us-east-1:123456789012:{name}-dead"
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(RECEIVES)})
        reactor.house.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    return reactor


def tell(action: str, consumer: str = "start_task", **more: Any) -> dict[str, Any]:
    return harness.invoke("react/dead_letters", {"action": action, "consumer": consumer, **more})


def queue_of(letters: Reactor, consumer: str) -> Queue:
    return clients.queue(letters.urls[consumer])


def bury(letters: Reactor, consumer: str, *bodies: str) -> None:
    for body in bodies:
        queue_of(letters, consumer).dead_letters().send_back(body)


def asking(letters: Reactor, what: str) -> tuple[Envelope, str]:
    """An event that asks for a task, and how its rule puts it into the queue."""
    letters.house.script(what, finishing("Done."))
    envelope = Envelope.of(TaskRequested(goal=what), tenant=letters.agent.tenant, subject="events/1", once=what)
    brought = {**delivery_of(envelope).model_dump(by_alias=True, mode="json"), "account": "000000000000"}
    return envelope, json.dumps(brought)


def test_every_consumer_of_the_template_is_counted_and_mail_with_them(letters: Reactor) -> None:
    bury(letters, "summarize", "{}")
    answer = harness.invoke("react/dead_letters", {"action": "depth"})
    assert list(answer) == sorted([*rules(), "receive_mail"])
    assert answer["summarize"] == {"waiting": 0, "dead": 1}
    assert {name for name, depth in answer.items() if depth != {"waiting": 0, "dead": 0}} == {"summarize"}


def test_a_consumer_of_another_stack_is_found_by_its_rule_alone(letters: Reactor) -> None:
    letters.house.sqs.create_queue(QueueName="FileOrdersQueue")
    events = boto3.client("events")
    events.put_rule(Name="orders", EventBusName="quadrille", EventPattern='{"detail-type": ["com.example.order"]}')
    target = {"Id": "file_orders", "Arn": "arn:aws:sqs:us-east-1:123456789012:FileOrdersQueue"}
    events.put_targets(Rule="orders", EventBusName="quadrille", Targets=[target])
    depth = harness.invoke("react/dead_letters", {"action": "depth"})
    assert depth["file_orders"] == {"waiting": 0, "dead": None}
    for action in ("samples", "redrive"):
        assert tell(action, "file_orders") == {"error": "The queue FileOrdersQueue has no dead-letter queue."}


def test_a_sample_shows_the_event_and_not_its_data_and_stays_where_it_is(letters: Reactor) -> None:
    envelope, body = asking(letters, goal())
    bury(letters, "start_task", body)
    for _ in range(2):
        answer = tell("samples")
        [item] = answer["items"]
        assert {name: item[name] for name in ("event_id", "type", "tenant", "subject", "time", "reason")} == {
            "event_id": envelope.id,
            "type": "TaskRequested",
            "tenant": letters.agent.tenant,
            "subject": "events/1",
            "time": envelope.time,
            "reason": None,
        }
        assert (answer["consumer"], answer["dead"]) == ("start_task", 1)
        assert envelope.data["goal"] not in json.dumps(answer)


def test_an_event_that_failed_for_good_says_why_and_is_done_once_it_is_sent_back(
    letters: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope, body = asking(letters, goal())
    with monkeypatch.context() as broken:
        broken.setattr("quadrille.react.requesting.create", failing)
        broken.setattr(Queue, "postpone_all", lambda *_: None)
        queue_of(letters, "start_task").send_back(body)
        for _ in range(RECEIVES + 1):
            letters.take("start_task")
    [item] = tell("samples")["items"]
    assert item["event_id"] == envelope.id
    assert item["reason"] == "It failed 6 times and was set aside: The machine is down."
    assert tell("redrive") == {"consumer": "start_task", "redriven": 1, "dropped": {}, "unreadable": 0, "left": 0}
    letters.settle()
    assert [task["status"] for task in tasks(letters)] == ["completed"]
    bury(letters, "start_task", body)
    assert tell("redrive")["redriven"] == 1
    letters.settle()
    assert len(tasks(letters)) == 1


def failing(*_: Any, **__: Any) -> None:
    raise RetryLater("The machine is down.")


def test_a_reason_is_noted_also_if_giving_up_fails(letters: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    envelope, body = asking(letters, goal())
    consumer = clients.consumer("start_task", failing, failing)
    monkeypatch.setattr(Queue, "postpone_all", lambda *_: None)
    record = {"MessageId": "1", "ReceiptHandle": "1", "Body": body}
    consumer.run(sqs_event(record, receives=RECEIVES), harness.CONTEXT)
    assert "The machine is down" in (clients.failures().reason("start_task", envelope.id) or "")


def test_a_letter_goes_back_as_it_came(letters: Reactor) -> None:
    _, body = asking(letters, goal())
    bury(letters, "start_task", body)
    tell("redrive")
    [message] = queue_of(letters, "start_task").receive(1, hidden=0)
    assert message["Body"] == body


@pytest.mark.parametrize("body", ["this is not a message", "{}", '{"detail": {"id": "evt_1"}}'])
def test_what_is_no_event_stays_and_says_so(letters: Reactor, body: str) -> None:
    bury(letters, "triage", body)
    [item] = tell("samples", "triage")["items"]
    assert item["problem"] == "This is no event for the consumer triage."
    answer = tell("redrive", "triage")
    assert (answer["redriven"], answer["unreadable"], answer["left"]) == (0, 1, 1)
    assert queue_of(letters, "triage").depth() == 0


def test_a_mail_that_was_not_received_is_shown_by_its_key_and_received_once_it_is_sent_back(letters: Reactor) -> None:
    key = f"mail/{letters.agent.tenant}/1"
    letters.house.s3.put_object(Bucket="bucket", Key=key, Body=bytes(mail()))
    created = {"detail-type": "Object Created", "detail": {"object": {"key": key, "size": 1}}}
    bury(letters, "receive_mail", json.dumps(created))
    [item] = tell("samples", "receive_mail")["items"]
    assert (item["key"], item["reason"]) == (key, None)
    assert tell("redrive", "receive_mail")["redriven"] == 1
    letters.take("receive_mail")
    assert len(letters.call("emails", "GET", "/emails")[1]["items"]) == 1
    _, event = asking(letters, goal())
    bury(letters, "receive_mail", event)
    assert tell("redrive", "receive_mail")["unreadable"] == 1, "an event of the bus is no mail"


def test_no_more_than_the_limit_is_sent_back(letters: Reactor) -> None:
    bury(letters, "start_task", *(asking(letters, goal())[1] for _ in range(5)))
    answer = tell("redrive", limit=2)
    assert (answer["redriven"], answer["left"]) == (2, 3)
    assert queue_of(letters, "start_task").depth() == 2


def test_a_redrive_out_of_time_leaves_the_rest_in_place(letters: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    bury(letters, "start_task", asking(letters, goal())[1])
    monkeypatch.setattr("quadrille.dead_letters.time", SimpleNamespace(time=lambda: 4e9))
    answer = tell("redrive")
    assert (answer["redriven"], answer["left"]) == (0, 1)
    assert tell("samples")["items"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ({"action": "redrive", "consumer": "embed"}, "there is no 'embed'; there are: apply_rules, classify_ticket, "),
        ({"action": "samples", "consumer": ""}, "consumer: there is no ''"),
        ({"action": "redrive", "consumer": "start_task", "limit": 0}, "redrive.limit"),
        ({"action": "redrive", "consumer": "start_task", "limit": 1_001}, "redrive.limit"),
        ({"action": "samples", "consumer": "start_task", "limit": 11}, "samples.limit"),
        ({"action": "samples", "stage": "embed"}, "samples.consumer"),
        ({"action": "depth", "consumer": "start_task"}, "depth.consumer"),
        ({"action": "purge"}, "action"),
        ({"consumer": "start_task"}, "action"),
    ],
)
def test_a_wrong_command_is_answered_with_what_is_wrong(letters: Reactor, command: Any, problem: str) -> None:
    assert problem in harness.invoke("react/dead_letters", command).get("error", "")


def test_a_redrive_killed_anywhere_loses_nothing_and_its_event_is_done_once(
    letters: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quadrille.dead_letters._HIDDEN", 0)  # as if the time had passed after a kill
    done: list[str] = []
    monkeypatch.setattr("quadrille.react.requesting.create", lambda *_, once, **__: done.append(once))
    killer = executioner(monkeypatch)
    moments = _redriven(letters, killer, [], done)
    assert moments > 10
    for moment in range(moments):
        _redriven(letters, killer, [moment], done)


def _redriven(letters: Reactor, killer: Executioner, due: list[int], done: list[str]) -> int:
    """Redrive an event while the redriver is killed, then again; how many moments the first redrive had."""
    envelope, body = asking(letters, goal())
    bury(letters, "start_task", body)
    killer.begin(due)
    killer.run(lambda: tell("redrive"))
    moments = len(killer.passed)
    tell("redrive")
    while letters.take("start_task"):
        pass
    assert done.count(envelope.id) == 1, killer.passed
    assert queue_of(letters, "start_task").dead_letters().depth() == 0
    return moments
