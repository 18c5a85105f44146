"""The HTTP API's shape: who calls, what may be asked, and every error as `application/problem+json` (RFC 9457)."""

import json
import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.shared.json_encoder import Encoder
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict

from quadrille import errors
from quadrille.config import settings
from quadrille.keys import Principal
from quadrille.problems import FieldError, Problem

logger = Logger()

_dump = partial(json.dumps, separators=(",", ":"), ensure_ascii=False, cls=Encoder)
_AFTER_REPLY = 2.0  # seconds kept back to record what was paid and to answer


class Body(BaseModel):
    """A request's body: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Api(APIGatewayRestResolver):
    """The routes of one function. `scope` is what a key must have to call them; None lets anyone."""

    def __init__(self, scope: Literal["ask", "ingest", "act", "react", "admin"] | None) -> None:
        super().__init__(enable_validation=True, serializer=_dump)
        self.scope = scope
        self.exception_handler(errors.QuadrilleError)(self._refuse)
        self.exception_handler(RequestValidationError)(self._reject)
        self.not_found(self._miss)

    def serve(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """The answer to one event of the gateway. Scope and size are checked before anything is parsed."""
        answer = self._answer(event, context)
        who = principal(event)
        route = {"method": event["httpMethod"], "route": event.get("resource"), "status": answer["statusCode"]}
        logger.info("request_served", tenant=who.tenant, key_id=who.key_id, **route)
        return answer

    def _answer(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        request_id = event["requestContext"]["requestId"]
        try:
            self._admit(event)
            return self.resolve(_as_json(event), context)
        except errors.QuadrilleError as error:
            refused = self.shown(Problem.of(error, request_id))
        except Exception:  # whatever it is, the caller gets a problem document and the log the cause
            logger.exception("request_failed")
            refused = self.shown(Problem.internal(request_id))
        return {"statusCode": refused.status_code, "headers": dict(refused.headers), "body": refused.body}

    def shown(self, problem: Problem) -> Response[str]:
        """A problem as the callers of this API expect it."""
        body = _dump(problem.model_dump(exclude_unset=True))
        return Response(problem.status, "application/problem+json", body, headers=retry_header(problem))

    @property
    def max_bytes(self) -> int:
        """How long a request's body may be."""
        return settings().max_request_bytes

    @property
    def principal(self) -> Principal:
        """Who makes the current request, as the authorizer said."""
        return principal(self.current_event.raw_event)

    @property
    def request_id(self) -> str:
        """The gateway's id of the current request."""
        return self.current_event.request_context.request_id

    def accepts(self, content_type: str) -> bool:
        """Whether the caller asks for this content type by name."""
        return content_type in (self.current_event.headers.get("accept") or "").lower()

    @property
    def ends_at(self) -> float:
        """When this process is stopped, in seconds since the epoch."""
        return time.time() + self.lambda_context.get_remaining_time_in_millis() / 1000

    @property
    def deadline(self) -> float:
        """When the current request must be done, in seconds since the epoch."""
        return self.ends_at - _AFTER_REPLY

    def require(self, scope: str) -> None:
        """Raises `Forbidden` if the caller's key lacks the scope."""
        self.principal.require(scope)

    def _admit(self, event: dict[str, Any]) -> None:
        if self.scope:
            principal(event).require(self.scope)
        size, limit = len(event.get("body") or ""), self.max_bytes
        if size > limit:
            raise errors.TooLarge(f"The request body has {size} bytes; the limit is {limit}.")
        if event.get("body"):
            if event.get("isBase64Encoded"):
                raise errors.Invalid("body", "is not JSON")
            _require_json(event["body"])

    def _refuse(self, error: errors.QuadrilleError) -> Response[str]:
        return self.shown(Problem.of(error, self.request_id))

    def _miss(self, _: NotFoundError) -> Response[str]:
        return self._refuse(errors.NotFound("There is no such route."))

    def _reject(self, error: RequestValidationError) -> Response[str]:
        return self.shown(Problem.malformed([_named(item) for item in error.errors()], self.request_id))


def retry_header(problem: Problem) -> dict[str, str]:
    """When to try again, where that helps."""
    return {"Retry-After": str(problem.retry_after)} if problem.retry_after else {}


def _named(item: Mapping[str, Any]) -> FieldError:
    return FieldError(field=".".join(str(part) for part in item["loc"]), message=item["msg"])


def _require_json(body: str) -> None:
    """Raises `Invalid` for what is not JSON, and for nesting or digits no reader of JSON follows."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        raise errors.Invalid("body", "is not JSON, or nests or counts too deep") from None


def _as_json(event: dict[str, Any]) -> dict[str, Any]:
    """The request without its content type: a body is JSON, whatever `curl -d` calls it."""
    headers = {name: value for name, value in (event.get("headers") or {}).items() if name.lower() != "content-type"}
    return {**event, "headers": headers, "multiValueHeaders": None}


def principal(event: Mapping[str, Any]) -> Principal:
    """The tenant and scopes of the authorizer's context, and of nothing the caller sends."""
    context = event["requestContext"].get("authorizer") or {}
    return Principal(context.get("tenant", ""), context.get("key_id", ""), frozenset(context.get("scopes", "").split()))
