"""The one error this server raises on purpose, and OpenAI's body for it.
The names below are the cases; status, `type`, `param` and `code` follow what the hosted API answers."""

from dataclasses import dataclass


@dataclass
class ApiError(Exception):
    """An answer that is not a result. `param` points into the request body."""

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    type: str = "invalid_request_error"

    def body(self) -> dict[str, dict[str, str | None]]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    return ApiError(400, message, param, code)


def missing_key() -> ApiError:
    return ApiError(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
        "(i.e. Authorization: Bearer YOUR_KEY).",
    )


def incorrect_key() -> ApiError:
    return ApiError(401, "Incorrect API key provided.", code="invalid_api_key")


def unknown_model(model: str, param: str | None = None) -> ApiError:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, message, param, "model_not_found")


def unknown_url(method: str, path: str) -> ApiError:
    return ApiError(404, f"Invalid URL ({method} {path})", code="unknown_url")


def wrong_method(method: str, path: str) -> ApiError:
    hint = "(HINT: Perhaps you meant to use a different HTTP method?)"
    return ApiError(405, f"Not allowed to {method} on {path}. {hint}", code="method_not_supported")


def too_large(limit: int) -> ApiError:
    return ApiError(413, f"The request body is larger than {limit} bytes.", code="request_too_large")


def failed() -> ApiError:
    return ApiError(500, "The server had an error while processing your request.", type="server_error")
