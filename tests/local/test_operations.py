"""Operations on the deployed stack: dead letters go back or are dropped, and a prefix is ingested by one call."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.stack.deploy import command
from local.stack.places import STACK
from quadrille.documents import Place
from tests.local.conftest import Caller

Client = Callable[[str], Any]
Tell = Callable[..., dict[str, Any]]


@pytest.fixture
def tell(stack: dict[str, Any], session: Any, outputs: dict[str, str]) -> Tell:
    """Commands an admin gives, by the output that names the function."""
    return lambda output, **given: command(session, stack["aws_endpoint_url"], outputs[output], **given)


@contextmanager
def no_events(client: Client) -> Iterator[None]:
    """The bucket as it was before its events were on."""
    found = client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId="UploadRule")
    rule = found["StackResourceDetail"]["PhysicalResourceId"]
    client("events").disable_rule(Name=rule)
    try:
        yield
        time.sleep(1)  # events are published after the answer
    finally:
        client("events").enable_rule(Name=rule)


def put(client: Client, caller: Caller, *names: str) -> list[Place]:
    places = [Place(caller.tenant, "default", name) for name in names]
    for place in places:
        body = f"The number of {place.filename} is {len(place.filename)}.".encode()
        client("s3").put_object(Bucket=caller.stack["bucket"], Key=place.key, Body=body)
    return places


def spent(caller: Caller) -> list[dict[str, Any]]:
    return list(caller.ok("GET", "/costs")["items"])


def test_a_dead_letter_is_sampled_and_redriven_and_its_document_becomes_ready(
    new_caller: Callable[..., Caller], client: Client, outputs: dict[str, str], tell: Tell
) -> None:
    caller = new_caller(("ask", "ingest", "admin"))
    caller.ok("PUT", "/budgets/day", {"limit_usd": "0"})
    [place] = put(client, caller, "notes.md")
    batch = {"tenant": caller.tenant, "document_id": place.document_id, "version": 1, "batch": 0}
    await_status(caller, place, "budget")
    client("dynamodb").update_item(  # as the stage leaves it whose message failed five times
        TableName=outputs["DocumentsTable"],
        Key={"tenant": {"S": caller.tenant}, "document_id": {"S": place.document_id}},
        UpdateExpression="SET #s = :f, #e = :e",
        ExpressionAttributeNames={"#s": "status", "#e": "error"},
        ExpressionAttributeValues={":f": {"S": "failed"}, ":e": {"S": "It failed 5 times and was set aside."}},
    )
    client("sqs").send_message(QueueUrl=outputs["EmbedDeadLetters"], MessageBody=json.dumps(batch))
    caller.ok("PUT", "/budgets/day", {"limit_usd": None})
    time.sleep(5)  # until the limit is known everywhere
    assert tell("DeadLettersFunction", action="depth")["embed"]["dead"] == 1
    [sample] = tell("DeadLettersFunction", action="samples", stage="embed")["items"]
    assert (sample["document_id"], sample["status"]) == (place.document_id, "failed")
    assert sample["error"] == "It failed 5 times and was set aside."
    redriven = tell("DeadLettersFunction", action="redrive", stage="embed")
    assert (redriven["redriven"], redriven["left"]) == (1, 0)
    document = await_status(caller, place, "ready")
    assert (document["error"], document["receipt"]["calls"]) == (None, 2)


def await_status(caller: Caller, place: Place, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        code, document, _ = caller.send("GET", f"/documents/{place.document_id}")
        if code == 200 and document["status"] == status:
            return document
        time.sleep(0.3)
    raise AssertionError(f"not {status}: {document}")


def test_a_file_nobody_has_read_is_read_when_its_event_is_redriven(
    caller: Caller, client: Client, outputs: dict[str, str], tell: Tell
) -> None:
    with no_events(client):
        [place] = put(client, caller, "lost.md")
    event = {"detail-type": "Object Created", "detail": {"object": {"key": place.key, "size": 1, "sequencer": "0"}}}
    client("sqs").send_message(QueueUrl=outputs["ExtractDeadLetters"], MessageBody=json.dumps(event))
    assert tell("DeadLettersFunction", action="redrive", stage="extract")["redriven"] == 1
    assert caller.await_final("lost.md")["status"] == "ready"


@pytest.mark.parametrize("stage", ["Chunk", "Embed", "Index"])
def test_a_dead_letter_of_a_deleted_document_is_dropped_and_nothing_is_paid(
    caller: Caller, client: Client, outputs: dict[str, str], tell: Tell, stage: str
) -> None:
    [place] = put(client, caller, "gone.md")
    caller.await_final("gone.md")
    before = spent(caller)
    caller.ok("DELETE", f"/documents/{place.document_id}")
    message: dict[str, Any] = {"tenant": caller.tenant, "document_id": place.document_id, "version": 1}
    message |= {"batch": 0} if stage == "Embed" else {}
    client("sqs").send_message(QueueUrl=outputs[f"{stage}DeadLetters"], MessageBody=json.dumps(message))
    done = tell("DeadLettersFunction", action="redrive", stage=stage.lower())
    assert (done["redriven"], done["dropped"]) == (0, {"deleted": 1})
    assert spent(caller) == before


def test_a_prefix_is_ingested_by_one_call_and_a_second_one_sends_nothing(
    caller: Caller, client: Client, tell: Tell
) -> None:
    with no_events(client):
        places = put(client, caller, *(f"note-{number:02}.md" for number in range(30)))
        put_lost(client, caller)
    assert caller.ok("GET", "/documents")["items"] == []
    dry = backfilled(tell, prefix=f"uploads/{caller.tenant}/", dry_run=True)
    assert (dry["listed"], dry["new"], dry["sent"], dry["refused"]) == (31, 30, 0, {"key": 1})
    assert caller.ok("GET", "/documents")["items"] == []
    report = backfilled(tell, prefix=f"uploads/{caller.tenant}/", in_flight=100)
    assert (report["listed"], report["sent"], report["there"], report["refused"]) == (31, 30, 0, {"key": 1})
    assert (report["complete"], report["outcomes"]) == (True, {"ready": 30})
    assert report["pages"] == {"total": 4, "ended": 4}
    [sample] = report["samples"]
    assert sample["key"] == f"uploads/{caller.tenant}/lost.md"
    items = caller.ok("GET", "/documents")["items"]
    assert {item["document_id"]: item["status"] for item in items} == {p.document_id: "ready" for p in places}
    before = spent(caller)
    again = backfilled(tell, prefix=f"uploads/{caller.tenant}/")
    assert (again["listed"], again["sent"], again["there"]) == (31, 0, 30)
    assert spent(caller) == before


def put_lost(client: Client, caller: Caller) -> None:
    """A file that lies where no document can be."""
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=f"uploads/{caller.tenant}/lost.md", Body=b"x")


def backfilled(tell: Tell, **given: Any) -> dict[str, Any]:
    """The final report of a backfill; a second start finds the first."""
    name = tell("BackfillFunction", action="start", **given)["backfill"]
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        answer = tell("BackfillFunction", action="status", backfill=name)
        if answer["status"] != "RUNNING":
            assert answer["status"] == "SUCCEEDED", answer
            return dict(answer["report"])
        time.sleep(1)
    raise AssertionError(f"still running: {answer}")


def test_a_second_start_while_one_runs_is_the_same_run(caller: Caller, client: Client, tell: Tell) -> None:
    with no_events(client):
        put(client, caller, *(f"note-{number}.md" for number in range(5)))
    prefix = f"uploads/{caller.tenant}/"
    first, second = (tell("BackfillFunction", action="start", prefix=prefix) for _ in range(2))
    assert first == second
    for number in range(5):
        assert caller.await_final(f"note-{number}.md")["receipt"]["calls"] == 2


def test_files_under_another_prefix_are_copied_to_their_place(caller: Caller, client: Client, tell: Tell) -> None:
    source, into = f"archive/{caller.tenant}/", f"uploads/{caller.tenant}/archive/"
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=f"{source}2019/news.md", Body=b"The news are old.")
    assert backfilled(tell, prefix=source, into=into)["outcomes"] == {"ready": 1}
    [document] = caller.ok("GET", "/documents")["items"]
    assert (document["collection"], document["filename"], document["status"]) == ("archive", "2019/news.md", "ready")
    assert backfilled(tell, prefix=source, into=into)["sent"] == 0
