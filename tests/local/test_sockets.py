"""The WebSocket API on the deployed stack, through a real client."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local.stack.deploy import create_key
from local.stack.places import ROOT
from tests.local.conftest import Caller
from tests.local.test_stack import Client, drop

SAMPLE = "warranty-and-returns.pdf"
ASK = {"action": "ask", "id": "q1", "question": "How long is the battery of the Aurora X2 under warranty?"}
LAST = ("done", "error", "cancelled")


@pytest.fixture(scope="module")
def library(stack: dict[str, Any], client: Client, outputs: dict[str, str], session: boto3.Session) -> Caller:
    """A tenant with a document."""
    tenant = f"t{uuid4().hex[:12]}"
    made = create_key(session, outputs, tenant, ["ask", "ingest"], stack["aws_endpoint_url"])
    caller = Caller(stack, tenant, made["key"])
    drop(client, caller, SAMPLE, (ROOT / "local/samples" / SAMPLE).read_bytes())
    caller.await_final(SAMPLE)
    return caller


@contextmanager
def connected(caller: Caller, *, token: bool = False) -> Iterator[ClientConnection]:
    if token:
        with connect(f"{caller.stack['ws_url']}?token={caller.key}") as socket:
            yield socket
    else:
        with connect(caller.stack["ws_url"], additional_headers={"Authorization": f"Bearer {caller.key}"}) as socket:
            yield socket


def send(socket: ClientConnection, frame: Any) -> None:
    socket.send(frame if isinstance(frame, str) else json.dumps(frame))


def receive(socket: ClientConnection, until: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """The frames that come, up to the one that is waited for."""
    frames: list[dict[str, Any]] = []
    while not frames or not until(frames[-1]):
        frames.append(json.loads(socket.recv(timeout=60)))
    return frames


def ends(frame: dict[str, Any]) -> bool:
    return frame["type"] in LAST


@pytest.fixture
def slow(stack: dict[str, Any]) -> Iterator[None]:
    """A model that takes its time before each piece."""
    before = set_pace(stack, 0.1)
    yield
    set_pace(stack, before)


def set_pace(stack: dict[str, Any], seconds: float) -> float:
    port = (urlsplit(stack["aws_endpoint_url"]).port or 0) + 1
    body = json.dumps({"seconds": seconds}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/pace", body, method="PUT")
    with urllib.request.urlopen(request, timeout=5) as answer:
        return float(json.loads(answer.read())["seconds"])


def books(caller: Caller) -> tuple[Decimal, str, int]:
    """Spent and reserved by asking, and how many calls are ambiguous."""
    lines = caller.ok("GET", "/costs?by=room")["items"]
    [line] = [line for line in lines if line["group"] == "ask"]
    return Decimal(line["spent_usd"]), line["reserved_usd"], line["ambiguous"]


@pytest.mark.parametrize("query", ["", "?token=", "?token=qk_0000000000000000_" + "A" * 43])
def test_without_a_valid_key_no_connection_is_opened(stack: dict[str, Any], query: str) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(stack["ws_url"] + query):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("token", [True, False], ids=["token", "header"])
def test_an_answer_is_streamed_and_is_the_one_that_post_gives(library: Caller, token: bool) -> None:
    question = {**ASK, "question": f"{ASK['question']} ({token})"}
    with connected(library, token=token) as socket:
        send(socket, question)
        frames = receive(socket, ends)
    kinds = [frame["type"] for frame in frames]
    assert kinds == ["token"] * (len(kinds) - 2) + ["citations", "done"]
    assert {frame["id"] for frame in frames} == {"q1"}
    done = frames[-1]
    assert "".join(frame["text"] for frame in frames[:-2]) == done["answer"]
    posted = library.ok("POST", "/ask", {"question": question["question"]})
    assert posted["receipt"]["cost_usd"] == "0"
    shared = set(posted) - {"receipt", "cached"}
    assert {name: posted[name] for name in shared} == {name: done[name] for name in shared}


@pytest.mark.usefixtures("slow")
def test_the_first_words_come_while_the_model_still_writes(library: Caller) -> None:
    with connected(library) as socket:
        send(socket, ASK | {"cache": "off"})
        receive(socket, lambda frame: frame["type"] == "token")
        first = time.monotonic()
        frames = receive(socket, ends)
    assert time.monotonic() - first > 1
    assert len(frames) > 10


@pytest.mark.usefixtures("slow")
def test_two_asks_of_one_connection_are_told_apart_by_their_ids(library: Caller) -> None:
    with connected(library) as socket:
        for name in ("one", "two"):
            send(socket, ASK | {"id": name, "cache": "off"})
        frames = receive(socket, ends) + receive(socket, ends)
    for name in ("one", "two"):
        mine = [frame for frame in frames if frame["id"] == name]
        assert "".join(frame.get("text", "") for frame in mine) == mine[-1]["answer"]


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("leave", ["cancel", "close"])
def test_who_leaves_ends_the_call_and_the_books_are_right(library: Caller, leave: str) -> None:
    _, _, before = books(library)
    with connected(library) as socket:
        send(socket, ASK | {"cache": "off"})
        receive(socket, lambda frame: frame["type"] == "token")
        left = time.monotonic()
        if leave == "cancel":
            send(socket, {"action": "cancel", "id": "q1"})
            last = receive(socket, ends)[-1]
            assert (last["type"], last["receipt"]["ambiguous"]) == ("cancelled", 1)
    while books(library)[1:] != ("0", before + 1):
        assert time.monotonic() - left < 4  # the whole answer takes longer
        time.sleep(0.1)


@pytest.mark.parametrize(
    "frame", ["not json", {"action": "shout"}, ASK | {"colour": "red"}, ASK | {"question": "x" * 70_000}]
)
def test_what_cannot_be_done_is_answered_and_the_connection_stays_open(library: Caller, frame: Any) -> None:
    with connected(library) as socket:
        for _ in range(2):
            send(socket, frame)
            [error] = receive(socket, ends)
            assert error["type"] == "error"
            assert error["status"] in (413, 422)


def test_a_watched_document_is_shown_from_its_first_stage_to_ready(library: Caller) -> None:
    data = "\n\n".join(f"Chapter {number} of the {uuid4().hex} says little." for number in range(2_000)).encode()
    made = library.ok("POST", "/documents", {"filename": f"{uuid4().hex}.txt", "size": len(data)})
    with connected(library) as socket:
        send(socket, {"action": "watch", "id": "w", "resource": f"documents/{made['document_id']}"})
        [waiting] = receive(socket, lambda frame: True)
        assert (waiting["type"], waiting["id"], waiting["status"]) == ("progress", "w", "waiting")
        boto3.client("s3", endpoint_url=library.stack["aws_endpoint_url"], region_name="us-east-1").put_object(
            Bucket=library.stack["bucket"], Key=made["upload"]["fields"]["key"], Body=data
        )
        frames = receive(socket, lambda frame: frame["status"] == "ready")
    assert len({frame["status"] for frame in frames}) > 1
    assert frames[-1]["chunks"]["embedded"] == frames[-1]["chunks"]["total"] > 0


def test_another_tenants_document_cannot_be_watched(library: Caller, caller: Caller) -> None:
    [document] = [item for item in library.ok("GET", "/documents")["items"] if item["filename"] == SAMPLE]
    with connected(caller) as socket:
        send(socket, {"action": "watch", "resource": f"documents/{document['document_id']}"})
        [error] = receive(socket, ends)
    assert error["status"] == 404
