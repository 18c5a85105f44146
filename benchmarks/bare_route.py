"""The peer of `POST /ask`: a route of the same API, behind the same authorizer, whose function does nothing.

What the gateway, the authorizer and Lambda take is in both; what `ask` takes above it is Quadrille's own.
"""

import io
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from local.stack.deploy import local_session
from local.stack.functions import logical_ids
from local.stack.places import STACK

PATH = "/bare"
_NAME = "quadrille-benchmark-bare"
_CODE = """\
def lambda_handler(event, context):
    print("bare_received")
    return {"statusCode": 200, "body": "{}"}
"""


@contextmanager
def bare_route(stack: dict[str, Any]) -> Iterator[None]:
    """`POST /bare` for as long as the block runs. The API, its stage and the functions are then what they were."""
    *_, api, stage = stack["api_url"].split("/")
    gateway = _client(stack, "apigateway")
    with ExitStack() as undo:
        function = _create_function(stack, undo)
        items = gateway.get_resources(restApiId=api, limit=500)["items"]
        root = next(item["id"] for item in items if item["path"] == "/")
        resource = gateway.create_resource(restApiId=api, parentId=root, pathPart=PATH.strip("/"))["id"]
        undo.callback(gateway.delete_resource, restApiId=api, resourceId=resource)
        route = {"restApiId": api, "resourceId": resource, "httpMethod": "POST"}
        authorizer = gateway.get_authorizers(restApiId=api)["items"][0]["id"]
        gateway.put_method(**route, authorizationType="CUSTOM", authorizerId=authorizer)
        invocation = f"arn:aws:apigateway:{stack['region']}:lambda:path/2015-03-31/functions/{function}/invocations"
        gateway.put_integration(**route, type="AWS_PROXY", integrationHttpMethod="POST", uri=invocation)
        before = gateway.get_stage(restApiId=api, stageName=stage)["deploymentId"]
        deployment = gateway.create_deployment(restApiId=api, stageName=stage)["id"]
        undo.callback(gateway.delete_deployment, restApiId=api, deploymentId=deployment)
        back = [{"op": "replace", "path": "/deploymentId", "value": before}]
        undo.callback(gateway.update_stage, restApiId=api, stageName=stage, patchOperations=back)
        yield


def _create_function(stack: dict[str, Any], undo: ExitStack) -> str:
    """The ARN of a function that logs a line, as every handler does, and returns. Its settings are `ask/answer`'s."""
    functions = _client(stack, "lambda")
    like = functions.get_function_configuration(FunctionName=_physical_id(stack, "ask/answer"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", _CODE)
    made = functions.create_function(
        FunctionName=_NAME,
        Handler="app.lambda_handler",
        Code={"ZipFile": packed.getvalue()},
        **{name: like[name] for name in ("Runtime", "Role", "MemorySize", "Timeout", "LoggingConfig")},
    )
    undo.callback(functions.delete_function, FunctionName=_NAME)
    functions.get_waiter("function_active_v2").wait(FunctionName=_NAME)
    functions.add_permission(
        FunctionName=_NAME,
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    return str(made["FunctionArn"])


def _physical_id(stack: dict[str, Any], function: str) -> str:
    found = _client(stack, "cloudformation").describe_stack_resource(
        StackName=STACK, LogicalResourceId=logical_ids()[function]
    )
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def _client(stack: dict[str, Any], service: str) -> Any:
    return local_session().client(service, endpoint_url=stack["aws_endpoint_url"])
