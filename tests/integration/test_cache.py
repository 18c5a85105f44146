"""The exact cache: whom it answers, what that costs, and what ends an entry."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from quadrille import clients
from quadrille.documents import Place
from tests.integration.conftest import CLUB as TEXT
from tests.integration.house import House, reset_caches
from tests.integration.test_costs import costs
from tests.integration.test_erase import delete
from tests.integration.test_pipeline import asked, shown

QUESTION = "What is the number of the club?"


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The requests to AWS since this was last asked for."""
    from botocore.client import BaseClient

    made: list[str] = []
    call = BaseClient._make_api_call

    def noted(self: Any, operation: str, *args: Any) -> Any:
        made.append(operation)
        return call(self, operation, *args)

    def since() -> list[str]:
        found = [*made]
        made.clear()
        return found

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    return since


def test_a_known_answer_is_given_without_a_model_and_says_what_it_saved(house: House, club: Place) -> None:
    first, second = asked(house, club.tenant, QUESTION), asked(house, club.tenant, QUESTION)
    assert (first["cached"], second["cached"]) == (None, "exact")
    assert {**second, "cached": None, "receipt": None} == {**first, "receipt": None}
    assert second["receipt"]["cost_usd"] == "0"
    assert second["receipt"]["saved_usd"] == first["receipt"]["cost_usd"]
    assert second["receipt"]["models"] == []


def test_a_known_answer_takes_one_read_and_the_booking_of_what_it_saved(
    house: House, club: Place, requests: Callable[[], list[str]]
) -> None:
    asked(house, club.tenant, QUESTION)
    requests()
    asked(house, club.tenant, QUESTION)
    assert requests() == ["BatchGetItem", "UpdateItem"]


def test_what_a_known_answer_saved_is_in_the_costs(house: House, club: Place) -> None:
    spent = Decimal(asked(house, club.tenant, QUESTION)["receipt"]["cost_usd"])
    for _ in range(2):
        asked(house, club.tenant, QUESTION)
    [ask] = [line for line in costs(house, club.tenant, by="room") if line["group"] == "ask"]
    assert Decimal(ask["saved_by_cache_usd"]) == 2 * spent
    assert (Decimal(ask["spent_usd"]), ask["calls"]) == (spent, 2)


def test_a_refusal_is_known_too_until_the_collection_changes(house: House, club: Place) -> None:
    question = "What is the password of the harbour?"
    assert not asked(house, club.tenant, question)["supported"]
    assert asked(house, club.tenant, question)["cached"] == "exact"
    house.drop(Place(club.tenant, "default", "harbour.md").key, b"The password of the harbour is swordfish.")
    house.work()
    again = asked(house, club.tenant, question)
    assert (again["cached"], again["supported"]) == (None, True)


@pytest.mark.parametrize(
    "question",
    [
        "what is the number of the club",
        "  What is\n\tthe NUMBER of the club ?!",
        "\uff37hat is the number of the club\uff1f",
    ],
)
def test_what_makes_no_difference_to_a_question_makes_none_to_the_cache(
    house: House, club: Place, question: str
) -> None:
    asked(house, club.tenant, QUESTION)
    assert asked(house, club.tenant, question)["cached"] == "exact"


@pytest.mark.parametrize(
    "more",
    [{"collection": "other"}, {"top_k": 3}, {"filter": {"filename": "club.md"}}, {"cache": "off"}],
    ids=lambda more: next(iter(more)),
)
def test_another_request_is_another_answer(house: House, club: Place, more: dict[str, Any]) -> None:
    asked(house, club.tenant, QUESTION)
    assert asked(house, club.tenant, QUESTION, **more)["cached"] is None


@pytest.mark.parametrize("name", ["CHAT_MODEL", "ANSWER_TOKENS"])
def test_another_model_or_limit_is_another_answer(
    house: House, club: Place, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked(house, club.tenant, QUESTION)
    monkeypatch.setenv(name, {"CHAT_MODEL": "gpt-5-nano", "ANSWER_TOKENS": "999"}[name])
    reset_caches()
    slot, known = clients.desk().cache.find(QUESTION, payer(club.tenant), collection="default", scope=scope())
    assert (known, slot.epoch) == (None, 1)


def payer(tenant: str) -> Any:
    from quadrille.calls import Payer

    return Payer(tenant, "answers/1", 0, 0)


def scope() -> str:
    from quadrille.ask.models import AskRequest

    return clients.desk().scope(AskRequest(question=QUESTION))


def test_another_tenant_is_not_answered_from_it(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION)
    other = asked(house, f"{club.tenant}x", QUESTION)
    assert (other["cached"], other["supported"]) == (None, False)


def test_a_new_version_is_what_the_next_answer_is_made_of(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION)
    house.drop(club.key, TEXT.replace(b"seven", b"eight"))
    house.work()
    answer = asked(house, club.tenant, QUESTION)
    assert (answer["cached"], "eight" in answer["answer"]) == (None, True)


def test_a_deletion_ends_what_is_known_at_once(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION)
    delete(house, club)
    answer = asked(house, club.tenant, QUESTION)
    assert (answer["cached"], answer["supported"]) == (None, False)


def test_a_deletion_erases_what_is_known_and_counts_it(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION)
    assert cached(club.tenant) == 1
    delete(house, club)
    house.settle()
    assert (cached(club.tenant), shown(house, club)["erased"]["cached"]) == (0, 1)


def test_a_change_of_one_collection_leaves_the_others_answers(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION)
    house.drop(Place(club.tenant, "other", "club.md").key, b"Something else is written here.")
    house.work()
    assert asked(house, club.tenant, QUESTION)["cached"] == "exact"


def test_an_answer_found_while_the_collection_changes_is_not_known_afterwards(
    house: House, club: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = clients.desk()
    find = type(desk.retriever).find

    def changed_just_then(self: Any, *args: Any, **more: Any) -> Any:
        found = find(self, *args, **more)
        house.drop(club.key, TEXT.replace(b"seven", b"eight"))
        house.work()
        return found

    monkeypatch.setattr(type(desk.retriever), "find", changed_just_then)
    assert "seven" in asked(house, club.tenant, QUESTION)["answer"]
    monkeypatch.setattr(type(desk.retriever), "find", find)
    answer = asked(house, club.tenant, QUESTION)
    assert (answer["cached"], "eight" in answer["answer"]) == (None, True)


def test_an_answer_is_forgotten_in_time(house: House, club: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CACHE_SECONDS", "1")
    reset_caches()
    asked(house, club.tenant, QUESTION)
    from time import sleep

    sleep(1.1)
    assert asked(house, club.tenant, QUESTION)["cached"] is None


def test_a_collections_sizes_and_its_epoch_leave_each_other_alone(house: House, club: Place) -> None:
    from quadrille.collections import Size

    collections = clients.collections()
    assert collections.size(club.tenant, "default").tokens == 400
    asked(house, club.tenant, QUESTION)
    collections.set_size(club.tenant, "default", Size(300, 30))
    assert asked(house, club.tenant, QUESTION)["cached"] == "exact"
    house.drop(club.key, TEXT + b" And more.")
    house.work()
    assert collections.size(club.tenant, "default").tokens == 300


def cached(tenant: str) -> int:
    rows = clients.documents().dynamodb.scan(TableName="LedgerTable")["Items"]
    return sum(row["pk"]["S"] == f"answers#{tenant}#default" for row in rows)
