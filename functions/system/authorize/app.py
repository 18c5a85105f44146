"""The authorizer: an API key decides the tenant and the scopes of a request, and nothing else does."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes.api_gateway_authorizer_event import APIGatewayAuthorizerResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from quadrille import clients

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The gateway turns the words "Unauthorized" into 401; the policy is cached, so it names the whole API."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    scheme, _, key = headers.get("authorization", "").partition(" ")
    principal = clients.keys().principal(key.strip()) if scheme.lower() == "bearer" else None
    if principal is None:
        logger.info("key_refused")
        raise Exception("Unauthorized")  # noqa: TRY002  the gateway knows this text only
    logger.info("key_accepted", tenant=principal.tenant, key_id=principal.key_id)
    policy = APIGatewayAuthorizerResponse.from_route_arn(
        event["methodArn"],
        principal_id=principal.key_id,
        context={"tenant": principal.tenant, "key_id": principal.key_id, "scopes": " ".join(sorted(principal.scopes))},
    )
    policy.allow_all_routes()
    return policy.asdict()
