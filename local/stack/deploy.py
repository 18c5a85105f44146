"""Deploying the real template: onto the embedded AWS, or into an account, with the same sam."""

import json
import re
from pathlib import Path
from typing import Any

import boto3
import yaml

from local.stack.build import BUILD, RUNTIME, run_sam, sam_environment
from local.stack.places import REGION, ROOT, SAM, STACK, TENANT, Ports, Stop, dotenv, local_credentials

_CONFIG = ("--config-file", ROOT / "samconfig.toml", "--config-env", "local")
_ARTIFACTS = "artifacts"  # as samconfig.toml names it
_OFFLINE_KEY = "offline"
_MADE = {"PythonRuntime", "Architecture", "AwsEndpointUrl", "ApiId", "WebSocketEndpoint"}  # by the commands
# The offline models cost nothing. These are play-money prices, so that receipts and budgets have something to count.
_OFFLINE_PRICES = {  # play money
    "offline-extractive-chat": {"input": "0.10", "output": "0.50"},
    "offline-hashed-embedding": {"input": "0.02"},
}
_OFFLINE_HOSTED_PRICES = {
    "pinecone-sparse-english-v0": {"input": "0.08"},
    "bge-reranker-v2-m3": {"request": "0.002"},
}


def uses_offline_models() -> bool:
    """Whether no key of a real model provider is set in .env."""
    return "OPENAI_API_KEY" not in dotenv()


def uses_offline_vectors() -> bool:
    """Whether no Pinecone key is set in .env."""
    return "PINECONE_API_KEY" not in dotenv()


def deploy(ports: Ports) -> dict[str, Any]:
    """Deploy what was built onto the embedded AWS, and give what `.local/stack.json` holds."""
    environment = {**sam_environment(), **local_credentials(), "AWS_ENDPOINT_URL": ports.aws_url}
    overrides = [RUNTIME, *overrides_of(_parameters(ports))]
    session = local_session()
    template = _package(session.client("s3", endpoint_url=ports.aws_url), environment)
    run_sam(
        [SAM, "deploy", *_CONFIG, "--no-progressbar", "--template-file", template, "--parameter-overrides", *overrides],
        environment,
        log="deploy",
    )
    outputs = stack_outputs(session, ports.aws_url)
    _apply_gateway_responses(session, ports.aws_url)
    set_secrets(session, outputs, ports.aws_url)
    key = create_key(session, outputs, TENANT, ["ask", "ingest", "act", "react", "admin"], ports.aws_url)
    api_url = f"{ports.aws_url}/_aws/execute-api/quadrille/v1"
    source = create_source(session, outputs, TENANT, "tickets", ports.aws_url)
    hook = {"url": f"{api_url}/webhooks/{source['source_id']}", "secret": source["secret"]}
    return {
        "api_url": api_url,
        "ws_url": f"{ports.aws_url.replace('http', 'ws')}/_aws/execute-api/quadrille-ws/v1",
        "api_key": key["key"],
        "webhooks": {"tickets": {**hook, "source_id": source["source_id"]}},
        "tenant": TENANT,
        "bucket": outputs["BucketName"],
        "aws_endpoint_url": ports.aws_url,
        "region": REGION,
    }


def _package(s3: Any, environment: dict[str, str]) -> Path:
    """The built template, its artefacts in the embedded S3. That forgets them, so they are zipped once and put back."""
    template, kept = BUILD / "packaged/template.yaml", BUILD / "packaged/artifacts"
    s3.create_bucket(Bucket=_ARTIFACTS)
    if template.exists():
        for file in kept.iterdir():
            s3.upload_file(str(file), _ARTIFACTS, file.name)
        return template
    kept.mkdir(parents=True, exist_ok=True)
    run_sam(
        [SAM, "package", *_CONFIG, "--no-progressbar", "--output-template-file", template],
        environment,
        log="package",
    )
    for item in s3.list_objects_v2(Bucket=_ARTIFACTS)["Contents"]:
        s3.download_file(_ARTIFACTS, item["Key"], str(kept / item["Key"]))
    return template


def local_session() -> boto3.Session:
    """A session of the embedded AWS's root user."""
    return boto3.Session("test", "test", region_name=REGION)


def stack_outputs(session: boto3.Session, endpoint: str | None) -> dict[str, str]:
    """The stack's outputs by name."""
    stacks = session.client("cloudformation", endpoint_url=endpoint).describe_stacks(StackName=STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}


def set_secrets(session: boto3.Session, outputs: dict[str, str], endpoint: str | None) -> list[str]:
    """Put the providers' keys into their secrets: those of .env, and on the local stack the offline servers'.

    The names of those that were set.
    """
    keys = {"OpenAISecret": dotenv().get("OPENAI_API_KEY"), "PineconeSecret": dotenv().get("PINECONE_API_KEY")}
    client = session.client("secretsmanager", endpoint_url=endpoint)
    done = []
    for name, key in keys.items():
        if value := key or (_OFFLINE_KEY if endpoint else None):
            client.put_secret_value(SecretId=outputs[name], SecretString=value)
            done.append(name)
    return done


def create_key(
    session: boto3.Session, outputs: dict[str, str], tenant: str, scopes: list[str], endpoint: str | None
) -> dict[str, Any]:
    """A new API key. Raises `Stop`."""
    return command(session, endpoint, outputs["KeysFunction"], action="create", tenant=tenant, scopes=scopes)


def create_source(
    session: boto3.Session, outputs: dict[str, str], tenant: str, kind: str, endpoint: str | None
) -> dict[str, Any]:
    """A new source of webhooks. Raises `Stop`."""
    return command(session, endpoint, outputs["KeysFunction"], action="create_source", tenant=tenant, kind=kind)


def command(session: boto3.Session, endpoint: str | None, function: str, **given: Any) -> dict[str, Any]:
    """What a function that IAM guards answers to a command. Raises `Stop`."""
    answer = session.client("lambda", endpoint_url=endpoint).invoke(
        FunctionName=function, Payload=json.dumps(given).encode()
    )
    done: dict[str, Any] = json.loads(answer["Payload"].read())
    if problem := done.get("error") or done.get("errorMessage"):
        raise Stop(f"That did not work: {problem}")
    return done


def _parameters(ports: Ports) -> dict[str, str]:
    """The template's parameters: the real providers where .env has their keys, else the offline servers."""
    given = dotenv_parameters(dotenv())
    parameters = {
        "AwsEndpointUrl": ports.aws_url,
        "WebSocketEndpoint": f"{ports.aws_url}/_aws/execute-api/quadrille-ws/v1",
        "StageConcurrency": "2",  # each copy is a process of this machine
        "TasksAtOnce": "5",
        "EventsPerMinute": "150",
        "EventArchiveDays": "0",  # the embedded AWS knows no resource of it
    }
    prices: dict[str, Any] = {}
    if uses_offline_models():
        parameters |= {
            "OpenAIBaseUrl": f"http://127.0.0.1:{ports.models}/v1",
            "ChatModel": "offline-extractive-chat",
            "EmbeddingModel": "offline-hashed-embedding",
            "RateLimits": "{}",
        }
        prices |= _OFFLINE_PRICES
    if uses_offline_vectors():
        host = f"http://127.0.0.1:{ports.vectors}"
        parameters |= {"PineconeIndexHost": host, "PineconeInferenceHost": host}
        prices |= _OFFLINE_HOSTED_PRICES
    try:
        prices |= json.loads(given.pop("PriceOverrides", "{}"))
    except (ValueError, TypeError) as error:
        raise Stop(f"PRICE_OVERRIDES in .env is not a JSON object: {error}") from error
    return parameters | given | {"PriceOverrides": json.dumps(prices, separators=(",", ":"))}


def dotenv_parameters(given: dict[str, str]) -> dict[str, str]:
    """The template's parameters that .env sets. Raises `Stop` if one setting needs another that is missing."""
    alone = [name for name in ("OPENAI_BASE_URL", "CHAT_MODEL", "EMBEDDING_MODEL") if name in given]
    if alone and "OPENAI_API_KEY" not in given:
        raise Stop(
            f"{alone[0]} is set in .env without OPENAI_API_KEY: add it, with any word if your server asks for none."
        )
    if "PINECONE_API_KEY" in given and "PINECONE_INDEX_HOST" not in given:
        raise Stop("PINECONE_API_KEY is set in .env without PINECONE_INDEX_HOST: add the host of your index.")
    return {parameter: given[name] for name, parameter in variables().items() if name in given}


def variables() -> dict[str, str]:
    """The template's parameters by the variables of .env that set them, as `TasksAtOnce` by `TASKS_AT_ONCE`."""
    section = re.search(r"^Parameters:\n(.*?)^\S", (ROOT / "template.yaml").read_text(), re.DOTALL | re.MULTILINE)
    names = set(re.findall(r"^  (\w+):$", section[1] if section else "", re.MULTILINE)) - _MADE
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.replace("OpenAI", "Openai")).upper(): name for name in names}


def overrides_of(parameters: dict[str, str]) -> list[str]:
    """Parameters as sam's own parser wants them: it reads shell-like words."""
    quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in parameters.items()}
    return [f'{name}="{value}"' for name, value in quoted.items()]


def _apply_gateway_responses(session: boto3.Session, endpoint: str) -> None:
    """Put the template's gateway responses, which the embedded AWS drops from the API's definition.

    It takes them through the API's own call; like any change, they come into force with a deployment.
    """
    template = yaml.safe_load((BUILD / "template.yaml").read_text())
    client = session.client("apigateway", endpoint_url=endpoint)
    api = template["Resources"]["Api"]["Properties"]
    for kind, response in api["GatewayResponses"].items():
        status = {"statusCode": str(response["StatusCode"])} if "StatusCode" in response else {}
        headers = response["ResponseParameters"]["Headers"]
        client.put_gateway_response(
            restApiId="quadrille",
            responseType=kind,
            responseParameters={f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            responseTemplates=response["ResponseTemplates"],
            **status,
        )
    client.create_deployment(restApiId="quadrille", stageName=api["StageName"])
