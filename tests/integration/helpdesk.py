"""A source of tickets, and what it sends."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from local.stack.support import signature
from tests.integration import house as harness
from tests.integration.reactor import Reactor


def ticket(number: int | str = 1, body: str = "What is the number of the club?", **more: Any) -> dict[str, Any]:
    """A delivery of the kind `tickets`."""
    customer = {"email": "ann@example.com", "name": "Ann"}
    return {"ticket_id": str(number), "customer": customer, "subject": "The club", "body": body, **more}


@dataclass
class Helpdesk:
    """A desk of others, which sends webhooks, and the API of ours."""

    reactor: Reactor
    source_id: str
    secret: str

    def deliver(
        self, payload: Any, *, header: str | None = None, encoded: bool = False, **more: Any
    ) -> tuple[int, Any]:
        """Send a delivery; signed, if no other header is given."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {"X-Quadrille-Signature": signature(self.secret, body) if header is None else header}
        return self.send(body, headers, encoded=encoded, **more)

    def send(self, body: bytes, headers: dict[str, str], *, encoded: bool = False, to: str = "") -> tuple[int, Any]:
        """Send bytes with these headers, as the gateway hands them on: without an authorizer."""
        text = base64.b64encode(body).decode() if encoded else body.decode("utf-8", "surrogateescape")
        event = harness.http_event("POST", f"/webhooks/{to or self.source_id}", text, headers=headers)
        event["requestContext"].pop("authorizer")
        answer = harness.invoke("react/webhooks", {**event, "isBase64Encoded": encoded})
        return answer["statusCode"], json.loads(answer["body"])

    def see(self, name: str = "1") -> dict[str, Any]:
        """A ticket."""
        status, found = self.reactor.call("tickets", "GET", f"/tickets/{name}")
        assert status == 200, found
        shown: dict[str, Any] = found
        return shown

    def draft(self, name: str = "1", **more: Any) -> dict[str, Any]:
        """A draft of a ticket."""
        status, found = self.reactor.call("draft", "POST", f"/tickets/{name}/draft", more)
        assert status == 200, found
        reply: dict[str, Any] = found
        return reply

    def decide(self, reply: dict[str, Any], decision: str, **more: Any) -> tuple[int, Any]:
        """Decide about a draft."""
        path = f"/tickets/{reply['ticket_id']}/drafts/{reply['draft_id']}"
        return self.reactor.call("draft", "POST", path, {"decision": decision, **more})


def helpdesk(reactor: Reactor, kind: str = "tickets") -> Helpdesk:
    """A new source of the reactor's tenant."""
    command = {"action": "create_source", "tenant": reactor.agent.tenant, "kind": kind}
    made = harness.invoke("system/keys", command)
    return Helpdesk(reactor, made["source_id"], made["secret"])
