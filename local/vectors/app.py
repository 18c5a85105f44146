"""The ASGI app: routes, the API key check and the one place where errors become responses.
Operations run in the thread pool, so a long scan holds up nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.vectors import inference, operations
from local.vectors.call import Call
from local.vectors.errors import (
    ApiError,
    InvalidArgumentError,
    MethodNotAllowedError,
    NotFoundError,
    UnauthenticatedError,
)
from local.vectors.store import Metric, Store

Operation: TypeAlias = Callable[[Store, Call], dict[str, Any]]

REFUSED_KEY = "invalid"  # for tests of what a refused key leads to; any other key is accepted

OPERATIONS: list[tuple[str, str, Operation]] = [
    ("POST", "/vectors/upsert", operations.upsert),
    ("POST", "/query", operations.query),
    ("GET", "/vectors/fetch", operations.fetch),
    ("POST", "/vectors/fetch_by_metadata", operations.fetch_by_metadata),
    ("GET", "/vectors/list", operations.list_ids),
    ("POST", "/vectors/update", operations.update),
    ("POST", "/vectors/delete", operations.delete),
    ("GET", "/describe_index_stats", operations.describe_index_stats),
    ("POST", "/describe_index_stats", operations.describe_index_stats),
    ("GET", "/namespaces", operations.list_namespaces),
    ("POST", "/namespaces", operations.create_namespace),
    ("GET", "/namespaces/{name:path}", operations.describe_namespace),
    ("DELETE", "/namespaces/{name:path}", operations.delete_namespace),
    ("POST", "/embed", inference.embed),
    ("POST", "/rerank", inference.rerank),
    ("GET", "/models", inference.list_models),
    ("GET", "/models/{model:path}", inference.describe_model),
]


def create_app(data_dir: Path, metric: Metric | None = None) -> Starlette:
    """The server of the index in a folder. Raises DataFolderError if that folder cannot be served."""
    store = Store(data_dir, metric)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    return Starlette(
        routes=[
            Route("/health", health),
            *(Route(path, endpoint(store, operation), methods=[method]) for method, path, operation in OPERATIONS),
        ],
        exception_handlers={404: no_route, 405: no_method},
        lifespan=lifespan,
    )


def endpoint(store: Store, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(answer, store, operation, request, body)

    return respond


def answer(store: Store, operation: Operation, request: Request, body: bytes) -> Response:
    try:
        authenticate(request)
        return to_response(operation(store, Call(parse(body), request.query_params, request.path_params)))
    except ApiError as error:
        return to_error(error)


def authenticate(request: Request) -> None:
    if request.headers.get("Api-Key") in (None, "", REFUSED_KEY):
        raise UnauthenticatedError("Unauthorized: the Api-Key header is missing or its key is not valid")


def parse(body: bytes) -> dict[str, Any]:
    try:
        parsed = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidArgumentError(f"The body is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise InvalidArgumentError("The body must be a JSON object")
    return parsed


async def health(_request: Request) -> Response:
    return to_response({"status": "ok"})


async def no_route(request: Request, _error: Exception) -> Response:
    return to_error(NotFoundError(f"There is no {request.url.path}"))


async def no_method(request: Request, _error: Exception) -> Response:
    return to_error(MethodNotAllowedError(f"{request.url.path} does not take {request.method}"))


def to_error(error: ApiError) -> Response:
    return to_response({"code": error.code, "message": error.message, "details": []}, error.status)


def to_response(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), status, media_type="application/json")
