"""The support desk on the deployed stack: signed tickets in, enriched by their stages, drafted, decided about."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from local.stack.asking import frames
from local.stack.deploy import create_source
from local.stack.support import signature
from tests.integration.helpdesk import ticket
from tests.local.conftest import Caller
from tests.local.test_react import eventually


@dataclass(frozen=True)
class Hook:
    """A source of tickets on the stack, and the tenant it is of."""

    caller: Caller
    source_id: str
    secret: str

    def send(self, body: bytes, header: str | None = None) -> tuple[int, dict[str, Any]]:
        """Status and body of one delivery; signed now, if no header is given."""
        signed = signature(self.secret, body) if header is None else header
        url = f"{self.caller.stack['api_url']}/webhooks/{self.source_id}"
        request = urllib.request.Request(url, body, {"X-Quadrille-Signature": signed}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def post(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Post a ticket that must be taken."""
        status, answer = self.send(json.dumps(payload).encode())
        assert status == 202, answer
        return answer

    def enriched(self, name: str) -> dict[str, Any]:
        """A ticket, once all its stages have ended."""

        def find() -> Any:
            found = self.caller.ok("GET", f"/tickets/{name}")
            return found if found["enrichment"]["enriched_at"] else None

        found: dict[str, Any] = eventually(find, seconds=120)
        return found


@pytest.fixture
def hook(
    new_caller: Callable[..., Caller],
    session: boto3.Session,
    outputs: dict[str, str],
    client: Callable[[str], Any],
) -> Hook:
    caller = new_caller(("ask", "ingest", "react", "admin"))
    key = f"uploads/{caller.tenant}/default/club.md"
    body = b"The number of the club is seven. Its colour is green."
    client("s3").put_object(Bucket=caller.stack["bucket"], Key=key, Body=body)
    caller.await_final("club.md")
    made = create_source(session, outputs, caller.tenant, "tickets", caller.stack["aws_endpoint_url"])
    return Hook(caller, made["source_id"], made["secret"])


def published(client: Callable[[str], Any], outputs: dict[str, str], tenant: str, type_: str) -> int:
    """How many events of a type there were."""
    since, until = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    command = {"action": "predict", "since": since.isoformat(), "until": until.isoformat()}
    payload = json.dumps({**command, "tenant": tenant, "types": [type_]})
    answer = client("lambda").invoke(FunctionName=outputs["ReplayFunction"], Payload=payload)
    return int(json.loads(answer["Payload"].read())["events"])


def test_a_ticket_is_enriched_drafted_and_answered(
    hook: Hook, client: Callable[[str], Any], outputs: dict[str, str]
) -> None:
    name = hook.post(ticket())["id"]
    enrichment = hook.enriched(name)["enrichment"]
    assert (enrichment["missing"], enrichment["language"]) == ([], "en")
    assert [place["filename"] for place in enrichment["documents"]] == ["club.md"]
    draft = hook.caller.ok("POST", f"/tickets/{name}/draft", {})
    assert draft["text"].startswith("The number of the club is seven.")
    path = f"/tickets/{name}/drafts/{draft['draft_id']}"
    edit = {"decision": "edit", "text": "It is seven. Yours, the club."}
    assert hook.caller.ok("POST", path, edit)["decision"]["text"] == edit["text"]
    assert hook.caller.send("POST", path, {"decision": "reject"})[0] == 409
    shown = hook.caller.ok("GET", f"/tickets/{name}")
    assert (shown["status"], [event["what"] for event in shown["events"]][-1]) == ("answered", "edited")
    assert hook.caller.ok("GET", "/tickets?status=answered")["items"][0]["id"] == name
    eventually(lambda: published(client, outputs, hook.caller.tenant, "ReplyApproved"))


def test_a_draft_is_streamed_and_is_the_one_that_is_posted(hook: Hook) -> None:
    hook.post(ticket())
    stack = {**hook.caller.stack, "api_key": hook.caller.key}
    found = list(frames(stack, {"action": "draft", "id": "d1", "ticket_id": "1"}))
    assert [frame["type"] for frame in found[-2:]] == ["citations", "done"]
    assert "".join(frame["text"] for frame in found[:-2]) == found[-1]["text"] != ""
    posted = hook.caller.ok("POST", "/tickets/1/draft", {})
    assert (posted["draft_id"], posted["receipt"]["cost_usd"]) == (found[-1]["draft_id"], "0")


def test_nobody_unsigned_gets_in_and_nothing_of_it_stays(hook: Hook) -> None:
    body = json.dumps(ticket()).encode()
    headers = ["", "t=1,v1=0", signature("x" * 43, body), signature(hook.secret, body, at=time.time() - 400)]
    assert {hook.send(body, header)[0] for header in headers} == {401}
    assert Hook(hook.caller, "src_0123456789abcdef", hook.secret).send(body)[0] == 401
    assert hook.caller.ok("GET", "/tickets")["items"] == []


def test_a_storm_makes_one_case_one_draft_and_one_bill(
    hook: Hook, client: Callable[[str], Any], outputs: dict[str, str]
) -> None:
    body = json.dumps(ticket(body="What is the colour of the club?")).encode()
    replayed = signature(hook.secret, body)
    fresh = [signature(hook.secret, body, at=time.time() - n) for n in range(6)]
    storm = [(body, header) for header in [replayed] * 6 + fresh + ["", "t=1,v1=00"]]
    storm += [(body[:-1], signature(hook.secret, body[:-1])), (body + b" ", replayed)]
    with ThreadPoolExecutor(4) as several:
        statuses = [status for status, _ in several.map(lambda each: hook.send(*each), storm)]
        assert set(statuses[:12]) == {202}
        assert statuses[12:] == [401, 401, 422, 401]
        drafts = list(several.map(lambda _: hook.caller.ok("POST", "/tickets/1/draft", {}), range(3)))
    shown = hook.enriched("1")
    assert [item["id"] for item in hook.caller.ok("GET", "/tickets")["items"]] == ["1"]
    assert (len(shown["messages"]), len(shown["drafts"])) == (1, 1)
    assert len({draft["draft_id"] for draft in drafts}) == 1
    rooms = [item for item in hook.caller.ok("GET", "/costs?by=room")["items"] if item["group"] in ("ask", "react")]
    assert sum(room["calls"] for room in rooms) == shown["receipt"]["calls"]
    assert sum(float(room["spent_usd"]) for room in rooms) == pytest.approx(float(shown["receipt"]["cost_usd"]))
    for type_ in ("TicketCreated", "TicketEnriched"):
        assert eventually(lambda type_=type_: published(client, outputs, hook.caller.tenant, type_)) == 1
