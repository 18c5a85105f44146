"""OpenAI's Chat Completions protocol: what it takes, what it gives, and how it says that something went wrong."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from quadrille.ask.models import Citation
from quadrille.config import settings
from quadrille.documents import COLLECTION
from quadrille.errors import NotFound
from quadrille.http import Api, Body, retry_header
from quadrille.problems import Problem

_MODEL = re.compile(rf"quadrille(?:/({COLLECTION.pattern}))?")
_PARTS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
        "required": ["type", "text"],
    },
}


def _joined(content: object) -> object:
    """A message's content as one string."""
    if not isinstance(content, list):
        return content
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    words = [text for text in texts if isinstance(text, str)]
    if len(words) < len(content):
        raise PydanticCustomError("unsupported", "only parts of the type 'text', each with a text, are supported")
    return "\n".join(words)


Text = Annotated[str, BeforeValidator(_joined), WithJsonSchema({"anyOf": [{"type": "string"}, _PARTS]})]
Tokens = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Only:
    """A parameter that may be sent if it changes nothing: null, or one of these values."""

    values: tuple[Any, ...] = ()

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        """Any other value is refused, because ignoring it would answer another request."""
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The values as an enumeration."""
        return {"enum": [None, *self.values]}

    def _check(self, value: object) -> object:
        if value is None or value in self.values:
            return value
        harmless = " or ".join(repr(value) for value in self.values)
        raise PydanticCustomError(
            "unsupported", f"is not supported; leave it out{harmless and f', or send {harmless}'}"
        )


class ChatMessage(BaseModel):
    """A message. What else a client sends back with it, as the citations of an answer, is of no meaning."""

    model_config = ConfigDict(frozen=True)

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | None = None


class StreamOptions(BaseModel):
    """Whether the last event says what was used."""

    model_config = ConfigDict(frozen=True)

    include_usage: bool | None = None


class CompletionRequest(Body):
    """`POST /chat/completions`. `model` is `quadrille/<collection>`, or `quadrille` for the collection `default`."""

    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    # What would make it another answer than the one that is given.
    audio: Annotated[Any, Only()] = None
    function_call: Annotated[Any, Only(("none", "auto"))] = None
    functions: Annotated[Any, Only(([],))] = None
    logit_bias: Annotated[Any, Only(({},))] = None
    logprobs: Annotated[Any, Only((False,))] = None
    modalities: Annotated[Any, Only((["text"],))] = None
    moderation: Annotated[Any, Only()] = None
    n: Annotated[Any, Only((1,))] = None
    response_format: Annotated[Any, Only(({"type": "text"},))] = None
    stop: Annotated[Any, Only(([],))] = None
    tool_choice: Annotated[Any, Only(("none", "auto"))] = None
    tools: Annotated[Any, Only(([],))] = None
    top_logprobs: Annotated[Any, Only()] = None
    web_search_options: Annotated[Any, Only()] = None

    # What every client sends and nothing here depends on: the model and its ways are the deployer's choice.
    frequency_penalty: Any = None
    metadata: Any = None
    parallel_tool_calls: Any = None
    prediction: Any = None
    presence_penalty: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    reasoning_effort: Any = None
    safety_identifier: Any = None
    seed: Any = None
    service_tier: Any = None
    store: Any = None
    temperature: Any = None
    top_p: Any = None
    user: Any = None
    verbosity: Any = None

    @property
    def collection(self) -> str:
        """The collection `model` names. Raises `NotFound`."""
        found = _MODEL.fullmatch(self.model)
        if not found:
            raise NotFound(f"There is no model {self.model!r}. A model is 'quadrille/<collection>', or 'quadrille'.")
        return found[1] or "default"

    def limit(self, most: int) -> int:
        """How many tokens the model may write, of at most `most`."""
        return min(most, self.max_tokens or most, self.max_completion_tokens or most)


class AnswerMessage(BaseModel):
    """An answer, with footnotes as text; `citations` is the same as `POST /ask` gives, and empty for a refusal."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    citations: list[Citation]


class Choice(BaseModel):
    """The one answer."""

    index: Literal[0] = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: Literal["stop", "length"]


class Usage(BaseModel):
    """Tokens of the chat model, as the receipt has them: an answer that was paid for before used none."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """What `POST /chat/completions` gives."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    receipt: dict[str, Any]


class Model(BaseModel):
    """A collection. `created` is in seconds since the epoch."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["quadrille"] = "quadrille"


class ModelList(BaseModel):
    """What `GET /models` gives."""

    object: Literal["list"] = "list"
    data: list[Model]


class Failure(BaseModel):
    """What went wrong. `param` is the parameter it is about."""

    message: str
    type: str
    param: str | None
    code: str | None


class FailureResponse(BaseModel):
    """An error as OpenAI gives it."""

    error: Failure


class OpenAIApi(Api):
    """Routes that answer errors in OpenAI's shape."""

    @property
    def max_bytes(self) -> int:
        """More than elsewhere: a conversation is sent whole each time."""
        return settings().max_chat_bytes

    def shown(self, problem: Problem) -> Response[str]:
        """A problem in the words OpenAI's clients act on. `x-should-retry` keeps them from repeating what is final."""
        status, failure = failure_of(problem)
        again = status in (503, 504) or problem.slug == "internal"
        headers = {**retry_header(problem), "x-should-retry": str(again).lower()}
        return Response(status, "application/json", FailureResponse(error=failure).model_dump_json(), headers=headers)


def failure_of(problem: Problem) -> tuple[int, Failure]:
    """The status and the error of a problem. 422 is a 400; a budget stays a 402, which no client repeats."""
    kind, param, code = "invalid_request_error", None, problem.slug.replace("-", "_")
    match problem.status:
        case 402:
            kind = code = "insufficient_quota"
        case 404:
            param, code = "model", "model_not_found"
        case 422:
            param, code = problem.errors[0].field.removeprefix("body."), "invalid_value"
        case status if status >= 500:
            kind = "server_error"
    status = 400 if problem.status == 422 else problem.status
    return status, Failure(message=problem.detail, type=kind, param=param, code=code)
