"""A conversation taken apart, and an answer put together, in OpenAI's protocol."""

from typing import Any

import pytest

from quadrille.ask.completions import Talk, footnotes, models
from quadrille.ask.models import Citation
from quadrille.ask.protocol import ChatMessage, CompletionRequest, failure_of
from quadrille.errors import Busy, Invalid, NotFound, ProviderRefused, QuadrilleError, TooLarge
from quadrille.problems import Problem


def messages(*said: tuple[str, str]) -> list[ChatMessage]:
    return [ChatMessage.model_validate({"role": role, "content": content}) for role, content in said]


def cited(number: int, page: int | None = None, label: str | None = None, start: int = 0) -> Citation:
    return Citation(
        number=number,
        document_id="d",
        filename=f"{number}.pdf",
        page=page,
        label=label,
        start=start,
        end=start + 1,
        quote="q",
        score=1,
    )


def request(**more: Any) -> CompletionRequest:
    return CompletionRequest.model_validate({"model": "quadrille", "messages": [{"role": "user"}], **more})


def test_a_conversation_is_wishes_turns_and_a_question() -> None:
    talk = Talk.of(
        messages(
            ("system", "Be brief."),
            ("assistant", "Welcome."),
            ("user", "One?"),
            ("assistant", "1."),
            ("developer", "In verse."),
            ("assistant", "Uno."),
            ("user", "Two?"),
            ("user", " Three? "),
        ),
        most_style=100,
    )
    assert talk == Talk("Be brief.\n\nIn verse.", [("One?", "1.\nUno."), ("Two?", "")], "Three?")


@pytest.mark.parametrize(
    "said", [[("user", "")], [("assistant", "x")], [("user", "x" * 4_001)], [("system", "x" * 11), ("user", "x")]]
)
def test_a_conversation_without_a_question_or_over_a_limit_is_refused(said: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid, match="messages"):
        Talk.of(messages(*said), most_style=10)


def test_each_place_is_one_line_in_the_order_of_numbers() -> None:
    given = [cited(2, label="Costs", page=3), cited(1, page=4, start=9), cited(1, page=2), cited(1, page=2), cited(3)]
    assert footnotes(given) == ["[1] 1.pdf, page 2\n[1] 1.pdf, page 4\n[2] 2.pdf, Costs\n[3] 3.pdf"]
    assert footnotes([]) == []


def test_the_lowest_bound_of_tokens_holds() -> None:
    assert request().limit(1_000) == 1_000
    assert request(max_tokens=50, max_completion_tokens=60).limit(1_000) == 50
    assert request(max_tokens=5_000).limit(1_000) == 1_000


@pytest.mark.parametrize(("model", "collection"), [("quadrille", "default"), ("quadrille/a.b-c", "a.b-c")])
def test_a_model_names_a_collection(model: str, collection: str) -> None:
    assert request(model=model).collection == collection


def test_there_is_always_the_default_model() -> None:
    assert [(model.id, model.created) for model in models({"a": 7}).data] == [("quadrille", 0), ("quadrille/a", 7)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Invalid("body.n", "x"), (400, "invalid_request_error", "n", "invalid_value")),
        (NotFound("x"), (404, "invalid_request_error", "model", "model_not_found")),
        (TooLarge("x"), (413, "invalid_request_error", None, "too_large")),
        (ProviderRefused("x"), (502, "server_error", None, "provider_refused")),
        (Busy("x"), (503, "server_error", None, "busy")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_problem_is_an_error_of_openais(error: QuadrilleError, expected: tuple[Any, ...]) -> None:
    status, failure = failure_of(Problem.of(error, "r"))
    assert (status, failure.type, failure.param, failure.code) == expected
