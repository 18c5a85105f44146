"""The semantic cache: whose answer a similar question gets, what that costs, and what ends it."""

from decimal import Decimal
from typing import Any

import pytest

from quadrille import clients
from quadrille.answers import Answers
from quadrille.documents import Place
from quadrille.errors import RetryLater
from quadrille.keys import TENANT
from quadrille.llm import Models
from quadrille.vectors import Vectors, questions
from tests.integration.conftest import CLUB as TEXT
from tests.integration.house import House, reset_caches
from tests.integration.test_cache import QUESTION
from tests.integration.test_costs import costs
from tests.integration.test_erase import delete
from tests.integration.test_pipeline import asked

SIMILAR = "What is the club's number?"
SEMANTIC = {"cache": "semantic"}


def vectors_of(tenant: str) -> list[str]:
    return clients.vectors().ids(questions(tenant), prefix="")


def test_a_similar_question_gets_the_answer_for_the_price_of_its_embedding(house: House, club: Place) -> None:
    first = asked(house, club.tenant, QUESTION, **SEMANTIC)
    second = asked(house, club.tenant, SIMILAR, **SEMANTIC)
    assert (first["cached"], second["cached"]) == (None, "semantic")
    assert (second["answer"], second["citations"]) == (first["answer"], first["citations"])
    paid, saved = (Decimal(second["receipt"][name]) for name in ("cost_usd", "saved_usd"))
    assert second["receipt"]["models"] == ["offline-hashed-embedding"]
    assert paid + saved == Decimal(first["receipt"]["cost_usd"])
    [ask] = [line for line in costs(house, club.tenant, by="room") if line["group"] == "ask"]
    assert (Decimal(ask["saved_by_cache_usd"]), ask["calls"]) == (saved, 3)


def test_the_same_question_is_an_exact_hit_that_pays_nothing(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION, **SEMANTIC)
    answer = asked(house, club.tenant, QUESTION, **SEMANTIC)
    assert (answer["cached"], answer["receipt"]["cost_usd"]) == ("exact", "0")


def test_a_question_is_embedded_once_whether_it_is_known_or_not(
    house: House,
    club: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embed, texts = Models.embed, []

    def noted(self: Models, given: Any, *args: Any, **more: Any) -> Any:
        texts.extend(given)
        return embed(self, given, *args, **more)

    monkeypatch.setattr(Models, "embed", noted)
    receipts = [asked(house, club.tenant, text, **SEMANTIC)["receipt"] for text in (QUESTION, SIMILAR)]
    assert (texts, [receipt["calls"] for receipt in receipts]) == ([QUESTION, SIMILAR], [2, 1])


def test_without_being_asked_for_a_similar_answer_is_not_given(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION, **SEMANTIC)
    assert asked(house, club.tenant, SIMILAR)["cached"] is None


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (QUESTION, "What is the colour of the club?"),
        ("What was the number of the club in 2025?", "What was the number of the club in 2026?"),
    ],
)
def test_a_question_that_is_not_similar_or_differs_in_a_figure_gets_its_own(
    house: House,
    club: Place,
    before: str,
    now: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if "2025" in before:
        monkeypatch.setenv("SEMANTIC_SIMILARITY", "0.01")
        reset_caches()
    asked(house, club.tenant, before, **SEMANTIC)
    assert asked(house, club.tenant, now, **SEMANTIC)["cached"] is None


@pytest.mark.parametrize("more", [{"collection": "other"}, {"top_k": 3}, {"filter": {"filename": "club.md"}}])
def test_a_question_put_otherwise_gets_its_own(house: House, club: Place, more: dict[str, Any]) -> None:
    asked(house, club.tenant, QUESTION, **SEMANTIC)
    assert asked(house, club.tenant, SIMILAR, **SEMANTIC, **more)["cached"] is None


def test_another_tenants_similar_question_is_not_reached(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION, **SEMANTIC)
    for stranger in (f"{club.tenant}x", club.tenant[:-1], "questions"):
        answer = asked(house, stranger, SIMILAR, **SEMANTIC)
        assert (answer["cached"], answer["supported"]) == (None, False)


def test_no_collection_or_filter_leads_into_the_questions(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION, **SEMANTIC)
    assert not TENANT.fullmatch(questions(club.tenant))
    status, found = house.call("ask/search", "POST", "/search", {"query": QUESTION, "top_k": 100}, tenant=club.tenant)
    assert (status, [hit["filename"] for hit in found["hits"]]) == (200, ["club.md"])


def test_a_new_version_ends_it(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION, **SEMANTIC)
    house.drop(club.key, TEXT.replace(b"seven", b"eight"))
    house.work()
    answer = asked(house, club.tenant, SIMILAR, **SEMANTIC)
    assert (answer["cached"], "eight" in answer["answer"]) == (None, True)


def test_a_deletion_ends_it_at_once_and_takes_the_vectors(house: House, club: Place) -> None:
    asked(house, club.tenant, QUESTION, **SEMANTIC)
    assert len(vectors_of(club.tenant)) == 1
    delete(house, club)
    answer = asked(house, club.tenant, SIMILAR, **SEMANTIC)
    assert (answer["cached"], answer["supported"]) == (None, False)
    house.settle()
    assert vectors_of(club.tenant) == []


def test_a_vector_whose_answer_is_gone_is_no_hit(
    house: House,
    club: Place,
) -> None:
    asked(house, club.tenant, QUESTION, **SEMANTIC)
    dynamodb = clients.documents().dynamodb
    for item in dynamodb.scan(TableName="LedgerTable")["Items"]:
        if item["pk"]["S"].startswith("answers#"):
            dynamodb.delete_item(TableName="LedgerTable", Key={name: item[name] for name in ("pk", "sk")})
    assert asked(house, club.tenant, SIMILAR, **SEMANTIC)["cached"] is None


def test_vectors_say_nothing_of_what_was_asked_and_do_not_pile_up(
    house: House,
    club: Place,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(2):
        asked(house, club.tenant, QUESTION, **SEMANTIC)
        house.drop(club.key, TEXT + str(_).encode())
        house.work()
    [id_] = vectors_of(club.tenant)
    kept = clients.vectors().index.fetch(ids=[id_], namespace=questions(club.tenant)).vectors[id_].metadata
    assert set(kept) == {"alike", "collection", "digest", "epoch", "expires_at"}
    monkeypatch.setattr("quadrille.ask.cache.digest_of", lambda *parts: "0" + str(abs(hash(repr(parts)))))
    asked(house, club.tenant, "What is the colour of the club?", **SEMANTIC)
    [swept] = vectors_of(club.tenant)
    assert swept != id_


@pytest.mark.parametrize("broken", [(Answers, "put"), (Vectors, "upsert")], ids=["row", "vector"])
def test_what_cannot_be_kept_is_answered_all_the_same(
    house: House,
    club: Place,
    monkeypatch: pytest.MonkeyPatch,
    broken: tuple[type, str],
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RetryLater("throttling")

    monkeypatch.setattr(*broken, fails)
    answer = asked(house, club.tenant, QUESTION, **SEMANTIC)
    assert (answer["supported"], answer["cached"]) == (True, None)
