"""A sample ticket: posted as a desk would, signed; then what is known of it, and the reply that was drafted."""

import hashlib
import hmac
import json
import time
import urllib.request
from typing import Any

from local.stack.demo import call
from local.stack.places import Stop

TICKET = {
    "ticket_id": "1042",
    "customer": {"email": "robin@example.com", "name": "Robin"},
    "subject": "Battery of my Aurora X2",
    "body": "Hello, how long is the battery of the Aurora X2 under warranty? Mine is two years old. Thanks, Robin",
}
_SECONDS = 60


def show(stack: dict[str, Any]) -> str:
    """Post the sample ticket; its enrichment in a line, and the draft."""
    name = post(stack, TICKET)["id"]
    ticket = enriched(stack, name)
    known, draft = ticket["enrichment"], call(stack, "POST", f"/tickets/{name}/draft", {})
    labels = ", ".join(filter(None, (known[each] for each in ("category", "priority", "sentiment", "language"))))
    return f"  ticket {name}: {labels}; for {known['group']}; {len(known['documents'])} documents\n\n{quoted(draft)}"


def post(stack: dict[str, Any], ticket: dict[str, Any]) -> dict[str, Any]:
    """Send a ticket to the stack's source of tickets."""
    hook, body = stack["webhooks"]["tickets"], json.dumps(ticket).encode()
    request = urllib.request.Request(
        hook["url"], body, {"X-Quadrille-Signature": signature(hook["secret"], body)}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        accepted: dict[str, Any] = json.loads(answer.read())
        return accepted


def signature(secret: str, body: bytes, *, at: float | None = None) -> str:
    """The header of a delivery that is signed now, or at another time."""
    stamp = str(int(time.time() if at is None else at))
    return f"t={stamp},v1={hmac.new(secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def enriched(stack: dict[str, Any], name: str) -> dict[str, Any]:
    """A ticket, once it is enriched. Raises `Stop` if that takes too long."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        ticket = call(stack, "GET", f"/tickets/{name}")
        if ticket["enrichment"]["enriched_at"]:
            return ticket
        time.sleep(0.3)
    raise Stop(f"The ticket {name} was not enriched within {_SECONDS} s. See .local/logs/aws.log.")


def quoted(draft: dict[str, Any]) -> str:
    """A draft and its evidence, for a terminal."""
    lines = [f"  draft: {' '.join(draft['text'].split()) or draft['reason']}"]
    for citation in draft["citations"]:
        lines.append(f"  [{citation['number']}] {citation['filename']}, page {citation['page']}")
    return "\n".join([*lines, f"  confidence {draft['confidence']}, ${draft['receipt']['cost_usd']}"])


def lines(stack: dict[str, Any]) -> str:
    """Ready-to-paste lines: post a ticket, and see what became of it."""
    hook, auth = stack["webhooks"]["tickets"], f"-H 'Authorization: Bearer {stack['api_key']}'"
    body = json.dumps({**TICKET, "ticket_id": "1043", "body": "How long is the battery under warranty?"})
    return f"""\
post a ticket, signed, and have a reply drafted
  B='{body}'; T=$(date +%s)
  S=$(printf %s "$T.$B" | openssl dgst -sha256 -hmac '{hook["secret"]}' -r | cut -d' ' -f1)
  curl -s {hook["url"]} -H "X-Quadrille-Signature: t=$T,v1=$S" --data-binary "$B"
  curl -s -X POST {stack["api_url"]}/tickets/1043/draft {auth} -d '{{}}'
"""
