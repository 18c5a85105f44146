"""The commands of the Makefile. Each says what it does and how long that took."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoRegionError

from local.stack import demo, invocation, processes, support
from local.stack.build import RUNTIME, build, sam_environment
from local.stack.deploy import (
    command,
    create_key,
    deploy,
    dotenv_parameters,
    local_session,
    overrides_of,
    set_secrets,
    stack_outputs,
    uses_offline_models,
    uses_offline_vectors,
)
from local.stack.places import BIN, LOCAL, ROOT, SAM, STACK_FILE, Ports, Stop, dotenv, read_stack

_ARCHITECTURE = "x86_64"
_LETTERS = {"stage": "DeadLettersFunction", "consumer": "ConsumerDeadLettersFunction"}  # outputs, by whose they are


def main(arguments: list[str]) -> int:
    """Run one command; what keeps it from going on is one sentence on stderr."""
    name, *rest = arguments or [""]
    for number in (signal.SIGINT, signal.SIGTERM):  # also where a shell has made us ignore Ctrl-C
        signal.signal(number, signal.default_int_handler)
    if name not in COMMANDS:
        print(f"usage: python -m local {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name](*rest) or 0
    except EndpointConnectionError:
        print("The local stack does not answer any more. Start it again: make down, then make up", file=sys.stderr)
        return 1
    except NoRegionError:
        print("No local stack is running, and no AWS account is configured (AWS_PROFILE, AWS_REGION).", file=sys.stderr)
        return 1
    except Stop as reason:
        print(reason, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS says: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run() -> int:
    """The whole system in the foreground: up, the samples, a question; then until Ctrl-C."""
    began = time.monotonic()
    processes.require_none()
    try:
        stack = _start()
        with _step(f"dropped {len(demo.SAMPLES)} sample documents in the bucket and ingested them"):
            demo.drop_samples(stack)
            for statuses in demo.progress(stack):
                print("    " + "  ".join(f"{name}: {status}" for name, status in statuses.items()), flush=True)
            demo.require_ready(stack)
        print(f"\n  {demo.QUESTION}\n")
        with _step("asked and answered"):
            answer = demo.call(stack, "POST", "/ask", {"question": demo.QUESTION})
            print(demo.cited(answer))
        print()
        with _step("dropped a mail in the bucket, which was sorted and got a draft"):
            print(demo.triaged(demo.drop_mail(stack)))
        print()
        with _step("posted a signed ticket, which was enriched and got a draft"):
            print(support.show(stack))
        print(f"\n{demo.next_steps(stack)}{support.lines(stack)}")
        print(f"ready after {time.monotonic() - began:.1f} s; running until Ctrl-C", flush=True)
        _until_interrupted()
    except Stop as reason:
        print(reason, file=sys.stderr)
        return 1
    finally:
        _stop_uninterrupted()
    return 0


def up() -> None:
    """The same stack in the background, empty."""
    processes.require_none()
    try:
        _start()
    except BaseException:
        _stop_uninterrupted()
        raise
    print(f"the stack is up; {STACK_FILE.relative_to(ROOT)} says where. Stop it with: make down")


def down() -> None:
    """Stop the background stack."""
    processes.stop()
    print("stopped")


def test() -> int:
    """Unit and integration tests first, then those of the deployed stack, on a stack of their own."""
    processes.require_none()
    pytest = [str(BIN / "python"), "-m", "pytest", "-rs"]
    done = subprocess.run([*pytest, "-n", "2", "tests/unit", "tests/integration"], cwd=ROOT, check=False)
    if done.returncode:
        return done.returncode
    try:
        _start()
        return subprocess.run([*pytest, "tests/local"], cwd=ROOT, check=False).returncode
    finally:
        _stop_uninterrupted()


def build_for_account() -> None:
    """`sam build` for Lambda."""
    with _step("built for Lambda"):
        build(architecture=os.environ.get("ARCHITECTURE", _ARCHITECTURE))


def deploy_to_account() -> int:
    """Build and deploy into the caller's AWS account; sam asks before it changes anything."""
    given = dotenv_parameters(dotenv())
    if "PineconeIndexHost" not in given:
        raise Stop("Add PINECONE_INDEX_HOST, the host of your Pinecone index, to .env; make deploy passes it on.")
    build_for_account()
    architecture = f"Architecture={os.environ.get('ARCHITECTURE', _ARCHITECTURE)}"
    overrides = [RUNTIME, architecture, *overrides_of(given)]
    command = [str(SAM), "deploy", "--parameter-overrides", *overrides]
    return subprocess.run(command, cwd=ROOT, env=sam_environment(), check=False).returncode


def key(tenant: str = "", *scopes: str) -> None:
    """Make an API key. Like every command on keys and secrets: on the local stack if one runs, else in the account."""
    if not tenant:
        raise Stop('Name a tenant: make key TENANT=acme [SCOPES="ask ingest"]')
    session, endpoint = _target()
    made = create_key(
        session, stack_outputs(session, endpoint), tenant, list(scopes) or ["ask", "ingest", "act", "react"], endpoint
    )
    print(f"key for {tenant} ({', '.join(made['scopes'])}); it is shown this once:\n{made['key']}")


def keys(tenant: str = "") -> None:
    """List a tenant's API keys."""
    if not tenant:
        raise Stop("Name a tenant: make keys TENANT=acme")
    for row in _told("KeysFunction", action="list", tenant=tenant)["items"]:
        print(f"{row['key_id']}  {row['created_at']}  {', '.join(row['scopes'])}")


def revoke(key_id: str = "") -> None:
    """Revoke an API key."""
    if not key_id:
        raise Stop("Name a key by its id, which make keys lists: make revoke KEY_ID=0123456789abcdef")
    _told("KeysFunction", action="revoke", key_id=key_id)
    print(f"revoked {key_id}; it may be honoured for another minute")


def source(tenant: str = "", kind: str = "", secret: str = "") -> None:
    """Make a source of webhooks, with the secret that is given, or a new one."""
    if not (tenant and kind):
        raise Stop("Name a tenant and a kind: make source TENANT=acme KIND=tickets|zendesk|freshdesk [SECRET=...]")
    made = _told("KeysFunction", action="create_source", tenant=tenant, kind=kind, secret=secret)
    print(f"source for {tenant} ({kind}); the secret is shown this once:")
    print(f"POST /webhooks/{made['source_id']}\n{made['secret']}")


def sources(tenant: str = "") -> None:
    """List a tenant's sources of webhooks."""
    if not tenant:
        raise Stop("Name a tenant: make sources TENANT=acme")
    for row in _told("KeysFunction", action="list_sources", tenant=tenant)["items"]:
        print(f"{row['source_id']}  {row['created_at']}  {row['kind']}")


def revoke_source(source_id: str = "") -> None:
    """Revoke a source of webhooks."""
    if not source_id:
        raise Stop("Name a source, which make sources lists: make revoke-source SOURCE_ID=src_0123456789abcdef")
    _told("KeysFunction", action="revoke_source", source_id=source_id)
    print(f"revoked {source_id}")


def dead_letters(*options: str) -> None:
    """How many messages were set aside at each stage and with each consumer; of one of them, a few messages."""
    if not options:
        for kind, function in _LETTERS.items():
            for name, depth in _told(function, action="depth").items():
                dead = "-" if depth["dead"] is None else depth["dead"]  # somebody's consumer may keep none
                print(f"{kind:8} {name:18} {depth['waiting']:6} waiting {dead:>6} dead")
        return
    kind, name = _addressee(options)
    answer = _told(_LETTERS[kind], action="samples", **{kind: name})
    print(*(json.dumps(item, ensure_ascii=False) for item in answer["items"]), f"{answer['dead']} in all", sep="\n")


def redrive(*options: str) -> None:
    """Send the dead letters of a stage or a consumer back, until none is left that can be."""
    kind, name = _addressee(options)
    left = sys.maxsize
    while left > 0:  # and not until it is empty: what fails again comes back
        answer = _told(_LETTERS[kind], action="redrive", **{kind: name})
        print(json.dumps(answer))
        taken = answer["redriven"] + sum(answer["dropped"].values())
        left = min(left - taken, answer["left"]) if taken else 0


def _addressee(options: Sequence[str]) -> tuple[str, str]:
    """Whose dead letters: `stage` or `consumer`, and its name. Raises `Stop`."""
    kind, _, name = options[0].partition("=") if len(options) == 1 else ("", "", "")
    if kind not in _LETTERS:
        raise Stop("Name a stage or a consumer, which make dead-letters lists: STAGE=embed or CONSUMER=start_task")
    return kind, name


def backfill(prefix: str = "", *options: str) -> int:
    """Ingest what lies under a prefix, and watch it; Ctrl-C stops the watching only."""
    if not prefix:
        raise Stop("Name a prefix of the bucket: make backfill PREFIX=uploads/acme/ [INTO=... LIMIT=... DRY_RUN=1]")
    given = {name: json.loads(value) if name != "into" else value for name, value in (o.split("=", 1) for o in options)}
    name = _told("BackfillFunction", action="start", prefix=prefix, **given)["backfill"]
    seen = None
    while True:
        answer = _told("BackfillFunction", action="status", backfill=name)
        report = answer["report"]
        if seen != (seen := (report["pages"], report["outcomes"])):
            pages = f"{report['pages']['ended']} of {report['pages']['total']} pages"
            print(f"{name}  {pages}, {report['sent']} sent: {json.dumps(report['outcomes'])}", flush=True)
        if answer["status"] != "RUNNING":
            print(json.dumps(answer, indent=2, ensure_ascii=False))
            return int(answer["status"] != "SUCCEEDED")
        time.sleep(2)


def replay(*options: str) -> None:
    """What a replay of events would do and cost at most; with play, do it."""
    given = dict(option.split("=", 1) for option in options)
    if "since" not in given:
        raise Stop("Say from when: make replay SINCE=2026-11-28T09:00:00Z [UNTIL= TYPES= TENANT= CONSUMER= PLAY=1]")
    plays = given.pop("play", "")
    listed = {name: value.split(",") for name, value in given.items() if name == "types"}
    chosen = {"until": datetime.now(UTC).isoformat(), **given, **listed}
    told = _told("ReplayFunction", action="predict", **chosen)
    print(f"{told['events']} events, {told['events'] - told['unwanted']} of them still wanted")
    for name, consumer in sorted(told["consumers"].items()):
        print(f"{name:16} {consumer['events']:6} events {consumer['done']:6} done")
    print(f"at most ${told['at_most_usd']}")
    if not plays:
        print("nothing was sent; PLAY=1 sends them")
        return
    for name, number in sorted(_told("ReplayFunction", action="play", **chosen)["sent"].items()):
        print(f"{name:16} {number:6} sent")


def secrets() -> None:
    """Put the provider keys of .env into the stack's secrets."""
    session, endpoint = _target()
    done = set_secrets(session, stack_outputs(session, endpoint), endpoint)
    if not done:
        raise Stop("No provider key is set in .env: add OPENAI_API_KEY and PINECONE_API_KEY, then try again.")
    print(f"set {' and '.join(done)} {'on the local stack' if endpoint else 'in your account'}")


def invoke(function: str = "", case: str = "") -> int:
    """`sam local invoke` of one function with one of its events, against the running stack."""
    return invocation.invoke(read_stack(), function, case)


def task(*words: str) -> None:
    """Let an agent of the running stack work on a goal."""
    from local.stack.tasking import GOAL, run_task

    run_task(read_stack(), " ".join(words) or GOAL)


def ask(*words: str) -> None:
    """Ask the running stack over its WebSocket, and print the answer as it is written."""
    from local.stack.asking import ask as stream

    stream(read_stack(), " ".join(words) or demo.QUESTION)


def logs() -> None:
    """Print what the functions logged on the local stack."""
    from local.stack.logs import lines

    for line in lines(local_session(), read_stack()["aws_endpoint_url"]):
        print(line)


def _start() -> dict[str, Any]:
    """Servers, build and deployment; writes `.local/stack.json`."""
    ports = Ports.chosen()
    offline = [
        name
        for name, wanted in (("offline models", uses_offline_models()), ("offline vectors", uses_offline_vectors()))
        if wanted
    ]
    with _step(f"started: {', '.join(['embedded AWS', *offline])}"):
        processes.start(ports, models=uses_offline_models(), vectors=uses_offline_vectors())
    with _step("built template.yaml (sam build)"):
        build()
    with _step("deployed it (sam deploy)"):
        stack = deploy(ports)
    LOCAL.mkdir(exist_ok=True)
    STACK_FILE.write_text(json.dumps(stack, indent=2) + "\n")
    STACK_FILE.chmod(0o600)
    return stack


def _told(function: str, **given: Any) -> dict[str, Any]:
    """What a function that IAM guards answers, named by the stack's output."""
    session, endpoint = _target()
    return command(session, endpoint, stack_outputs(session, endpoint)[function], **given)


def _target() -> tuple[boto3.Session, str | None]:
    if STACK_FILE.exists():
        return local_session(), read_stack()["aws_endpoint_url"]
    return boto3.Session(), None


@contextmanager
def _step(done: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"  {time.monotonic() - began:5.1f} s  {done}", flush=True)


def _until_interrupted() -> None:
    with suppress(KeyboardInterrupt):
        signal.pause()


def _stop_uninterrupted() -> None:
    """Stop the servers; a second Ctrl-C does not leave half of them."""
    print("stopping", flush=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    processes.stop()
    print("stopped", flush=True)


COMMANDS: dict[str, Callable[..., int | None]] = {
    "run": run,
    "up": up,
    "down": down,
    "test": test,
    "build": build_for_account,
    "deploy": deploy_to_account,
    "key": key,
    "keys": keys,
    "revoke": revoke,
    "source": source,
    "sources": sources,
    "revoke-source": revoke_source,
    "dead-letters": dead_letters,
    "redrive": redrive,
    "backfill": backfill,
    "replay": replay,
    "secrets": secrets,
    "invoke": invoke,
    "logs": logs,
    "ask": ask,
    "task": task,
}
