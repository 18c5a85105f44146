"""A worker that dies at any moment of a mail's way: one case, one draft, and a bill that says what was paid."""

import json

from quadrille import clients
from quadrille.rows import from_item, to_item
from tests.integration import house as harness
from tests.integration.house import sqs_event
from tests.integration.kills import Executioner, last_of_each
from tests.integration.mailbox import deliver, drop, mail, mails
from tests.integration.reactor import Reactor
from tests.integration.test_kills import require_books_right
from tests.integration.test_mail import SEVEN, desk

__all__ = ["desk"]


def answered(desk: Reactor, killer: Executioner, due: list[int]) -> list[str]:
    """What a mail's workers do while they are killed then, up to its draft; each lease is over after a kill."""
    name = f"mail-{len(mails(desk))}"
    message = drop(desk, mail(f"What is the number of the club? This is {name}.", Message_ID=f"<{name}@x.y>"))
    killer.begin(due)
    while deliver(desk, message):
        pass
    passed, moment, due = killer.passed, killer.moment, killer.due
    killer.passed, killer.due = [], []
    desk.publish()
    killer.passed, killer.moment, killer.due = passed, moment, due
    event = {"source": "quadrille", "detail-type": "EmailReceived", "detail": desk.seen[-1]}
    received = {"MessageId": name, "ReceiptHandle": "x", "Body": json.dumps(event), "Attributes": {}}
    while harness.invoke("react/triage", sqs_event(received, receives=1))["batchItemFailures"]:
        end_leases()
    killer.due = []
    passed = [*killer.passed]
    desk.publish()
    return passed


def end_leases() -> None:
    """Let so much time pass that an event a dead worker had is nobody's."""
    table = clients.settings().cases_table
    for item in clients.dynamodb().scan(TableName=table)["Items"]:
        row = from_item(item)
        if row.get("status") == "INPROGRESS":
            clients.dynamodb().put_item(TableName=table, Item=to_item({**row, "in_progress_expiration": 0}))


def test_a_mail_whose_workers_are_killed_is_one_case_one_draft_and_one_bill(desk: Reactor, killer: Executioner) -> None:
    desk.monkeypatch.setenv("DRAFTS_PER_HOUR", "1000")
    requests = 1  # the club's embedding
    passed = answered(desk, killer, [])
    requests += killer.requests
    moments = last_of_each(passed)
    assert len(moments) >= 12, passed
    for moment in moments:
        answered(desk, killer, [moment])
        requests += killer.requests
        assert desk.kinds()[-2:] == ["EmailReceived", "EmailTriaged"], moment
    found = mails(desk)
    assert len(found) == len(moments) + 1
    assert {each["draft"]["text"] for each in found} == {SEVEN}
    assert desk.kinds() == ["EmailReceived", "EmailTriaged"] * len(found)
    require_books_right(desk.agent.tenant, requests, kills=len(moments))
