"""`POST /v1/embeddings`: the request checked against the hosted API's limits, and its answer.
Limits: 2,048 inputs, 8,192 tokens each, 300,000 tokens together (OpenAI's API reference)."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.models.catalog import check_embedding_model
from local.models.embeddings import embed_text, embed_tokens
from local.models.errors import ApiError, invalid
from local.models.fields import Fields, JsonObject, wrong_type
from local.models.tokens import count_tokens

MOST_INPUTS, MOST_TOKENS, MOST_TOKENS_TOGETHER = 2_048, 8_192, 300_000
DEFAULT_DIMENSIONS, MOST_DIMENSIONS = 1_536, 3_072
PARAMETERS = ("input", "model", "dimensions", "encoding_format", "user")

Input = str | list[int]


@dataclass(frozen=True, slots=True)
class EmbeddingCall:
    model: str
    inputs: list[Input]
    tokens: int
    dimensions: int
    encoding: str


def answer_embedding_call(call: EmbeddingCall) -> bytes:
    """The response body as JSON."""
    usage = {"prompt_tokens": call.tokens, "total_tokens": call.tokens}
    tail = json.dumps({"model": call.model, "usage": usage})
    # One vector at a time: the JSON encoder holds the interpreter lock, and 2,048 vectors would hold it for seconds.
    return b'{"object": "list", "data": [' + b", ".join(_items(call)) + b"], " + tail.encode()[1:]


def parse_embedding_call(body: JsonObject) -> EmbeddingCall:
    """Raises ApiError."""
    fields = Fields(body)
    fields.refuse_unknown(PARAMETERS)
    model = fields.string("model")
    check_embedding_model(model)
    inputs = _parse_inputs(fields.required("input"))
    return EmbeddingCall(
        model=model,
        inputs=inputs,
        tokens=_count_all(inputs),
        dimensions=fields.optional_integer("dimensions", 1, MOST_DIMENSIONS) or DEFAULT_DIMENSIONS,
        encoding=fields.choice("encoding_format", ("float", "base64"), "float"),
    )


def _parse_inputs(value: object) -> list[Input]:
    if isinstance(value, str):
        return [_parse_input(value, "input")]
    if not isinstance(value, list):
        raise wrong_type("input", "a string or an array", value)
    if not value:
        raise invalid("Invalid 'input': empty array. Expected at least one input.", "input", "empty_array")
    if all(_is_token(item) for item in value):
        return [_parse_input(value, "input")]
    if len(value) > MOST_INPUTS:
        message = f"Invalid 'input': array too long. Expected at most {MOST_INPUTS} inputs, but got {len(value)}."
        raise invalid(message, "input", "array_above_max_length")
    return [_parse_input(item, f"input[{at}]") for at, item in enumerate(value)]


def _parse_input(value: object, place: str) -> Input:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, list) and value and all(_is_token(item) for item in value):
        return value
    if value in ("", []):
        raise invalid(f"Invalid '{place}': input cannot be an empty string.", "input", "invalid_value")
    raise wrong_type(place, "a string or an array of token ids", value)


def _is_token(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _count_all(inputs: list[Input]) -> int:
    counts = [count_tokens(item) if isinstance(item, str) else len(item) for item in inputs]
    if max(counts) > MOST_TOKENS:
        raise _too_long(
            f"This model's maximum context length is {MOST_TOKENS} tokens, but one input has {max(counts)}."
        )
    if sum(counts) > MOST_TOKENS_TOGETHER:
        raise _too_long(f"Requested {sum(counts)} tokens, max {MOST_TOKENS_TOGETHER} tokens per request.")
    return sum(counts)


def _too_long(message: str) -> ApiError:
    return invalid(message, "input", "max_tokens_per_request")


def _items(call: EmbeddingCall) -> Iterator[bytes]:
    for index, item in enumerate(call.inputs):
        vector = embed_text(item, call.dimensions) if isinstance(item, str) else embed_tokens(item, call.dimensions)
        shown = _to_base64(vector) if call.encoding == "base64" else vector.tolist()
        yield json.dumps({"object": "embedding", "index": index, "embedding": shown}).encode()


def _to_base64(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
