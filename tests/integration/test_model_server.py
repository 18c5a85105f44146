"""The offline model server as the official client sees it: models, embeddings, errors, headers, the process itself.
The server runs as a child process; the client's retries are off, so every answer is the first."""

import json
import math
import signal
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.models.server_process import REPOSITORY, find_free_port, run_server, wait_until_healthy

CHAT, EMBEDDING = "offline-extractive-chat", "offline-hashed-embedding"
PASSAGES = [
    "Employees get 25 days of paid annual leave per year, and five of them may be carried over.",
    "The boiler in the basement is inspected every spring by a certified engineer.",
    "Refunds are paid to the original card within 5 business days after the parcel came back.",
]


@pytest.fixture
def url(model_server: str) -> str:
    return model_server


def post(url: str, path: str, body: bytes, key: str = "any") -> tuple[int, dict[str, Any]]:
    host = url.removeprefix("http://").split("/")[0]
    connection = HTTPConnection(host, timeout=30)
    try:
        connection.request("POST", f"/v1{path}", body, {"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def embed(client: OpenAI, *texts: str, **options: Any) -> list[list[float]]:
    answer = client.embeddings.create(model=EMBEDDING, input=list(texts), **options)
    return [each.embedding for each in answer.data]


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_the_models_say_what_they_are(client: OpenAI) -> None:
    models = list(client.models.list())
    assert [(each.id, each.owned_by) for each in models] == [
        (CHAT, "quadrille-offline"),
        (EMBEDDING, "quadrille-offline"),
    ]
    assert client.models.retrieve(CHAT) == models[0]


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-unheard-of")
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as caught:
        client.embeddings.create(model="gpt-unheard-of", input="text")
    assert (caught.value.code, caught.value.type) == ("model_not_found", "invalid_request_error")


def test_a_model_of_the_other_kind_is_refused(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model=EMBEDDING, messages=[{"role": "user", "content": "Hello"}])
    with pytest.raises(openai.PermissionDeniedError):
        client.embeddings.create(model=CHAT, input="text")


@pytest.mark.parametrize(("key", "code"), [("invalid", "invalid_api_key"), ("", None)])
def test_a_bad_or_missing_key_is_unauthorized(url: str, key: str, code: str | None) -> None:
    status, body = post(url, "/embeddings", b"{}", key)
    assert (status, body["error"]["code"], body["error"]["type"]) == (401, code, "invalid_request_error")


def test_the_client_raises_its_own_class_for_a_bad_key(url: str) -> None:
    with OpenAI(base_url=url, api_key="invalid", max_retries=0) as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_every_response_carries_request_id_time_and_rate_limits(client: OpenAI) -> None:
    headers = client.models.with_raw_response.list().headers
    assert headers["x-request-id"].startswith("req_")
    assert int(headers["openai-processing-ms"]) >= 0
    assert int(headers["x-ratelimit-limit-requests"]) > int(headers["x-ratelimit-remaining-requests"]) > 0
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-unheard-of")
    assert caught.value.request_id is not None


def test_unknown_paths_and_methods_get_error_bodies(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.responses.create(model=CHAT, input="Hello")
    assert "Invalid URL (POST /v1/responses)" in missing.value.message
    with pytest.raises(openai.APIStatusError) as wrong:
        client.get("/embeddings", cast_to=object)
    assert (wrong.value.status_code, wrong.value.code) == (405, "method_not_supported")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"input": NaN}', b'{"n": 1e999}', b'{"input": "\\ud800"}', b"\xff", b"[" * 100_000]
)
def test_a_malformed_body_is_a_bad_request(url: str, body: bytes) -> None:
    for path in ("/embeddings", "/chat/completions"):
        status, answer = post(url, path, body)
        assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


def test_a_body_over_50_megabytes_is_too_large(url: str) -> None:
    status, answer = post(url, "/embeddings", b" " * (50 * 1024 * 1024 + 1))
    assert (status, answer["error"]["code"]) == (413, "request_too_large")


def test_vectors_have_unit_length_at_every_size(client: OpenAI) -> None:
    assert len(embed(client, "text")[0]) == 1536
    for dimensions in (1, 2, 7, 256, 3072):
        for vector in embed(client, *PASSAGES, "...", " ", "\U0001f642", dimensions=dimensions):
            assert len(vector) == dimensions
            assert math.isclose(dot(vector, vector), 1, abs_tol=1e-5)


def test_both_encodings_hold_the_same_numbers(client: OpenAI) -> None:
    assert embed(client, *PASSAGES, encoding_format="float") == embed(client, *PASSAGES)
    raw = client.embeddings.with_raw_response.create(model=EMBEDDING, input="text", encoding_format="base64")
    assert isinstance(json.loads(raw.text)["data"][0]["embedding"], str)


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("How many holidays can an employee take, and can leave be carried over?", 0),
        ("Who inspects the boiler?", 1),
        ("When will I be refunded to my card?", 2),
    ],
)
def test_a_question_is_nearest_to_the_passage_that_answers_it(client: OpenAI, question: str, place: int) -> None:
    asked, *passages = embed(client, question, *PASSAGES)
    scores = [dot(asked, passage) for passage in passages]
    assert scores.index(max(scores)) == place


def test_token_ids_are_embedded_alone_and_in_lists(client: OpenAI) -> None:
    alone = client.embeddings.create(model=EMBEDDING, input=[9906, 1917])
    listed = client.embeddings.create(model=EMBEDDING, input=[[9906, 1917], [11]])
    assert alone.data[0].embedding == listed.data[0].embedding
    assert (alone.usage.prompt_tokens, listed.usage.total_tokens, len(listed.data)) == (2, 3, 2)


def test_usage_counts_every_input_and_order_is_kept(client: OpenAI) -> None:
    answer = client.embeddings.create(model=EMBEDDING, input=["one two three", "four"])
    assert (answer.usage.prompt_tokens, [each.index for each in answer.data]) == (4, [0, 1])


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"input": ""}, "input", "invalid_value"),
        ({"input": []}, "input", "empty_array"),
        ({"input": ["fine", ""]}, "input", "invalid_value"),
        ({"input": [[]]}, "input", "invalid_value"),
        ({"input": [1.5]}, "input[0]", "invalid_type"),
        ({"input": {"text": "x"}}, "input", "invalid_type"),
        ({"input": ["x"] * 2049}, "input", "array_above_max_length"),
        ({"input": "word " * 8193}, "input", "max_tokens_per_request"),
        ({"input": ["word " * 8000] * 38}, "input", "max_tokens_per_request"),
        ({"input": "x", "dimensions": 0}, "dimensions", "integer_below_min_value"),
        ({"input": "x", "dimensions": 3073}, "dimensions", "integer_above_max_value"),
        ({"input": "x", "dimensions": "8"}, "dimensions", "invalid_type"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format", "invalid_value"),
        ({"input": "x", "color": "red"}, "color", "unknown_parameter"),
        ({}, "input", "missing_required_parameter"),
    ],
)
def test_a_bad_embedding_request_names_the_parameter(
    client: OpenAI, fields: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/embeddings", body={"model": EMBEDDING, **fields}, cast_to=object)
    assert (caught.value.param, caught.value.code, caught.value.type) == (param, code, "invalid_request_error")


def test_the_largest_batch_is_embedded(client: OpenAI) -> None:
    answer = client.embeddings.create(model=EMBEDDING, input=[f"text {at}" for at in range(2048)], dimensions=8)
    assert [each.index for each in answer.data] == list(range(2048))


def test_a_long_request_does_not_hold_up_a_short_one(client: OpenAI) -> None:
    texts = [f"{PASSAGES[at % 3]} {at}" for at in range(1500)]
    with ThreadPoolExecutor() as pool:
        long = pool.submit(embed, client, *texts)
        time.sleep(0.1)
        started = time.monotonic()
        client.models.list()
        seconds = time.monotonic() - started
        assert len(long.result()) == 1500
    assert seconds < 0.5


def test_two_servers_embed_alike(client: OpenAI) -> None:
    with run_server() as other_url, OpenAI(base_url=other_url, api_key="other", max_retries=0) as other:
        assert embed(client, *PASSAGES) == embed(other, *PASSAGES)


def test_a_taken_port_ends_in_one_sentence(url: str) -> None:
    port = url.rsplit(":", 1)[1].removesuffix("/v1")
    command = [sys.executable, "-m", "local.models", "--port", port]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Port {port} on 127.0.0.1 is already in use")
    assert done.stderr.count("\n") == 1


def test_the_server_stops_at_once_and_says_nothing() -> None:
    port = find_free_port()
    command = [sys.executable, "-m", "local.models", "--port", str(port)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_until_healthy(port, process)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=5)
    assert (said, time.monotonic() - started < 1) == (b"", True)


def test_what_was_answered_is_counted_and_what_was_refused_is_not(url: str, client: OpenAI) -> None:
    before = usage(url)
    answer = client.embeddings.create(model=EMBEDDING, input=PASSAGES)
    chat = client.chat.completions.create(model=CHAT, messages=[{"role": "user", "content": "Hello."}])
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="unknown", input="x")
    grown = {
        kind: {name: count - before[kind][name] for name, count in counts.items()}
        for kind, counts in usage(url).items()
    }
    assert grown["embeddings"] == {"requests": 1, "inputs": len(PASSAGES), "tokens": answer.usage.prompt_tokens}
    assert chat.usage
    used = {"input_tokens": chat.usage.prompt_tokens, "output_tokens": chat.usage.completion_tokens}
    assert grown["chat"] == {"requests": 1, **used}


def usage(url: str) -> dict[str, dict[str, int]]:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/usage", timeout=5) as answer:
        found: dict[str, dict[str, int]] = json.loads(answer.read())
        return found
