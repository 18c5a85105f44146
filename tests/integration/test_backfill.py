"""Backfill: what lies in the bucket is sent once, waited for, and summed up."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from quadrille import clients
from quadrille.documents import Place
from quadrille.machines import Machine
from tests.integration.house import House, invoke
from tests.integration.kills import executioner
from tests.integration.test_pipeline import shown

NAMES = [f"note-{number:02}.md" for number in range(7)]


class Sfn:
    """Step Functions as far as a start and a look need it: a name is taken once."""

    class exceptions:  # noqa: N801  as the client has it
        class ExecutionAlreadyExists(Exception): ...

        class ExecutionDoesNotExist(Exception): ...

    def __init__(self) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.hidden = 0

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803
        if name in self.started:
            raise self.exceptions.ExecutionAlreadyExists
        self.started[name] = {"status": "RUNNING", "startDate": "now", "input": input}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        try:
            return self.started[executionArn.rpartition(":")[2]]
        except KeyError:
            raise self.exceptions.ExecutionDoesNotExist from None

    def get_paginator(self, _: str) -> Any:
        names = list(self.started)[: len(self.started) - self.hidden]
        return SimpleNamespace(paginate=lambda **_: [{"executions": [{"name": name} for name in reversed(names)]}])


@pytest.fixture
def sfn(house: House, monkeypatch: pytest.MonkeyPatch) -> Sfn:
    sfn = Sfn()
    machine = Machine("arn:aws:states:us-east-1:000000000000:stateMachine:quadrille-backfill", sfn)
    monkeypatch.setattr(clients, "backfill_machine", lambda: machine)
    return sfn


def put(house: House, tenant: str, *names: str, folder: str = "default") -> list[Place]:
    """Files in the bucket that no event tells of."""
    places = [Place(tenant, folder, name) for name in names]
    for place in places:
        house.s3.put_object(Bucket="bucket", Key=place.key, Body=f"This is {place.filename}, and it is short.".encode())
    return places


def begin(prefix: str, **more: Any) -> str:
    answer = invoke("ingest/backfill", {"action": "start", "prefix": prefix, **more})
    assert set(answer) == {"backfill", "status"}, answer
    return str(answer["backfill"])


def run(sfn: Sfn, name: str, between: Callable[[], Any] = lambda: None) -> dict[str, Any]:
    """What the state machine does: list, feed every page until nothing of it is left, report."""
    listing = json.loads(sfn.started[name]["input"])
    while listing["more"]:
        listing = invoke("ingest/feed", {"action": "list", "listing": listing})
    for page in clients.blobs().list(listing["pages_at"]):
        while feed(listing, page)["left"]:
            between()
    report = invoke("ingest/feed", {"action": "report", "listing": listing})
    sfn.started[name] |= {"status": "SUCCEEDED", "output": json.dumps(report)}
    return report


def feed(listing: dict[str, Any], page: str) -> dict[str, Any]:
    return invoke("ingest/feed", {"action": "feed", "backfill": listing["backfill"], "page": page})


def test_what_lies_under_a_prefix_becomes_ready_and_a_second_run_sends_nothing(
    house: House, sfn: Sfn, tenant: str
) -> None:
    places = put(house, tenant, *NAMES)
    put(house, f"{tenant}x", "not-asked-for.md")
    report = run(sfn, begin(f"uploads/{tenant}/", in_flight=30), house.work)
    assert report["complete"]
    assert (report["listed"], report["sent"], report["there"], report["refused"]) == (7, 7, 0, {})
    assert report["bytes"] == report["new_bytes"] > 7 * 20
    assert report["outcomes"] == {"ready": 7}
    assert report["pages"] == {"total": 3, "ended": 3}
    documents = [shown(house, place) for place in places]
    assert {document["status"] for document in documents} == {"ready"}
    again = run(sfn, begin(f"uploads/{tenant}/"))
    assert (again["listed"], again["sent"], again["there"], again["outcomes"]) == (7, 0, 7, {})
    assert house.work() == 0


def test_no_more_than_a_page_is_sent_before_its_documents_have_ended(house: House, sfn: Sfn, tenant: str) -> None:
    put(house, tenant, *NAMES)
    waiting = []
    run(sfn, begin(f"uploads/{tenant}/", in_flight=20), lambda: waiting.append(house.work("extract")) or house.work())
    assert max(waiting) == 2


def test_a_dry_run_counts_and_predicts_and_sends_nothing(house: House, sfn: Sfn, tenant: str) -> None:
    put(house, tenant, *NAMES)
    report = run(sfn, begin(f"uploads/{tenant}/", dry_run=True))
    assert (report["new"], report["sent"], report["outcomes"]) == (7, 0, {})
    assert float(report["predicted_usd"]) == pytest.approx(report["new_bytes"] / 4 * 0.02 / 1e6, rel=0.2)
    assert house.work() == 0


def test_a_document_that_is_to_be_confirmed_is_not_waited_for(house: House, sfn: Sfn, tenant: str) -> None:
    body = {"filename": "a.md", "size": 9, "confirm": True}
    assert house.call("ingest/uploads", "POST", "/documents", body, tenant=tenant)[0] == 201
    put(house, tenant, "a.md")
    report = run(sfn, begin(f"uploads/{tenant}/"), house.work)
    assert (report["sent"], report["outcomes"]) == (1, {"unconfirmed": 1})
    again = run(sfn, begin(f"uploads/{tenant}/"), house.work)
    assert (again["sent"], again["under_way"]) == (0, 1)


def test_no_more_than_the_limit_is_listed(house: House, sfn: Sfn, tenant: str) -> None:
    put(house, tenant, *NAMES)
    assert run(sfn, begin(f"uploads/{tenant}/", limit=3), house.work)["sent"] == 3


def test_what_cannot_be_a_document_is_refused_with_a_reason(
    house: House, sfn: Sfn, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(house, tenant, "good.md")
    for key in (f"uploads/{tenant}/lost.txt", f"uploads/{tenant}/default/", f"uploads/{tenant}/b@d/x.md"):
        house.s3.put_object(Bucket="bucket", Key=key, Body=b"x")
    house.s3.put_object(Bucket="bucket", Key=f"uploads/{tenant}/default/big.md", Body=b"x" * 1_000)
    monkeypatch.setenv("MAX_DOCUMENT_BYTES", "999")
    from quadrille.config import settings

    settings.cache_clear()
    report = run(sfn, begin(f"uploads/{tenant}/"), house.work)
    assert (report["sent"], report["refused"]) == (1, {"key": 1, "filename": 1, "collection": 1, "size": 1})
    assert any("uploads/<tenant>/<collection>/<name>" in sample["reason"] for sample in report["samples"])


def test_a_document_that_fails_is_reported_with_its_reason_and_tried_again_by_the_next_run(
    house: House, sfn: Sfn, tenant: str
) -> None:
    [place] = put(house, tenant, "broken.pdf")
    house.s3.put_object(Bucket="bucket", Key=place.key, Body=b"%PDF-1.7\nnothing follows")
    for _ in range(2):
        report = run(sfn, begin(f"uploads/{tenant}/"), house.work)
        assert (report["sent"], report["outcomes"]) == (1, {"failed": 1})
        assert report["samples"] == [{"key": place.key, "reason": shown(house, place)["error"]}]


def test_changed_content_is_sent_and_replaces_what_was_there(house: House, sfn: Sfn, tenant: str) -> None:
    [place] = put(house, tenant, "a.md")
    run(sfn, begin(f"uploads/{tenant}/"), house.work)
    house.s3.put_object(Bucket="bucket", Key=place.key, Body=b"Something else.")
    report = run(sfn, begin(f"uploads/{tenant}/"), house.work)
    assert (report["sent"], report["outcomes"], shown(house, place)["version"]) == (1, {"ready": 1}, 2)


def test_a_later_event_of_the_bucket_is_newer_than_a_backfill(house: House, sfn: Sfn, tenant: str) -> None:
    [place] = put(house, tenant, "a.md")
    name = begin(f"uploads/{tenant}/")
    run(sfn, name, lambda: house.drop(place.key, b"Newer.") and house.work())
    assert shown(house, place)["version"] == 1
    assert clients.documents().get(tenant, place.document_id)["size"] == len(b"Newer.")


def test_documents_that_are_under_way_are_not_sent_again(house: House, sfn: Sfn, tenant: str) -> None:
    [place] = put(house, tenant, "a.md")
    house.drop(place.key, b"It is on its way.")
    house.work("extract")
    report = run(sfn, begin(f"uploads/{tenant}/"))
    assert (report["sent"], report["under_way"]) == (0, 1)


def test_a_document_without_a_budget_is_waited_for_until_it_has_one(
    house: House, sfn: Sfn, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(house, tenant, "a.md")
    clients.limits().set(tenant, "day", 0)
    listing = json.loads(sfn.started[begin(f"uploads/{tenant}/")]["input"])
    listing = invoke("ingest/feed", {"action": "list", "listing": listing})
    [page] = clients.blobs().list(listing["pages_at"])
    feed(listing, page)
    house.work("extract", "chunk", "embed")
    from quadrille.config import settings

    assert feed(listing, page) == {"left": 1, "seconds": settings().budget_recheck_seconds}


def test_another_prefix_is_copied_to_its_place(house: House, sfn: Sfn, tenant: str) -> None:
    house.s3.put_object(Bucket="bucket", Key=f"archive/{tenant}/2019/a.md", Body=b"Old things.")
    name = begin(f"archive/{tenant}/", into=f"uploads/{tenant}/old/", dry_run=False)
    listing = json.loads(sfn.started[name]["input"])
    listing = invoke("ingest/feed", {"action": "list", "listing": listing})
    [page] = clients.blobs().list(listing["pages_at"])
    assert feed(listing, page)["left"] == 1
    key = f"uploads/{tenant}/old/2019/a.md"
    house.drop(key, house.s3.get_object(Bucket="bucket", Key=key)["Body"].read())  # the event of the copy
    house.work()
    assert feed(listing, page)["left"] == 0
    sfn.started[name]["status"] = "SUCCEEDED"
    again = run(sfn, begin(f"archive/{tenant}/", into=f"uploads/{tenant}/old/"))
    assert (again["there"], again["sent"]) == (1, 0)


def test_two_starts_of_a_prefix_are_one_run(house: House, sfn: Sfn, tenant: str) -> None:
    put(house, tenant, "a.md")
    first = begin(f"uploads/{tenant}/")
    sfn.hidden = 1  # the listing lags behind
    assert begin(f"uploads/{tenant}/", in_flight=50) == first
    sfn.hidden = 0
    run(sfn, first, house.work)
    second = begin(f"uploads/{tenant}/")
    assert second != first
    assert begin(f"uploads/{tenant}/") == second
    assert begin(f"uploads/{tenant}/", dry_run=True) not in (first, second)


def test_the_progress_of_a_run_can_be_read_at_any_time(house: House, sfn: Sfn, tenant: str) -> None:
    put(house, tenant, *NAMES)
    name = begin(f"uploads/{tenant}/", in_flight=30)

    def status() -> dict[str, Any]:
        return invoke("ingest/backfill", {"action": "status", "backfill": name})

    seen = [status()]
    run(sfn, name, lambda: seen.append(status()) or house.work())
    ends = [(answer["status"], answer["report"]["pages"]["ended"], answer["report"]["sent"]) for answer in seen]
    assert ends == [("RUNNING", 0, 0), ("RUNNING", 0, 3), ("RUNNING", 1, 6), ("RUNNING", 2, 7)]
    assert (status()["status"], status()["report"]["complete"]) == ("SUCCEEDED", True)


def test_a_page_killed_anywhere_is_fed_again_and_every_document_is_paid_once(
    house: House, sfn: Sfn, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = executioner(monkeypatch)

    def ingested(number: int, due: list[int]) -> int:
        name = f"{tenant}-{number}"
        places = put(house, name, "a.md", "b.md")
        listing = json.loads(sfn.started[begin(f"uploads/{name}/", in_flight=100)]["input"])
        killer.begin(due)
        killer.run(lambda: invoke("ingest/feed", {"action": "list", "listing": listing}))
        listing = invoke("ingest/feed", {"action": "list", "listing": listing})
        [page] = clients.blobs().list(listing["pages_at"])
        killer.run(lambda: feed(listing, page))
        moments = killer.moment
        while feed(listing, page)["left"]:
            house.work()
        house.work()
        documents = [shown(house, place) for place in places]
        assert [(d["status"], d["receipt"]["calls"]) for d in documents] == [("ready", 1)] * 2, killer.passed
        return moments

    moments = ingested(0, [])
    assert moments > 8
    for moment in range(moments):
        ingested(moment + 1, [moment])


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"prefix": "work/"}, "prefix"),
        ({"prefix": ""}, "prefix"),
        ({"prefix": "up"}, "prefix"),
        ({"prefix": "archive/"}, "into"),
        ({"prefix": "uploads/acme/", "into": "uploads/acme/x/"}, "into"),
        ({"prefix": "archive/", "into": "elsewhere/"}, "uploads/<tenant>/<collection>/<name>"),
        ({"prefix": "archive/", "into": "uploads/ACME/x/"}, "tenant"),
        ({"prefix": "uploads/acme/", "limit": 0}, "start.limit"),
        ({"prefix": "uploads/acme/", "in_flight": 100_000}, "start.in_flight"),
        ({}, "start.prefix"),
    ],
)
def test_a_wrong_start_is_answered_with_what_is_wrong(sfn: Sfn, given: Any, problem: str) -> None:
    assert problem in invoke("ingest/backfill", {"action": "start", **given})["error"]
    assert not sfn.started


def test_an_unknown_backfill_is_not_found(sfn: Sfn) -> None:
    answer = invoke("ingest/backfill", {"action": "status", "backfill": "0123456789abcdef-1"})
    assert "There is no execution" in answer["error"]
