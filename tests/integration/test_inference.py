"""Hosted sparse embeddings and reranking: through the ledger, to the offline server."""

import time
from decimal import Decimal

import httpx
import pytest

from quadrille import clients
from quadrille.calls import Payer
from quadrille.errors import AmbiguousCall, ProviderRefused, UnknownPrice
from quadrille.purposes import DOCUMENT, QUESTION
from tests.integration.house import House, reset_caches


@pytest.fixture
def payer(hosted: House, tenant: str) -> Payer:
    return Payer(tenant, "answers/1", time.time() + 20, time.time() + 22)


def test_a_sparse_embedding_is_paid_once(payer: Payer) -> None:
    first, second = (
        clients.inference().embed(["the red house", "a blue door"], payer, purpose=DOCUMENT, kind="passage")
        for _ in range(2)
    )
    assert [len(vector.indices) == len(vector.values) > 0 for vector in first.vectors] == [True, True]
    assert (first.vectors, first.blob) == (second.vectors, second.blob)
    assert first.receipt.embedding_tokens > 0
    [(_, cost)] = clients.costs().by("day", payer.tenant, "2020-01-01", "2099-01-01", after=None, limit=9)[0]
    assert (cost.calls, cost.spent) == (1, first.receipt.cost_usd)


def test_a_ranking_puts_the_relevant_text_first_and_costs_by_request(payer: Payer) -> None:
    texts = ["an apple is a fruit", "the house of the mayor is red", "doors are blue"]
    ranking = clients.inference().rerank("which house is red", texts, payer, purpose=QUESTION, top_n=2)
    assert (ranking.scores[0][0], len(ranking.scores)) == (1, 2)
    assert (ranking.receipt.cost_usd, ranking.receipt.calls) == (Decimal("0.002"), 1)


def test_a_hosted_model_without_a_price_is_not_called(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RERANK_MODEL", "nobody-knows")
    reset_caches()
    with pytest.raises(UnknownPrice):
        clients.inference().rerank("q", ["t"], payer, purpose=QUESTION, top_n=1)


def test_a_request_the_service_refuses_is_not_spent(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICE_OVERRIDES", '{"no-such-model": {"request": "1"}}')
    monkeypatch.setenv("RERANK_MODEL", "no-such-model")
    reset_caches()
    with pytest.raises(ProviderRefused):
        clients.inference().rerank("q", ["t"], payer, purpose=QUESTION, top_n=1)


@pytest.mark.parametrize("error", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("gone")], ids=str)
def test_a_lost_reply_is_ambiguous_and_sent_once(
    payer: Payer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    sent: list[str] = []

    def lose(_: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        raise error

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lose)
    with pytest.raises(AmbiguousCall):
        clients.inference().rerank("q", ["t"], payer, purpose=QUESTION, top_n=1)
    assert sent == ["/rerank"]


def test_what_was_never_sent_is_tried_again(payer: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    real, sent = httpx.HTTPTransport.handle_request, iter([False, True])

    def connect(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        if not next(sent):
            raise httpx.ConnectError("refused")
        return real(transport, request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", connect)
    assert clients.inference().rerank("q", ["t"], payer, purpose=QUESTION, top_n=1).receipt.retries == 1
