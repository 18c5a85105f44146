"""Dead letters: seen without being touched, sent back once, and dropped if nothing is left to do."""

import json
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from quadrille import clients
from quadrille.documents import Place, Status
from quadrille.errors import AmbiguousCall
from quadrille.llm import Models
from quadrille.messages import DocumentVersion
from tests.integration.house import House, invoke, reset_caches, sqs_event
from tests.integration.kills import Executioner, executioner
from tests.integration.test_pipeline import shown

TEXT = b"\n\n".join(b"The number of house %d is four. " % n * 60 for n in range(3))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quadrille.queues._WAIT", 0)


def tell(action: str, stage: str, **more: Any) -> dict[str, Any]:
    return invoke("ingest/dead_letters", {"action": action, "stage": stage, **more})


def dead(house: House, stage: str) -> int:
    url = clients.stage_queue(stage).dead_letters().url
    answer = house.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(answer["ApproximateNumberOfMessages"]) + int(answer["ApproximateNumberOfMessagesNotVisible"])


def bury(house: House, stage: str, *bodies: str) -> None:
    for body in bodies:
        house.sqs.send_message(QueueUrl=clients.stage_queue(stage).dead_letters().url, MessageBody=body)


def drain(house: House, stage: str) -> None:
    for _, message in house._receive(stage):
        house.sqs.delete_message(QueueUrl=house.urls[stage], ReceiptHandle=message["ReceiptHandle"])


@pytest.fixture
def place(house: House, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A document of several batches, dropped; nothing has worked on it yet."""
    monkeypatch.setenv("EMBED_BATCH", "1")
    reset_caches()
    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, TEXT)
    return place


@pytest.fixture
def failed(house: House, place: Place) -> Place:
    """The same, failed at its first batch, which lies in the dead-letter queue; the others were dropped for that."""
    house.work("extract", "chunk")
    [(_, first), *others] = house._receive("embed")
    bury(house, "embed", first["Body"])
    drain(house, "embed")
    clients.documents().fail(version(place), "It failed 5 times and was set aside.")
    for _, other in others:
        invoke("ingest/embed", sqs_event(other))
    return place


def version(place: Place) -> DocumentVersion:
    return DocumentVersion(tenant=place.tenant, document_id=place.document_id, version=1)


def calls(place: Place) -> int:
    [receipt] = clients.costs().receipts(place.tenant, "document", [version(place).budget]).values()
    return receipt.calls


def test_the_depth_of_each_stage_is_told(house: House, failed: Place) -> None:
    answer = invoke("ingest/dead_letters", {"action": "depth"})
    assert answer["embed"] == {"waiting": 0, "dead": 1}
    assert answer["chunk"] == {"waiting": 0, "dead": 0}


def test_a_sample_shows_the_document_and_stays_where_it_is(house: House, failed: Place) -> None:
    for _ in range(2):
        answer = tell("samples", "embed")
        [item] = answer["items"]
        assert (item["document_id"], item["batch"], item["status"]) == (failed.document_id, 0, "failed")
        assert "set aside" in item["error"]
        assert item["first_received_at"] <= f"{item['sent_at'][:4]}-12-31T23:59:59Z"
        assert answer["dead"] == 1
        assert "The number" not in json.dumps(answer)


def test_a_redriven_document_becomes_ready_although_its_other_batches_were_dropped(house: House, failed: Place) -> None:
    assert tell("redrive", "embed") == {
        "stage": "embed",
        "redriven": 1,
        "dropped": {},
        "unreadable": 0,
        "left": 0,
    }
    house.work()
    document = shown(house, failed)
    assert (document["status"], document["error"]) == ("ready", None)
    assert document["receipt"]["calls"] == document["chunks"]["total"] > 1


def test_the_letters_of_one_document_send_it_back_once(house: House, failed: Place) -> None:
    body = version(failed).model_dump()
    bury(house, "embed", *(json.dumps({**body, "batch": batch}) for batch in (1, 2)))
    assert tell("redrive", "embed")["redriven"] == 3
    assert clients.stage_queue("chunk").depth() == 1
    assert clients.documents().get(failed.tenant, failed.document_id)["retries"] == 1


@pytest.mark.parametrize("stage", ["chunk", "embed", "index"])
@pytest.mark.parametrize(
    ("fate", "reason"),
    [("ready", "done"), ("partial", "done"), ("deleted", "deleted"), ("replaced", "superseded"), ("unknown", "gone")],
)
def test_a_letter_with_nothing_left_to_do_is_dropped_and_not_paid(
    house: House, place: Place, stage: str, fate: str, reason: str
) -> None:
    house.work("extract")
    body = version(place).model_dump()
    match fate:
        case "deleted":
            clients.documents().delete(place.tenant, place.document_id)
        case "replaced":
            body["version"] = 0
        case "unknown":
            body["document_id"] = "doc_" + "a" * 24
        case _:
            clients.documents().advance(version(place), Status(fate))
    bury(house, stage, json.dumps(body | ({"batch": 0} if stage == "embed" else {})))
    drain(house, "chunk")
    answer = tell("redrive", stage)
    assert (answer["redriven"], answer["dropped"], answer["left"]) == (0, {reason: 1}, 0)
    assert house.work() == 0
    assert calls(place) == 0


def test_a_file_that_was_never_read_is_read_and_one_that_is_gone_is_dropped(house: House, place: Place) -> None:
    [(_, message)] = house._receive("extract")
    drain(house, "extract")
    gone = message["Body"].replace("notes.md", "gone.md")
    bury(house, "extract", message["Body"], gone)
    answer = tell("redrive", "extract")
    assert (answer["redriven"], answer["dropped"]) == (1, {"gone": 1})
    house.work()
    assert shown(house, place)["status"] == "ready"
    bury(house, "extract", message["Body"])
    assert tell("redrive", "extract")["dropped"] == {"done": 1}


def test_an_event_older_than_the_one_that_was_read_is_superseded(house: House, place: Place) -> None:
    [(_, message)] = house._receive("extract")
    house.drop(place.key, TEXT + b"!")
    house.work()
    bury(house, "extract", message["Body"])
    assert tell("redrive", "extract")["dropped"] == {"superseded": 1}


def test_a_deletion_that_was_not_carried_out_is_and_one_that_was_is_dropped(house: House, place: Place) -> None:
    house.work()
    deletion = clients.documents().delete(place.tenant, place.document_id)
    assert deletion
    bury(house, "erase", deletion.model_dump_json())
    assert tell("redrive", "erase")["redriven"] == 1
    house.work()
    row = clients.documents().get(place.tenant, place.document_id)
    assert row["erased"]["vectors"] > 0
    bury(house, "erase", deletion.model_dump_json())
    assert tell("redrive", "erase")["dropped"] == {"done": 1}


def test_a_second_look_at_a_deletion_is_never_taken_for_done(house: House, place: Place) -> None:
    house.work()
    deletion = clients.documents().delete(place.tenant, place.document_id)
    assert deletion
    clients.stage_queue("erase").send(deletion)
    house.work()
    assert clients.documents().get(place.tenant, place.document_id)["erased"]
    bury(house, "erase", deletion.model_copy(update={"late": True}).model_dump_json())
    assert tell("redrive", "erase")["redriven"] == 1


def test_what_is_no_message_stays_and_says_so(house: House) -> None:
    bury(house, "chunk", "this is not a message")
    [item] = tell("samples", "chunk")["items"]
    assert item["problem"] == "This is no message of the stage chunk."
    answer = tell("redrive", "chunk")
    assert (answer["redriven"], answer["unreadable"], answer["left"]) == (0, 1, 1)


def test_no_more_than_the_limit_is_taken(house: House, place: Place) -> None:
    bury(house, "embed", *[json.dumps({**version(place).model_dump(), "batch": n}) for n in range(5)])
    answer = tell("redrive", "embed", limit=2)
    assert (answer["dropped"], answer["left"]) == ({"gone": 2}, 3)


def test_a_redrive_out_of_time_leaves_the_rest_in_place(house: House, failed: Place, monkeypatch: Any) -> None:
    monkeypatch.setattr("quadrille.dead_letters.time", SimpleNamespace(time=lambda: 4e9))
    answer = tell("redrive", "embed")
    assert (answer["redriven"], answer["left"]) == (0, 1)
    assert tell("samples", "embed")["items"]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ({"action": "redrive", "stage": "sort"}, "redrive.stage: Value error, must be one of extract, ocr, chunk"),
        ({"action": "redrive", "stage": "embed", "limit": 0}, "redrive.limit"),
        ({"action": "samples", "stage": "embed", "limit": 11}, "samples.limit"),
        ({"action": "purge"}, "action"),
        ({"stage": "embed"}, "action"),
    ],
)
def test_a_wrong_command_is_answered_with_what_is_wrong(house: House, command: Any, problem: str) -> None:
    assert problem in invoke("ingest/dead_letters", command).get("error", "")


def test_a_redrive_killed_anywhere_loses_nothing_and_pays_once(
    house: House, monkeypatch: pytest.MonkeyPatch, tenant: str
) -> None:
    monkeypatch.setattr("quadrille.dead_letters._HIDDEN", 0)  # as if the time had passed after a kill
    killer = executioner(monkeypatch)
    moments = _redriven(house, killer, [])
    assert moments > 10
    for moment in range(moments):
        _redriven(house, killer, [moment])


def _redriven(house: House, killer: Executioner, due: list[int]) -> int:
    """Redrive a failed document while the redriver is killed, then again; how many moments the first redrive had."""
    place = Place(f"t{uuid4().hex[:12]}", "default", "notes.md")
    house.drop(place.key, b"The number is four.")
    house.work("extract", "chunk")
    [(_, message)] = house._receive("embed")
    drain(house, "embed")
    bury(house, "embed", message["Body"])
    clients.documents().fail(version(place), "It was set aside.")
    killer.begin(due)
    killer.run(lambda: tell("redrive", "embed"))
    moments = len(killer.passed)
    house.work()
    tell("redrive", "embed")
    house.work()
    assert (shown(house, place)["status"], calls(place)) == ("ready", 1), killer.passed
    assert dead(house, "embed") == 0
    return moments


def test_what_was_sent_in_vain_too_often_is_sent_again_once_and_what_that_paid_is_kept(
    house: House, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: Any, **__: Any) -> None:
        raise AmbiguousCall("no reply")

    place = Place(tenant, "default", "notes.md")
    house.drop(place.key, b"The number is four.")
    house.work("extract", "chunk")
    [(_, message)] = house._receive("embed")
    with monkeypatch.context() as patched:
        patched.setattr(Models, "_embed", lose)
        for _ in range(6):
            invoke("ingest/embed", sqs_event(message, receives=1))
    bury(house, "embed", message["Body"])
    for _ in range(2):  # paid, and the record of it is lost: the document fails and is redriven again
        drain(house, "embed")
        tell("redrive", "embed")
        house.work("chunk")
        with monkeypatch.context() as patched:
            patched.setattr(type(clients.documents()), "embedded", lose)
            [(_, message)] = house._receive("embed")
            invoke("ingest/embed", sqs_event(message, receives=5))
        bury(house, "embed", message["Body"])
    drain(house, "embed")
    tell("redrive", "embed")
    house.work()
    receipt = shown(house, place)["receipt"]
    assert (shown(house, place)["status"], receipt["calls"], receipt["ambiguous"]) == ("ready", 1, 5)
