"""POST /chat/completions: OpenAI's protocol, so that any OpenAI client asks a collection."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients
from quadrille.ask.completions import complete, events
from quadrille.ask.protocol import ChatCompletion, CompletionRequest, OpenAIApi
from quadrille.calls import Payer
from quadrille.config import settings

logger = Logger()
api = OpenAIApi(scope="ask")

ANSWERS: OpenAPIResponse = {
    "description": "The answer, or with `stream` the same as server-sent events, all at once",
    "content": {"application/json": {"model": ChatCompletion}, "text/event-stream": {"schema": {"type": "string"}}},
}


@api.post("/chat/completions", responses={200: ANSWERS})
def create(request: CompletionRequest) -> Response[Any]:
    """Answer the last message of a conversation out of a collection."""
    payer = Payer(api.principal.tenant, f"answers/{api.request_id}", api.deadline, api.ends_at)
    completion = complete(
        request,
        payer,
        id=api.request_id,
        desk=clients.desk(),
        most_style=settings().max_style_characters,
    )
    if not request.stream:
        return Response(200, "application/json", completion.model_dump(mode="json"))
    with_usage = bool(request.stream_options and request.stream_options.include_usage)
    body = events(completion, with_usage=with_usage)
    return Response(200, "text/event-stream", body, headers={"Cache-Control": "no-cache"})


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return api.serve(event, context)
