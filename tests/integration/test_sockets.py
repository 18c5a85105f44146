"""The WebSocket API's handlers: frames in, frames out, and the books after every end an ask can have."""

import json
import time
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from local.stack.places import ROOT
from quadrille import clients
from quadrille.documents import Place
from tests.integration.agent import Agent, calling, finishing
from tests.integration.gateway import Gateway, Socket, install
from tests.integration.house import House, invoke
from tests.integration.test_agent import goal

QUESTION = "How long is the battery of the Aurora X2 under warranty?"
ASK = {"action": "ask", "id": "q1", "question": QUESTION}
SAMPLE = "warranty-and-returns.pdf"


@pytest.fixture
def gateway(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    gateway = install(monkeypatch)
    yield gateway
    gateway.await_asks()


@pytest.fixture
def library(house: House, tenant: str) -> Place:
    """A tenant's document, ready to be asked about."""
    place = Place(tenant, "default", SAMPLE)
    house.drop(place.key, (ROOT / "local/samples" / SAMPLE).read_bytes())
    house.work()
    return place


def key_of(tenant: str, *scopes: str) -> str:
    return str(clients.keys().create(tenant, list(scopes) or ["ask", "ingest"])["key_id"])


@pytest.fixture
def socket(gateway: Gateway, tenant: str) -> Socket:
    return gateway.connect(key_of(tenant), tenant)


@pytest.fixture
def slow(model_server: str) -> Iterator[None]:
    """A model that thinks before each piece, so that there is time to do something meanwhile."""
    set_pace(model_server, 0.05)
    yield
    set_pace(model_server, 0)


def set_pace(model_server: str, seconds: float) -> None:
    url = model_server.removesuffix("/v1") + "/pace"
    body = json.dumps({"seconds": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, method="PUT"), timeout=5).close()


def text_of(frames: list[dict[str, Any]]) -> str:
    return "".join(frame["text"] for frame in frames if frame["type"] == "token")


def books(house: House, tenant: str) -> tuple[Decimal, str, int]:
    """Spent and reserved of the ask room, and how many calls are ambiguous."""
    query = {"by": "room"}
    _, found = house.call("system/costs", "GET", "/costs", tenant=tenant, query=query)
    [room] = [item for item in found["items"] if item["group"] == "ask"]
    return Decimal(room["spent_usd"]), room["reserved_usd"], room["ambiguous"]


def test_an_ask_is_answered_by_tokens_then_citations_then_all_of_it(library: Place, socket: Socket) -> None:
    frames = socket.send(ASK)
    kinds = [frame["type"] for frame in frames]
    assert kinds == ["token"] * (len(frames) - 2) + ["citations", "done"]
    assert {frame["id"] for frame in frames} == {"q1"}
    done = frames[-1]
    assert text_of(frames) == done["answer"] != ""
    assert frames[-2]["citations"] == done["citations"] != []


def test_over_the_socket_and_by_post_it_is_the_same_answer_and_paid_once(
    house: House, library: Place, socket: Socket
) -> None:
    done = socket.send(ASK)[-1]
    _, posted = house.call("ask/answer", "POST", "/ask", {"question": QUESTION}, tenant=library.tenant)
    about = ("answer", "citations", "supported")
    assert [done[name] for name in about] == [posted[name] for name in about]
    assert (done["cached"], posted["cached"]) == (None, "exact")
    assert (posted["receipt"]["cost_usd"], posted["receipt"]["saved_usd"]) == ("0", done["receipt"]["cost_usd"])


def test_what_was_paid_before_comes_in_one_go(library: Place, socket: Socket) -> None:
    first, again = socket.send(ASK), socket.send(ASK)
    assert [frame["type"] for frame in again] == ["token", "citations", "done"]
    assert text_of(again) == text_of(first)
    assert again[-1]["receipt"]["cost_usd"] == "0"


def test_a_refusal_shows_its_own_words_and_no_others(library: Place, socket: Socket) -> None:
    frames = socket.send(ASK | {"question": "What do purple elephants eat?"})
    assert frames[-1]["supported"] is False
    assert text_of(frames) == frames[-1]["answer"]


@pytest.mark.usefixtures("slow")
def test_the_first_words_come_long_before_the_last(library: Place, gateway: Gateway, socket: Socket) -> None:
    gateway.serve_asks_in_threads()
    socket.send(ASK)
    socket.await_frame("token")
    first = time.monotonic()
    assert not [frame for frame in socket.frames if frame["type"] == "done"]
    socket.await_frame("done")
    assert time.monotonic() - first > 0.5
    assert len([frame for frame in socket.frames if frame["type"] == "token"]) > 5


@pytest.mark.parametrize(
    ("frame", "status", "named"),
    [
        ("not json", 422, "frame"),
        ("", 422, "frame"),
        ("[1]", 422, "frame"),
        ("[" * 30_000, 422, "frame"),
        ('{"action": ["ask"]}', 422, "action"),
        ({"action": "shout"}, 422, "action"),
        ({"question": "x"}, 422, "action"),
        (ASK | {"colour": "red"}, 422, "colour"),
        (ASK | {"id": 7}, 422, "id"),
        (ASK | {"top_k": 0}, 422, "top_k"),
        (ASK | {"question": "x" * 70_000}, 413, None),
        ({"action": "cancel", "id": "nobody's"}, 404, None),
        ({"action": "watch", "resource": "wishes/1"}, 422, "resource"),
        ({"action": "watch", "resource": "documents/doc_" + "a" * 24}, 404, None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_done_is_an_error_frame_and_the_connection_stays_open(
    socket: Socket, frame: Any, status: int, named: str | None
) -> None:
    [error] = socket.send(frame)
    assert (error["type"], error["status"]) == ("error", status)
    assert error["problem"].startswith("urn:quadrille:problem:")
    if named:
        assert named in [item["field"] for item in error["errors"]]
    assert socket.send({"action": "cancel"})[0]["status"] == 404


def test_an_error_carries_the_id_of_its_frame(socket: Socket) -> None:
    assert socket.send(ASK | {"colour": "red"})[0]["id"] == "q1"


@pytest.mark.parametrize(
    ("scopes", "frame"), [(["ingest"], ASK), (["ask"], {"action": "watch", "resource": "documents/x"})]
)
def test_a_key_without_the_scope_is_refused(gateway: Gateway, tenant: str, scopes: list[str], frame: Any) -> None:
    [error] = gateway.connect(key_of(tenant, *scopes), tenant).send(frame)
    assert error["status"] == 403


def test_a_key_that_is_revoked_is_refused_from_the_next_frame_on(gateway: Gateway, tenant: str) -> None:
    key_id = key_of(tenant)
    socket = gateway.connect(key_id, tenant)
    clients.keys().revoke(key_id)
    [error] = socket.send(ASK)
    assert (error["status"], "revoked" in error["detail"]) == (403, True)


def test_an_id_is_used_for_one_ask_at_a_time_and_asks_are_bounded(gateway: Gateway, socket: Socket) -> None:
    gateway.answering = lambda turn: None
    for number in range(4):
        assert socket.send(ASK | {"id": str(number)}) == []
    assert "4 asks" in socket.send(ASK)[0]["detail"]
    socket.send({"action": "cancel", "id": "2"})
    assert socket.send(ASK | {"id": "1"})[0]["errors"][0]["field"] == "id"
    assert socket.send(ASK | {"id": "2"}) == []


def test_an_ask_that_cannot_be_begun_is_told_and_its_id_free_again(gateway: Gateway, socket: Socket) -> None:
    gateway.answering = lambda turn: {}["throttled"]
    assert socket.send(ASK)[0]["status"] == 500
    gateway.answering = lambda turn: None
    assert socket.send(ASK) == []


def test_an_ask_whose_worker_died_is_under_way_no_more_after_a_while(gateway: Gateway, socket: Socket) -> None:
    gateway.answering = lambda turn: None
    for number in range(4):
        socket.send(ASK | {"id": str(number)})
    with time_machine.travel(time.time() + 301):
        assert socket.send(ASK | {"id": "1"}) == []


def test_an_ask_that_is_handed_over_twice_is_answered_once(library: Place, gateway: Gateway, socket: Socket) -> None:
    frames = socket.send(ASK)
    invoke("ask/stream", gateway.turns[0])
    assert socket.frames == frames


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("end", ["cancel", "close", "vanish"])
def test_who_leaves_ends_the_call_which_counts_as_spent(
    house: House, library: Place, gateway: Gateway, socket: Socket, end: str
) -> None:
    gateway.serve_asks_in_threads()
    socket.send(ASK)
    socket.await_frame("token")
    if end == "cancel":
        socket.send({"action": "cancel", "id": "q1"})
        receipt = socket.await_frame("cancelled", seconds=1)["receipt"]
        assert receipt["ambiguous"] == 1
    else:
        getattr(socket, end)()
    gateway.await_asks()
    spent, reserved, ambiguous = books(house, library.tenant)
    assert (reserved, ambiguous) == ("0", 1)
    if end == "cancel":
        assert Decimal(receipt["cost_usd"]) == spent
        assert not [frame for frame in socket.frames if frame["type"] in ("done", "error")]


def test_an_ask_that_is_cancelled_before_it_begins_costs_nothing(gateway: Gateway, socket: Socket) -> None:
    gateway.answering = lambda turn: None
    socket.send(ASK)
    socket.send({"action": "cancel", "id": "q1"})
    invoke("ask/stream", gateway.turns[0])
    assert socket.frames == []


@pytest.mark.usefixtures("slow")
def test_after_a_cancellation_the_question_can_be_asked_again(library: Place, gateway: Gateway, socket: Socket) -> None:
    gateway.serve_asks_in_threads()
    for _ in range(3):
        socket.frames.clear()
        socket.send(ASK)
        socket.await_frame("token")
        socket.send({"action": "cancel", "id": "q1"})
        socket.await_frame("cancelled")
    socket.frames.clear()
    socket.send(ASK)
    assert socket.await_frame("done")["supported"]


def test_what_the_gateway_throttles_comes_later_whole_and_in_order(
    library: Place, gateway: Gateway, socket: Socket
) -> None:
    gateway.throttled = 5
    frames = socket.send(ASK)
    assert text_of(frames) == frames[-1]["answer"]
    assert gateway.throttled == 0


def test_what_fails_without_a_reason_of_ours_is_told_and_logged(
    gateway: Gateway, socket: Socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quadrille.ask.streaming.answer", None)
    [error] = socket.send(ASK)
    assert (error["type"], error["status"]) == ("error", 500)
    assert "NoneType" not in error["detail"]


def watch(place: Place) -> dict[str, str]:
    return {"action": "watch", "id": "w", "resource": f"documents/{place.document_id}"}


def change_of(place: Place) -> dict[str, Any]:
    """The document's row, as its table's stream brings it."""
    key = {"tenant": {"S": place.tenant}, "document_id": {"S": place.document_id}}
    row = clients.dynamodb().get_item(TableName="DocumentsTable", Key=key)["Item"]
    return {"Records": [{"eventName": "MODIFY", "dynamodb": {"NewImage": row}}]}


def test_a_final_document_is_shown_once(library: Place, socket: Socket) -> None:
    [frame] = socket.send(watch(library))
    assert (frame["type"], frame["id"], frame["status"]) == ("progress", "w", "ready")
    assert frame["chunks"]["total"] == frame["chunks"]["embedded"] > 0
    invoke("system/progress", change_of(library))
    assert socket.frames == [frame]


def test_a_watched_document_is_shown_at_every_change_until_it_is_final(
    house: House, tenant: str, socket: Socket
) -> None:
    place = Place(tenant, "default", SAMPLE)
    house.drop(place.key, (ROOT / "local/samples" / SAMPLE).read_bytes())
    house.work("extract")
    socket.send(watch(place))
    for stage in ("chunk", "embed", "index"):
        house.work(stage)
        invoke("system/progress", change_of(place))
    assert [frame["status"] for frame in socket.frames] == ["chunking", "embedding", "embedding", "ready"]
    invoke("system/progress", change_of(place))
    assert len(socket.frames) == 4


def test_another_tenants_document_is_not_there(library: Place, gateway: Gateway) -> None:
    stranger = gateway.connect(key_of("stranger"), "stranger")
    assert stranger.send(watch(library))[0]["status"] == 404
    invoke("system/progress", change_of(library))
    assert len(stranger.frames) == 1


def test_who_is_gone_is_shown_nothing_and_keeps_nobody_else_from_it(
    house: House, tenant: str, gateway: Gateway, socket: Socket
) -> None:
    place = Place(tenant, "default", SAMPLE)
    house.drop(place.key, (ROOT / "local/samples" / SAMPLE).read_bytes())
    house.work("extract")
    gone = gateway.connect(key_of(tenant), tenant)
    gone.send(watch(place))
    socket.send(watch(place))
    gone.vanish()
    house.work("chunk")
    invoke("system/progress", change_of(place))
    assert [frame["status"] for frame in socket.frames] == ["chunking", "embedding"]
    assert len(clients.connections().watchers(tenant, f"documents/{place.document_id}")) == 1


def test_a_watched_task_is_shown_at_every_step_until_it_has_ended(agent: Agent, gateway: Gateway) -> None:
    socket = gateway.connect(key_of(agent.tenant, "act"), agent.tenant)
    what = goal()
    agent.house.script(what, calling(("calculate", {"expression": "6 * 7"})), finishing("42."))
    task = agent.call("POST", "/tasks", {"goal": what})[1]
    [begun] = socket.send({"action": "watch", "id": "w", "resource": f"tasks/{task['task_id']}"})
    assert (begun["type"], begun["status"], begun["steps"]) == ("progress", "running", 0)
    key = {"pk": {"S": f"task#{agent.tenant}"}, "sk": {"S": task["task_id"]}}

    def changed(_: str) -> None:
        row = clients.dynamodb().get_item(TableName="TasksTable", Key=key)["Item"]
        invoke("system/progress", {"Records": [{"eventName": "MODIFY", "dynamodb": {"NewImage": row}}]})

    agent.after = changed
    agent.work()
    shown = [(frame["status"], frame["steps"]) for frame in socket.frames]
    assert list(dict.fromkeys(shown)) == [("running", 0), ("running", 1), ("running", 2), ("completed", 2)]
    changed("")
    assert len(socket.frames) == len(shown), "who has seen the end watches no more"


def test_a_task_is_watched_by_who_may_see_it(agent: Agent, gateway: Gateway) -> None:
    task = agent.give(goal(), finishing("Done."))
    resource = {"action": "watch", "resource": f"tasks/{task['task_id']}"}
    assert gateway.connect(key_of("stranger", "act"), "stranger").send(resource)[0]["status"] == 404
    assert gateway.connect(key_of(agent.tenant, "ingest"), agent.tenant).send(resource)[0]["status"] == 403


def test_watching_is_bounded(house: House, tenant: str, socket: Socket) -> None:
    place = Place(tenant, "default", SAMPLE)
    house.drop(place.key, (ROOT / "local/samples" / SAMPLE).read_bytes())
    house.work("extract")
    for _ in range(100):
        assert socket.send(watch(place))[0]["type"] == "progress"
    assert socket.send(watch(place))[0]["errors"][0]["field"] == "resource"
