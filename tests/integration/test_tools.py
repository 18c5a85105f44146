"""The built-in tools over documents, memories, results and the bus."""

import json
import time
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from quadrille import clients
from quadrille.act.results import result_key
from quadrille.act.tooling import Observation, Use, built_in
from quadrille.calls import Payer
from quadrille.documents import Place
from quadrille.errors import Invalid, NotFound
from tests.integration.house import House

LETTERS = "abcdefghij" * 10


@pytest.fixture
def use(house: House, tenant: str) -> Use:
    return of(tenant)


def of(tenant: str, task_id: str = "task_1", collection: str = "default") -> Use:
    soon = time.time() + 20
    payer = Payer(tenant=tenant, subject=f"tasks/{task_id}", deadline=soon, ends_at=soon, task=task_id)
    return Use(tenant, task_id, f"{task_id}/1/0", collection, payer)


def run(name: str, use: Use, /, **arguments: Any) -> Observation:
    tool = built_in()[name]
    return tool.run(tool.check(tool.parse(json.dumps(arguments))), use, clients.workbench())


def test_searching_gives_passages_and_the_versions_they_are_of(club: Place, use: Use):
    observed = run("search_documents", use, query="number of the club")
    [passage] = json.loads(observed.text)["passages"]
    assert passage["document_id"] == club.document_id
    assert "seven" in passage["text"]
    assert observed.sources == (f"{club.document_id}/1",)
    assert observed.spent.cost_usd > 0


def test_what_a_tool_pays_is_booked_for_the_task(club: Place, use: Use):
    spent = run("search_documents", use, query="number of the club").spent.cost_usd
    booked = clients.costs().receipts(use.tenant, "task", [use.task_id])[use.task_id]
    assert booked.cost_usd == spent > Decimal(0)


def test_searching_can_be_narrowed_to_one_document(club: Place, use: Use):
    assert "seven" in run("search_documents", use, query="number", document_id=club.document_id).text
    assert run("search_documents", use, query="number", document_id="doc_other").text == "No passage was found."


def test_documents_are_listed_until_there_are_no_more(club: Place, use: Use):
    listed = json.loads(run("list_documents", use).text)
    expected = {"document_id": club.document_id, "filename": "club.md", "pages": 0, "has_summary": False}
    assert listed == {"documents": [expected], "more_after": None}
    assert json.loads(run("list_documents", use, after=club.document_id).text)["documents"] == []


def test_a_document_is_read_in_stretches(club: Place, use: Use):
    observed = run("read_document", use, document_id=club.document_id, from_character=4, characters=6)
    assert observed.text == "[Characters 4 to 10 of 53; go on with from_character 10]\nnumber"
    assert observed.sources == (f"{club.document_id}/1",)
    assert run("read_document", use, document_id=club.document_id, from_character=99).text.startswith("[Characters 53")


@pytest.mark.parametrize("name", ["search_documents", "read_document", "list_documents"])
@pytest.mark.parametrize("stranger", ["tenant", "collection"])
def test_nobody_sees_another_tenants_or_another_collections_documents(club: Place, name: str, stranger: str):
    use = of("other") if stranger == "tenant" else of(club.tenant, collection="secret")
    arguments = {"search_documents": {"query": "club"}, "read_document": {"document_id": club.document_id}}
    try:
        text = run(name, use, **arguments.get(name, {})).text
    except NotFound as error:
        text = str(error)
    assert "seven" not in text
    assert "club.md" not in text


def test_a_large_result_is_read_in_stretches_by_its_own_task_alone(use: Use):
    clients.blobs().put(result_key(use.tenant, use.task_id, "r12-0"), LETTERS.encode())
    assert run("read_result", use, result="r12-0", from_character=98).text.endswith("100 of 100]\nij")
    for stranger in (of(use.tenant, "task_2"), of("other")):
        with pytest.raises(NotFound, match="no result 'r12-0' of this task"):
            run("read_result", stranger, result="r12-0")


@pytest.mark.parametrize("result", ["../task_2/r1-0", "r1", "r1-0\n", "", "r1-0/..", "r٣-0"])
def test_a_result_is_named_by_its_id_and_not_by_a_path(use: Use, result: str):
    with pytest.raises(Invalid, match="result: "):
        run("read_result", use, result=result)


def test_what_is_remembered_is_recalled_in_another_task_of_the_tenant(use: Use):
    observed = run("remember", use, fact="The invoice of  Ada is paid in May.")
    assert observed.pinned == "The invoice of Ada is paid in May."
    found = json.loads(run("recall", of(use.tenant, "task_2"), query="invoice of Ada").text)["facts"]
    assert [fact["fact"] for fact in found] == [observed.pinned]
    assert run("recall", of("other"), query="invoice of Ada").text == "Nothing is noted."


def test_a_fact_that_is_noted_twice_is_kept_and_paid_once(use: Use):
    later = of(use.tenant, "task_2")
    first, again = (run("remember", each, fact="Ada is the owner.").spent for each in (use, later))
    assert (again.cost_usd, again.saved_usd) == (0, first.cost_usd)
    assert len(json.loads(run("recall", use, query="owner").text)["facts"]) == 1


def test_an_event_of_an_agent_never_looks_like_one_of_ours(use: Use, monkeypatch: pytest.MonkeyPatch):
    entries = published(monkeypatch)
    run("publish_event", use, name="DocumentIndexed", data={"tenant": "other", "source": "quadrille"})
    [entry] = entries
    assert (entry["Source"], entry["DetailType"]) == ("quadrille.agent", "AgentEvent")
    assert json.loads(entry["Detail"]) == {
        "id": use.key,
        "tenant": use.tenant,
        "task_id": use.task_id,
        "name": "DocumentIndexed",
        "data": {"tenant": "other", "source": "quadrille"},
    }


def published(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    events = clients.bus().events
    put = events.put_events
    monkeypatch.setattr(events, "put_events", lambda Entries: (entries.extend(Entries), put(Entries=Entries))[1])  # noqa: N803
    return entries


@time_machine.travel("2026-11-23T12:00:00Z", tick=False)
def test_the_time_is_told_where_it_is_wanted(use: Use):
    assert run("current_time", use).text == "2026-11-23T12:00:00+00:00 (Monday)"
    assert run("current_time", use, time_zone="Asia/Tokyo").text == "2026-11-23T21:00:00+09:00 (Monday)"


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "/etc/passwd", "\x00", "x" * 60, "Europe"])
def test_a_zone_that_does_not_exist_is_refused(use: Use, zone: str):
    with pytest.raises(Invalid, match="time_zone: "):
        run("current_time", use, time_zone=zone)
