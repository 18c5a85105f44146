"""Errors of the vector server, each with its HTTP status and the gRPC code that Pinecone puts in the body.
Operations raise them; app.py turns them into responses in one place."""


class ApiError(Exception):
    """A request that gets an error response. The message is for the caller."""

    status = 500
    code = 13

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgumentError(ApiError):
    status = 400
    code = 3


class UnauthenticatedError(ApiError):
    status = 401
    code = 16


class NotFoundError(ApiError):
    status = 404
    code = 5


class MethodNotAllowedError(ApiError):
    status = 405
    code = 12


class AlreadyExistsError(ApiError):
    status = 409
    code = 6


class TooLargeError(ApiError):
    status = 413
    code = 8


class DataFolderError(Exception):
    """The data folder cannot be served: in use by another server, or made with another metric."""
