"""The two models on offer, and the answers of `GET /v1/models`.
Their names say what they are, so that no receipt or screenshot can pass one off as a hosted model."""

from local.models.errors import ApiError, unknown_model

CHAT_MODEL = "offline-extractive-chat"
EMBEDDING_MODEL = "offline-hashed-embedding"
CREATED = 1_767_225_600  # 2026-01-01T00:00:00Z: constant, so that two servers list the same


def describe_model(model: str) -> dict[str, object]:
    """Raises ApiError 404 for any other model."""
    if model not in (CHAT_MODEL, EMBEDDING_MODEL):
        raise unknown_model(model, param="model")
    return {"id": model, "object": "model", "created": CREATED, "owned_by": "quadrille-offline"}


def list_models() -> dict[str, object]:
    return {"object": "list", "data": [describe_model(model) for model in (CHAT_MODEL, EMBEDDING_MODEL)]}


def check_chat_model(model: str) -> None:
    """Raises ApiError 404 unless `model` can chat."""
    if model == EMBEDDING_MODEL:
        message = "This is not a chat model and thus not supported in the v1/chat/completions endpoint."
        raise ApiError(404, message, param="model")
    describe_model(model)


def check_embedding_model(model: str) -> None:
    """Raises ApiError 403 for the chat model and 404 for an unknown one, as the hosted API does."""
    if model == CHAT_MODEL:
        raise ApiError(403, "You are not allowed to generate embeddings from this model")
    describe_model(model)
