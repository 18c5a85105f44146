"""Every function answers each of its events under AWS's own runtime, as `sam build` made it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.stack import functions
from quadrille.ingest.stages import STAGES
from tests.integration.reactor import rules
from tests.local.runtime import Emulator, emulated, link_runtime

_POISONED = "00000000-0000-4000-8000-000000000000"

REPORT = {"backfill", "bytes", "complete", "listed", "new", "new_bytes", "outcomes", "pages", "predicted_usd", "prefix"}
REPORT |= {"refused", "samples", "sent", "there", "under_way"}

TURN = {"approval_seconds", "calls", "error", "next", "reason", "run", "since", "step", "task_id", "tenant"}

EXPECTED: dict[str, Any] = {
    "act/approvals/unknown_task": 404,
    "act/compact/ended_task": TURN,
    "act/finish/unknown_task": None,
    "act/steps/unknown_task": 404,
    "act/stop/execution_aborted": None,
    "act/stop/unknown_task": None,
    "act/tasks/budget_of_zero": 422,
    "act/tasks/cancel_unknown": 404,
    "act/tasks/create": 202,
    "act/tasks/list": 200,
    "act/tasks/missing_scope": 403,
    "act/tasks/resume_unknown": 404,
    "act/tasks/show_unknown": 404,
    "act/think/ended_task": TURN,
    "act/tools/list": 200,
    "act/use_tool/ended_task": None,
    "act/wait_for_approval/ended_task": None,
    "ask/answer/missing_scope": 403,
    "ask/answer/question": 200,
    "ask/answer/unknown_conversation": 404,
    "ask/answer/unknown_field": 422,
    "ask/completions/question": 200,
    "ask/completions/streamed": 200,
    "ask/completions/tools": 400,
    "ask/completions/unknown_model": 404,
    "ask/models/list": 200,
    "ask/models/missing_scope": 403,
    "ask/search/query": 200,
    "ask/stream/nobody_waits": None,
    "ask/stream/nobody_waits_for_a_draft": None,
    "ingest/backfill/start_dry": {"backfill", "status"},
    "ingest/backfill/start_work": {"error"},
    "ingest/backfill/status_unknown": {"error"},
    "ingest/chunk/superseded": [],
    "ingest/collections/overlap_too_large": 422,
    "ingest/collections/set": 200,
    "ingest/collections/show": 200,
    "ingest/dead_letters/depth": set(STAGES),
    "ingest/dead_letters/redrive": {"dropped", "left", "redriven", "stage", "unreadable"},
    "ingest/dead_letters/samples": {"dead", "items", "stage"},
    "ingest/dead_letters/unknown_stage": {"error"},
    "ingest/documents/delete_unknown": 404,
    "ingest/documents/list": 200,
    "ingest/documents/retry_unknown": 404,
    "ingest/documents/show_unknown": 404,
    "ingest/embed/poisoned": [_POISONED],
    "ingest/embed/superseded": [],
    "ingest/erase/object_deleted": [],
    "ingest/erase/unknown_document": [],
    "ingest/estimates/confirm_unknown": 404,
    "ingest/estimates/pages": 200,
    "ingest/estimates/two_bases": 422,
    "ingest/extract/key_without_collection": [],
    "ingest/extract/object_created": [],
    "ingest/feed/list": {"after", "backfill", "listed", "more", "pages", "pages_at", "problem", "results_at"},
    "ingest/feed/page_gone": "There is no object 'backfills/0123456789abcdef-0/pages/0000000.json' in the bucket.",
    "ingest/feed/report": REPORT,
    "ingest/index/superseded": [],
    "ingest/ocr/superseded": [],
    "ingest/summarize/superseded": [],
    "ingest/uploads/create": 201,
    "react/apply_rules/no_rule": [],
    "react/customer_history/unknown_ticket": [],
    "react/classify_ticket/unknown_ticket": [],
    "react/related_documents/unknown_ticket": [],
    "react/draft/decide_unknown": 404,
    "react/draft/edit_without_text": 422,
    "react/draft/unknown_ticket": 404,
    "react/tickets/list": 200,
    "react/tickets/show_unknown": 404,
    "react/tickets/unknown_status": 422,
    "react/webhooks/unknown_source": 401,
    "react/webhooks/unsigned": 401,
    "react/dead_letters/depth": {*rules(), "receive_mail"},
    "react/dead_letters/redrive": {"consumer", "dropped", "left", "redriven", "unreadable"},
    "react/dead_letters/samples": {"consumer", "dead", "items"},
    "react/dead_letters/unknown_consumer": {"error"},
    "react/desk/set": 200,
    "react/desk/show": 200,
    "react/desk/spam_is_taken": 422,
    "react/emails/list": 200,
    "react/emails/show_unknown": 404,
    "react/emails/unknown_status": 422,
    "react/events/batch": 202,
    "react/events/binary": 202,
    "react/events/ours_alone": 403,
    "react/events/own_type": 202,
    "react/events/parked": 200,
    "react/events/unknown_type": 202,
    "react/publish/task_finished": None,
    "react/receive_mail/key_without_tenant": [],
    "react/receive_mail/object_gone": [],
    "react/replay/predict": {"at_most_usd", "consumers", "events", "unwanted"},
    "react/replay/unknown_consumer": {"error"},
    "react/rules/list": 200,
    "react/rules/own_output": 422,
    "react/rules/put": 200,
    "react/rules/remove": 204,
    "react/rules/show_unknown": 404,
    "react/start_task/goal": [],
    "react/start_task/version_of_tomorrow": [],
    "react/summarize/unknown_document": [],
    "react/triage/unknown_mail": [],
    "system/authorize/unknown_key": "Unauthorized",
    "system/authorize/unknown_token": {"policyDocument", "principalId"},
    "system/budgets/list": 200,
    "system/budgets/missing_scope": 403,
    "system/budgets/set": 200,
    "system/costs/by_room": 200,
    "system/costs/unknown_group": 422,
    "system/health/get": 200,
    "system/keys/create": {"created_at", "key", "key_id", "scopes", "tenant"},
    "system/keys/create_source": {"created_at", "kind", "secret", "source_id", "tenant"},
    "system/keys/list": {"items"},
    "system/keys/list_sources": {"items"},
    "system/keys/source_of_tomorrow": {"error"},
    "system/progress/chunking": None,
    "system/progress/task_started": None,
    "system/socket/ask": 200,
    "system/socket/cancel": 200,
    "system/socket/connect": 200,
    "system/socket/disconnect": 200,
    "system/socket/draft": 200,
    "system/socket/not_json": 200,
    "system/socket/watch": 200,
    "system/openapi/document": 200,
    "system/openapi/page": 200,
}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="module")
def emulator(request: pytest.FixtureRequest, stack: dict[str, Any], runtime: Path) -> Iterator[Emulator]:
    with emulated(request.param, stack, runtime) as emulator:
        yield emulator


@pytest.mark.skipif(sys.platform != "linux", reason="AWS ships the runtime interface emulator for Linux only")
@pytest.mark.parametrize(
    ("emulator", "case"), [name.rsplit("/", 1) for name in EXPECTED], indirect=["emulator"], ids=list(EXPECTED)
)
def test_each_event_has_its_outcome_under_the_lambda_runtime(emulator: Emulator, case: str) -> None:
    answer = emulator.invoke(functions.event(emulator.function, case).read_bytes())
    assert _outcome(answer) == EXPECTED[f"{emulator.function}/{case}"], answer


def test_every_event_has_an_expected_outcome_and_every_outcome_its_event() -> None:
    events = {f"{function}/{case}" for function in functions.logical_ids() for case in functions.cases(function)}
    assert set(EXPECTED) == events


def test_every_function_has_an_event() -> None:
    assert {name for name in functions.logical_ids() if not functions.cases(name)} == set()


def _outcome(answer: Any) -> Any:
    """A status, the messages that failed, the words of an exception, or the names of the fields of anything else."""
    match answer:
        case None:
            return None
        case {"statusCode": status}:
            return status
        case {"batchItemFailures": failures}:
            return [failure["itemIdentifier"] for failure in failures]
        case {"errorMessage": message}:
            return message
    return set(answer)
