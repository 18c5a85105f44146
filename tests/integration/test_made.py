"""What paid calls made out of a document: found by the document, and gone with it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from quadrille.calls import Call, Reply
from quadrille.claims import Claim
from quadrille.errors import Busy
from quadrille.ledger import Ledger
from quadrille.made import Made
from quadrille.messages import DocumentVersion
from quadrille.purposes import DOCUMENT
from tests.integration.conftest import Clock, Provider

Make = Callable[..., Call]
DRAWN = ("doc_x/1", "doc_y/4")


@pytest.fixture
def made(ledger: Ledger) -> Made:
    return Made(ledger.claims)


def before(document_id: str, number: int) -> DocumentVersion:
    return DocumentVersion(tenant="acme", document_id=document_id, version=number)


def erase(made: Made, document_id: str, number: int) -> int:
    results = made.before(before(document_id, number))
    made.erase("acme", results)
    assert made.before(before(document_id, number)) == []
    return len(results)


def objects(made: Made) -> list[str]:
    return made.claims.blobs.list("results/")


def test_an_answer_is_found_by_each_document_it_drew_on_and_by_no_other(
    ledger: Ledger, call: Make, provider: Provider, made: Made
) -> None:
    ledger.pay(call(sources=DRAWN), provider)
    assert [len(made.before(before(id_, 5))) for id_ in ("doc_x", "doc_y", "doc_z")] == [1, 1, 0]
    assert [len(made.before(before("doc_y", number))) for number in (4, 5)] == [0, 1]
    assert made.before(before("doc_x", 2).model_copy(update={"tenant": "other"})) == []


@pytest.mark.parametrize("more", [{"as_blob": True, "purpose": DOCUMENT, "document": "doc_x/1"}, {"sources": DRAWN}])
def test_a_result_goes_with_its_document_and_is_paid_for_anew(
    ledger: Ledger, call: Make, made: Made, more: dict[str, Any]
) -> None:
    provider = Provider(result=b"x" * 2_000)
    ledger.pay(call(**more), provider)
    assert len(objects(made)) == 1
    assert erase(made, "doc_x", 2) == 1
    assert (made.claims.row(call(**more)), objects(made)) == (None, [])
    ledger.pay(call(**more), provider)
    assert provider.bills == 2


def test_what_was_spent_stays_in_the_books(ledger: Ledger, call: Make, provider: Provider, made: Made) -> None:
    ledger.pay(call(document="doc_x/1"), provider)
    erase(made, "doc_x", 2)
    [_, document] = ledger.limits.budgets("acme", document="doc_x/1")
    assert ledger.limits.spending(document)["spent"] == Decimal("0.04")


def test_a_document_that_met_a_paid_result_takes_it_along_as_well(
    ledger: Ledger, call: Make, provider: Provider, made: Made
) -> None:
    ledger.pay(call(document="doc_x/1", as_blob=True), provider)
    ledger.pay(call(document="doc_y/1", as_blob=True), provider)
    assert erase(made, "doc_y", 2) == 1
    assert objects(made) == []
    assert erase(made, "doc_x", 2) == 1


def test_a_call_under_way_is_left_to_end(ledger: Ledger, call: Make, made: Made) -> None:
    def send() -> Reply:
        with pytest.raises(Busy):
            made.erase("acme", made.before(before("doc_x", 2)))
        return Provider()()

    assert ledger.pay(call(sources=DRAWN), send).result == b"reply"
    assert erase(made, "doc_x", 2) == 1


@pytest.mark.parametrize("stored", [False, True])
def test_what_a_dead_worker_left_goes_and_its_reservation_is_ended(
    ledger: Ledger, call: Make, provider: Provider, made: Made, clock: Clock, stored: bool
) -> None:
    own = call(document="doc_x/1", as_blob=True)
    budgets = ledger.limits.budgets("acme", document="doc_x/1")
    claim = ledger.claims.begin(own, budgets, "fence", seen=None)
    assert isinstance(claim, Claim)
    if stored:
        ledger.claims.keep(claim, b"reply", provider().receipt)
    clock.time += 31
    assert erase(made, "doc_x", 2) == 1
    assert (made.claims.row(own), objects(made)) == (None, [])
    spent = ledger.limits.spending(budgets[0])
    assert spent["spent"] == spent["committed"] == (Decimal("0.04") if stored else Decimal("0.10"))


def test_what_was_begun_again_since_is_another_result(
    ledger: Ledger, call: Make, provider: Provider, made: Made
) -> None:
    ledger.pay(call(document="doc_x/1", as_blob=True), provider)
    old = made.before(before("doc_x", 2))
    erase(made, "doc_x", 2)
    paid = ledger.pay(call(document="doc_x/3", as_blob=True), provider)
    made.erase("acme", old)
    assert objects(made) == [paid.blob]
    assert ledger.pay(call(document="doc_x/3", as_blob=True), provider).blob == paid.blob
    assert provider.bills == 2


def test_a_result_of_a_document_is_found_when_its_row_has_expired(
    ledger: Ledger, call: Make, provider: Provider, made: Made
) -> None:
    own = call(document="doc_x/1", as_blob=True)
    ledger.pay(own, provider)
    ledger.claims.dynamodb.delete_item(
        TableName=ledger.claims.table, Key={"pk": {"S": f"call#{own.key}"}, "sk": {"S": own.key}}
    )
    assert erase(made, "doc_x", 2) == 1
    assert objects(made) == []


def test_a_large_answer_lies_where_the_bucket_lets_it_expire_and_its_rows_do_too(
    ledger: Ledger, call: Make, made: Made
) -> None:
    ledger.pay(call(sources=DRAWN, document="doc_z/1"), Provider(result=b"x" * 2_000))
    assert all(key.startswith("results/_passing/acme/") for key in objects(made))
    rows = ledger.claims.dynamodb.scan(TableName=ledger.claims.table)["Items"]
    expiring = {row["pk"]["S"]: "expires_at" in row for row in rows if row["pk"]["S"].startswith("made#")}
    assert expiring == {"made#acme#doc_x": True, "made#acme#doc_y": True, "made#acme#doc_z": False}


def test_one_message_erases_so_much_and_leaves_the_rest_to_the_next(
    ledger: Ledger, call: Make, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quadrille.made._A_TURN", 2)
    for number in range(3):
        ledger.pay(call(request={"input": number}, sources=DRAWN), Provider(cost=Decimal("0.01")))
    with pytest.raises(Busy):
        made.erase("acme", made.before(before("doc_x", 2)))
    assert erase(made, "doc_x", 2) == 1
