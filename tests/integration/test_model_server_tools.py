"""Tool calls of the offline model server through the official client: which are made, with what, and what follows.
Expected arguments are the user's own words, for the model knows no others."""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion

MODEL = "offline-extractive-chat"


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def chat(client: OpenAI, *messages: Any, **options: Any) -> ChatCompletion:
    return client.chat.completions.create(model=MODEL, messages=list(messages), **options)


def tool(name: str, description: str, required: list[str], **properties: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


TEXT = {"type": "string"}
WEATHER = tool(
    "get_weather",
    "Get the current weather for a city",
    ["city"],
    city=TEXT,
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
SEARCH = tool(
    "search_documents",
    "Search the indexed documents for passages",
    ["query"],
    query=TEXT,
    top_k={"type": "integer", "minimum": 1, "maximum": 20},
)
EMAIL = tool(
    "send_email",
    "Send an email to somebody",
    ["to", "subject", "body"],
    to={"type": "string", "format": "email"},
    subject=TEXT,
    body=TEXT,
)
FINISH = tool("finish", "Finish the task with a final answer", ["answer"], answer=TEXT)
TOOLS = [WEATHER, SEARCH, EMAIL, FINISH]


def calls_of(completion: ChatCompletion) -> list[tuple[str, dict[str, Any]]]:
    made = completion.choices[0].message.tool_calls or []
    return [(call.function.name, json.loads(call.function.arguments)) for call in made if call.type == "function"]


def test_a_streamed_tool_call_adds_up(client: OpenAI) -> None:
    question = user("What is the weather in Oslo and Rome?")
    whole = chat(client, question, tools=TOOLS)
    with client.chat.completions.stream(model=MODEL, messages=[question], tools=TOOLS) as stream:  # type: ignore[list-item]
        streamed = stream.get_final_completion()
    assert len(calls_of(whole)) == 2
    assert calls_of(streamed) == calls_of(whole)  # type: ignore[arg-type]
    assert streamed.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        ("What's the weather in Paris?", [("get_weather", {"city": "Paris"})]),
        (
            "Weather in Paris and Oslo, in fahrenheit?",
            [
                ("get_weather", {"city": "Paris", "unit": "fahrenheit"}),
                ("get_weather", {"city": "Oslo", "unit": "fahrenheit"}),
            ],
        ),
        (
            "Search the documents for the parental leave policy.",
            [("search_documents", {"query": "parental leave policy"})],
        ),
        (
            'Send an email to ann@example.com with subject "Lunch" saying see you at noon',
            [("send_email", {"to": "ann@example.com", "subject": "Lunch", "body": "see you at noon"})],
        ),
        ("Tell me a joke.", []),
        ("I got an email from Ann.", []),
    ],
)
def test_a_tool_is_called_when_the_message_clearly_asks_for_it(
    client: OpenAI, message: str, calls: list[tuple[str, dict[str, Any]]]
) -> None:
    completion = chat(client, user(message), tools=TOOLS)
    assert calls_of(completion) == calls
    assert completion.choices[0].finish_reason == ("tool_calls" if calls else "stop")


def test_different_tools_are_called_together_unless_parallel_calls_are_off(client: OpenAI) -> None:
    message = user("What is the weather in Oslo? Also search the documents for leave rules.")
    both = calls_of(chat(client, message, tools=TOOLS))
    assert {name for name, _ in both} == {"get_weather", "search_documents"}
    assert len(calls_of(chat(client, message, tools=TOOLS, parallel_tool_calls=False))) == 1


def test_tool_choice_is_obeyed(client: OpenAI) -> None:
    weather, joke = user("What's the weather in Paris?"), user("Tell me a joke.")
    named = {"type": "function", "function": {"name": "search_documents"}}
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [named]}}
    assert calls_of(chat(client, weather, tools=TOOLS, tool_choice="none")) == []
    assert len(calls_of(chat(client, joke, tools=TOOLS, tool_choice="required"))) == 1
    assert calls_of(chat(client, weather, tools=TOOLS, tool_choice=named))[0][0] == "search_documents"
    assert calls_of(chat(client, weather, tools=TOOLS, tool_choice=allowed))[0][0] == "search_documents"


def with_result(client: OpenAI, question: str, result: str) -> list[Any]:
    message = chat(client, user(question), tools=TOOLS).choices[0].message
    assert message.tool_calls
    results = [{"role": "tool", "tool_call_id": call.id, "content": result} for call in message.tool_calls]
    return [user(question), message.model_dump(exclude_none=True), *results]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ('{"city": "Paris", "celsius": 21}', "celsius: 21"),
        ("It is raining in Paris today. Bring an umbrella.", "It is raining in Paris today."),
        ("Nothing of the kind.", "Nothing of the kind."),
    ],
)
def test_tool_results_are_answered_from(client: OpenAI, result: str, words: str) -> None:
    messages = with_result(client, "What's the weather in Paris?", result)
    completion = chat(client, *messages, tools=TOOLS)
    assert words in (completion.choices[0].message.content or "")
    assert not calls_of(completion)


def test_a_call_required_after_results_finishes_with_the_answer(client: OpenAI) -> None:
    messages = with_result(client, "What's the weather in Paris?", "It is raining in Paris today.")
    completion = chat(client, *messages, tools=TOOLS, tool_choice="required")
    assert calls_of(completion) == [("finish", {"answer": "It is raining in Paris today."})]


def test_a_transcript_without_its_tool_results_is_refused(client: OpenAI) -> None:
    question, call, _ = with_result(client, "What's the weather in Paris?", "Rain.")
    with pytest.raises(openai.BadRequestError, match="must be followed by tool messages"):
        chat(client, question, call, user("And now?"), tools=TOOLS)
    with pytest.raises(openai.BadRequestError, match="must be a response"):
        chat(client, question, {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}, tools=TOOLS)


def test_arguments_fit_a_demanding_schema(client: OpenAI) -> None:
    booking = tool(
        "book_table",
        "Book a table at a restaurant",
        ["guests", "day", "options", "outside"],
        guests={"type": "integer", "minimum": 1, "maximum": 8},
        day={"type": "string", "format": "date"},
        options={"type": "array", "items": {"type": "string", "enum": ["vegan", "kosher"]}, "minItems": 1},
        outside={"type": ["boolean", "null"]},
    )
    [(_, arguments)] = calls_of(chat(client, user("Book a table for 12 guests on 2026-12-24, vegan."), tools=[booking]))
    assert (arguments["guests"], arguments["day"], arguments["options"]) == (8, "2026-12-24", ["vegan"])
