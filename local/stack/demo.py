"""The first thing a user sees: the samples ingested, a question answered, and the lines to go on with."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from local.stack.places import ROOT, Stop

SAMPLES = sorted(path for path in (ROOT / "local/samples").iterdir() if path.suffix in (".pdf", ".md"))
MAIL = ROOT / "local/samples/battery.eml"
QUESTION = "How long is the battery of the Aurora X2 under warranty?"
_INGEST_SECONDS = 180
_TRIAGE_SECONDS = 60
_FINAL = ("ready", "partial", "failed")


def call(stack: dict[str, Any], method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One call of the stack's HTTP API. Raises `Stop` with the problem document it answers."""
    request = urllib.request.Request(
        stack["api_url"] + path,
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {stack['api_key']}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except urllib.error.HTTPError as error:
        problem = json.loads(error.read())
        raise Stop(f"{method} {path} answered {error.code}: {problem.get('detail', problem)}") from error


def drop_samples(stack: dict[str, Any]) -> list[Path]:
    """Put the sample documents into the bucket, as a user would."""
    for path in SAMPLES:
        _bucket(stack).upload_file(str(path), stack["bucket"], f"uploads/{stack['tenant']}/default/{path.name}")
    return SAMPLES


def drop_mail(stack: dict[str, Any]) -> dict[str, Any]:
    """Put the sample mail into the bucket, as SES would; what came of it. Raises `Stop` if that takes too long."""
    _bucket(stack).upload_file(str(MAIL), stack["bucket"], f"mail/{stack['tenant']}/{MAIL.stem}")
    deadline = time.monotonic() + _TRIAGE_SECONDS
    while time.monotonic() < deadline:
        emails: list[dict[str, Any]] = call(stack, "GET", "/emails")["items"]
        if emails and emails[0]["status"] != "received":
            return emails[0]
        time.sleep(0.2)
    raise Stop(f"The sample mail was not triaged within {_TRIAGE_SECONDS} s. See .local/logs/aws.log.")


def triaged(email: dict[str, Any]) -> str:
    """A mail and its draft, for a terminal."""
    line = f"  {email['subject']}: {email['category']}, {email['priority']}, {email['sentiment']}"
    if not email["draft"]:
        return f"{line}\n  no draft: {email['no_draft'] or email['error']}"
    return f"{line}\n  draft: {email['draft']['text']}\n\n{evidence({**email, **email['draft']})}"


def _bucket(stack: dict[str, Any]) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=stack["aws_endpoint_url"],
        region_name=stack["region"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def progress(stack: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Each sample's status by name, whenever one changed, until all are final. Raises `Stop` if that takes too long."""
    deadline = time.monotonic() + _INGEST_SECONDS
    names = {path.name for path in SAMPLES}
    seen: dict[str, str] = {}
    while time.monotonic() < deadline:
        items = call(stack, "GET", "/documents")["items"]
        now = dict.fromkeys(names, "waiting") | {
            item["filename"]: item["status"] for item in items if item["filename"] in names
        }
        if now != seen:
            seen = now
            yield seen
        if all(status in _FINAL for status in seen.values()):
            return
        time.sleep(0.3)
    raise Stop(f"The samples were not ingested within {_INGEST_SECONDS} s: {seen}. See .local/logs/aws.log.")


def require_ready(stack: dict[str, Any]) -> None:
    """Raises `Stop` with the reason if a sample could not be ingested."""
    for item in call(stack, "GET", "/documents")["items"]:
        if item["status"] == "failed":
            raise Stop(f"{item['filename']} could not be ingested: {item['error']}")


def cited(answer: dict[str, Any]) -> str:
    """An answer with its citations and receipt, for a terminal."""
    return f"  {answer['answer']}\n\n{evidence(answer)}"


def evidence(answer: dict[str, Any]) -> str:
    """An answer's citations and receipt."""
    lines = []
    for citation in answer["citations"]:
        where = f"{citation['filename']}, page {citation['page']}" if citation["page"] else citation["filename"]
        quote = " ".join(citation["quote"].split())
        lines.append(f"  [{citation['number']}] {where}, characters {citation['start']}-{citation['end']}: “{quote}”")
    receipt = answer["receipt"]
    tokens = ", ".join(f"{count} {kind}" for kind, count in receipt["tokens"].items())
    lines += ["", f"  receipt: ${receipt['cost_usd']}, {receipt['calls']} calls, tokens: {tokens}"]
    return "\n".join(lines)


def next_steps(stack: dict[str, Any]) -> str:
    """Ready-to-paste lines: ask, drop a file, see what became of it."""
    auth = f"-H 'Authorization: Bearer {stack['api_key']}'"
    target = f"{stack['aws_endpoint_url']}/{stack['bucket']}/uploads/{stack['tenant']}/default/"
    mail = f"{stack['aws_endpoint_url']}/{stack['bucket']}/mail/{stack['tenant']}/"
    return f"""\
API   {stack["api_url"]}
key   {stack["api_key"]}

ask a question
  curl -s {stack["api_url"]}/ask {auth} -d '{{"question": "How many weeks of paid parental leave do employees get?"}}'
watch it being answered, over the WebSocket
  make ask Q="How many weeks of paid parental leave do employees get?"
let an agent work on a task, and see its steps and its result
  make task G="Search the documents for the battery warranty of the Aurora X2."
drop a file of your own (PDF, Markdown or text) in the bucket
  curl -T YOUR-FILE.pdf --aws-sigv4 aws:amz:{stack["region"]}:s3 --user test:test {target}
see what became of it
  curl -s {stack["api_url"]}/documents {auth}
drop a mail in the bucket, as SES does, and see the draft that answers it
  curl -T local/samples/battery.eml --aws-sigv4 aws:amz:{stack["region"]}:s3 --user test:test {mail}
  curl -s {stack["api_url"]}/emails {auth}
"""
