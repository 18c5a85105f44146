"""The authorizer: an API key decides the tenant and the scopes of a request, and nothing else does."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import (
    APIGatewayAuthorizerResponse,
    APIGatewayAuthorizerResponseWebSocket,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The gateway turns the words "Unauthorized" into 401; the policy is cached, so it names the whole API.

    A WebSocket is refused by a policy, that is by 403: there the words would be no better than a crash.
    """
    connects = "connectionId" in event["requestContext"]
    kind = APIGatewayAuthorizerResponseWebSocket if connects else APIGatewayAuthorizerResponse
    principal = clients.keys().principal(_key(event, connects=connects))
    if principal is None:
        logger.info("key_refused")
        if not connects:
            raise Exception("Unauthorized")  # noqa: TRY002  the gateway knows this text only
        nobody = kind.from_route_arn(event["methodArn"], "nobody")
        nobody.deny_all_routes()
        return nobody.asdict()
    logger.info("key_accepted", tenant=principal.tenant, key_id=principal.key_id)
    about = {"tenant": principal.tenant, "key_id": principal.key_id, "scopes": " ".join(sorted(principal.scopes))}
    policy = kind.from_route_arn(event["methodArn"], principal.key_id, about)
    policy.allow_all_routes()
    return policy.asdict()


def _key(event: dict[str, Any], *, connects: bool) -> str:
    """The key of the Authorization header; a browser, which can set none, may open a WebSocket with a `token`."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return str(key.strip())
    return str((event.get("queryStringParameters") or {}).get("token", "")) if connects else ""
