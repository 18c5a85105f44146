"""The functions of the template by folder, their events, and the environment each has on the running stack."""

import json
from pathlib import Path
from typing import Any

import boto3
import yaml

from local.stack.build import BUILD
from local.stack.places import ROOT, STACK, Stop, local_credentials

EVENTS = ROOT / "events"


def declared() -> dict[str, dict[str, Any]]:
    """The functions of template.yaml by logical id, each with its properties."""
    resources = yaml.load((ROOT / "template.yaml").read_text(), Loader=_Template)["Resources"]
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def logical_ids() -> dict[str, str]:
    """`ask/answer` -> `AskAnswerFunction`, as template.yaml pairs them."""
    return {function["CodeUri"].removeprefix("functions/"): name for name, function in declared().items()}


def cases(function: str) -> dict[str, Path]:
    """A function's events by name."""
    return {path.stem: path for path in sorted((EVENTS / function).glob("*.json"))}


def event(function: str, case: str) -> Path:
    """The event file of a case, or of the only or first one if none is named. Raises `Stop`."""
    if function not in logical_ids():
        raise Stop(f"There is no function {function!r}. FUNCTION is one of: {', '.join(sorted(logical_ids()))}")
    found = cases(function)
    if case and case not in found:
        raise Stop(f"{function} has no event {case!r}. EVENT is one of: {', '.join(found)}")
    return found[case or next(iter(found))]


def layers(function: str) -> list[Path]:
    """The built layers of a function, in the order they are laid."""
    resource = yaml.safe_load((BUILD / "template.yaml").read_text())["Resources"][logical_ids()[function]]
    own = [layer["Ref"] for layer in resource["Properties"].get("Layers", [])]
    return [BUILD / name / "python" for name in ["CoreLayer", *own]]


def environment(stack: dict[str, Any], function: str) -> dict[str, str]:
    """What the deployed function finds in its environment, with the credentials of the embedded AWS's root user."""
    session = boto3.Session("test", "test", region_name=stack["region"])
    endpoint = stack["aws_endpoint_url"]
    resources = session.client("cloudformation", endpoint_url=endpoint)
    found = resources.describe_stack_resource(StackName=STACK, LogicalResourceId=logical_ids()[function])
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    configuration = session.client("lambda", endpoint_url=endpoint).get_function_configuration(FunctionName=name)
    variables: dict[str, str] = json.loads(json.dumps(configuration["Environment"]["Variables"]))
    return {**variables, "AWS_ENDPOINT_URL": endpoint, **local_credentials()}


class _Template(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which are of no interest here."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: f"{suffix} {getattr(node, 'value', '')}")
