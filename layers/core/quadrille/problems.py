"""What went wrong, as HTTP says it: `application/problem+json` (RFC 9457)."""

from http import HTTPStatus
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from quadrille.errors import (
    BudgetExceeded,
    Conflict,
    CutOff,
    DeadlineExceeded,
    Forbidden,
    Invalid,
    NotFound,
    ProviderRefused,
    QuadrilleError,
    ResultLost,
    RetryLater,
    TooLarge,
    TooMany,
    Unanswered,
    Unauthorized,
    UnknownPrice,
    Unusable,
)
from quadrille.money import dollars

_STATUS: dict[type[Exception], HTTPStatus] = {
    BudgetExceeded: HTTPStatus.PAYMENT_REQUIRED,
    Unauthorized: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    RetryLater: HTTPStatus.SERVICE_UNAVAILABLE,
    DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
    ProviderRefused: HTTPStatus.BAD_GATEWAY,
    Unanswered: HTTPStatus.BAD_GATEWAY,
    CutOff: HTTPStatus.BAD_GATEWAY,
    Unusable: HTTPStatus.BAD_GATEWAY,
    UnknownPrice: HTTPStatus.INTERNAL_SERVER_ERROR,
    ResultLost: HTTPStatus.INTERNAL_SERVER_ERROR,
}
_INTERNAL = "Something went wrong on our side. It is logged under this request id; trying again may help."


class FieldError(BaseModel):
    """Where in the request, as `body.filter.page` or `query.limit`, and what is wrong there; never its value."""

    field: str
    message: str


class Problem(BaseModel):
    """An error. `errors` names the fields of a malformed request; the amounts, in US dollars, are of a used-up budget;
    `retry_after` is in seconds; `receipt` is what was paid before it went wrong. The gateway's own give no `status`.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int = 0
    detail: str
    request_id: str
    errors: list[FieldError] = []
    scope: str = ""
    limit_usd: str = ""
    spent_usd: str = ""
    reserved_usd: str = ""
    renews_at: str | None = None
    retry_after: int = 0
    receipt: dict[str, Any] = {}

    @classmethod
    def of(cls, error: QuadrilleError, request_id: str) -> Self:
        """An error of ours."""
        status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
        more: dict[str, Any] = {}
        match error:
            case BudgetExceeded():
                more = {
                    "scope": error.scope,
                    "limit_usd": dollars(error.limit),
                    "spent_usd": dollars(error.spent),
                    "reserved_usd": dollars(error.reserved),
                    "renews_at": error.renews_at,
                }
            case RetryLater():
                more = {"retry_after": max(1, round(error.seconds))}
            case Invalid():
                more = {"errors": [FieldError(field=error.field, message=error.reason)]}
        if error.receipt:
            more["receipt"] = error.receipt.public()
        return cls._new(status, _slug(error), str(error), request_id, **more)

    @classmethod
    def malformed(cls, found: list[FieldError], request_id: str) -> Self:
        """A request that is not what it must be."""
        detail = "; ".join(f"{each.field}: {each.message}" for each in found)
        return cls._new(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid", detail, request_id, errors=found)

    @classmethod
    def internal(cls, request_id: str) -> Self:
        """A bug: the log has the cause, the caller none of its words."""
        return cls._new(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", _INTERNAL, request_id)

    @classmethod
    def _new(cls, status: HTTPStatus, slug: str, detail: str, request_id: str, **more: Any) -> Self:
        named = {"type": f"urn:quadrille:problem:{slug}", "title": status.phrase, "status": status.value}
        return cls(**named, detail=detail, request_id=request_id, **more)

    @property
    def slug(self) -> str:
        """The last word of `type`."""
        return self.type.rpartition(":")[2]


def _slug(error: Exception) -> str:
    """`BudgetExceeded` as `budget-exceeded`."""
    name = type(error).__name__
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
