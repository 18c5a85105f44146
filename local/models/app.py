"""The ASGI application: OpenAI's paths, keys, headers and errors around the offline models.
Parsing and model work run in threads, so that a long request does not keep a short one waiting."""

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Callable
from typing import NoReturn, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.models.catalog import describe_model, list_models
from local.models.chat_calls import parse_chat_call
from local.models.completions import Completion
from local.models.embedding_calls import answer_embedding_call, parse_embedding_call
from local.models.errors import (
    ApiError,
    failed,
    incorrect_key,
    invalid,
    missing_key,
    too_large,
    unknown_url,
    wrong_method,
)
from local.models.fields import JsonObject
from local.models.headers import ServiceHeaders, service_headers
from local.models.replies import cut_to_length, reply_to
from local.models.scripts import Scripts
from local.models.usage import Usage

LARGEST_BODY = 50 * 1024 * 1024  # bytes
REFUSED_KEY = "invalid"  # the one key that is not accepted, so that a client's handling of 401 can be tried
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")

Result = TypeVar("Result")


def create_app(pace: float = 0.0) -> Starlette:
    """`pace` is how many seconds a streamed reply waits before each piece."""
    app = Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/usage", usage, methods=["GET"]),
            Route("/pace", set_pace, methods=["PUT"]),
            Route("/scripts", put_script, methods=["PUT"]),
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/models/{model:path}", model, methods=["GET"]),
            Route("/v1/embeddings", embeddings, methods=["POST"]),
            Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        ],
        middleware=[Middleware(ServiceHeaders)],
        exception_handlers={ApiError: answer_error, HTTPException: answer_http_error, Exception: answer_failure},
    )
    app.state.usage = Usage()
    app.state.pace = pace
    app.state.scripts = Scripts()
    return app


async def put_script(request: Request) -> Response:
    request.app.state.scripts.put(parse_json(await read_body(request)))
    return JSONResponse({})


async def set_pace(request: Request) -> Response:
    """How fast streams are from now on, for whoever tries what happens in the middle of one. Gives the pace before."""
    before, seconds = request.app.state.pace, parse_json(await read_body(request)).get("seconds")
    if not isinstance(seconds, int | float) or not 0 <= seconds <= 10:
        raise invalid("`seconds` must be a number from 0 to 10.")
    request.app.state.pace = seconds
    return JSONResponse({"seconds": before})


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def usage(request: Request) -> Response:
    return JSONResponse(request.app.state.usage.report())


async def models(request: Request) -> Response:
    check_key(request)
    return JSONResponse(list_models())


async def model(request: Request) -> Response:
    check_key(request)
    return JSONResponse(describe_model(request.path_params["model"]))


async def embeddings(request: Request) -> Response:
    check_key(request)
    body = await read_body(request)
    answer = await _in_thread(lambda: _embed(parse_json(body), request.app.state.usage))
    return Response(answer, media_type="application/json")


async def chat_completions(request: Request) -> Response:
    check_key(request)
    body = await read_body(request)
    completion = await _in_thread(lambda: _complete(parse_json(body), request.app.state))
    if completion.call.stream:
        return StreamingResponse(_stream(completion, request.app.state.pace), media_type="text/event-stream")
    return JSONResponse(completion.body())


def _embed(body: JsonObject, usage: Usage) -> bytes:
    call = parse_embedding_call(body)
    answer = answer_embedding_call(call)
    usage.add("embeddings", inputs=len(call.inputs), tokens=call.tokens)
    return answer


def _complete(body: JsonObject, state: State) -> Completion:
    call = parse_chat_call(body)
    scripted = state.scripts.reply(call.messages, body)
    reply = cut_to_length(scripted or reply_to(call), call.most_tokens)
    state.usage.add("chat", input_tokens=call.prompt_tokens, output_tokens=reply.tokens)
    return Completion(call, reply)


async def _stream(completion: Completion, pace: float) -> AsyncIterator[str]:
    for event in completion.events():
        await asyncio.sleep(pace)  # also by 0: a write to a fast reader never waits, and others want their turn
        yield event


async def _in_thread(work: Callable[[], Result]) -> Result:
    try:
        return await run_in_threadpool(work)
    except (RecursionError, OverflowError) as error:
        raise invalid("The request body is nested too deeply, or holds a number that is too large.") from error


def check_key(request: Request) -> None:
    """Raises ApiError 401 without a bearer key, or with the refused one."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise missing_key()
    if key.strip() == REFUSED_KEY:
        raise incorrect_key()


async def read_body(request: Request) -> bytes:
    """Raises ApiError 413 beyond LARGEST_BODY. What is too much is read and dropped: a client still sending would not
    see the answer. Twice the limit ends its patience."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
        elif size > 2 * LARGEST_BODY:
            break
    if size > LARGEST_BODY:
        raise too_large(LARGEST_BODY)
    return b"".join(parts)


def parse_json(body: bytes) -> JsonObject:
    """Raises ApiError 400 for what is not a JSON object of valid Unicode."""
    try:
        value = json.loads(body, parse_constant=_refuse_constant, parse_float=_parse_finite)
        if SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError as error:
        hint = "The API expects a JSON payload, but what was sent was not valid JSON."
        raise invalid(f"We could not parse the JSON body of your request. (HINT: {hint})") from error
    if not isinstance(value, dict):
        raise invalid("The JSON body of the request must be an object.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_constant(text)


async def answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.body(), error.status)


async def answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    case = wrong_method if error.status_code == 405 else unknown_url
    return await answer_error(request, case(request.method, request.url.path))


async def answer_failure(request: Request, error: Exception) -> Response:
    # Starlette answers this outside the middleware, so the headers are put on here.
    return JSONResponse(failed().body(), 500, headers=dict(service_headers(0.0)))
