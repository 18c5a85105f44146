"""A consumer is added to the deployed stack by the words of docs/react.md, and no publisher is touched."""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from local.stack.deploy import command
from local.stack.places import ROOT, STACK
from tests.local.conftest import Caller
from tests.local.test_react import cloud_event, eventually
from tests.template import TEMPLATE, load

DOCS = (ROOT / "docs/react.md").read_text()
ARTIFACTS = "artifacts"


def fenced(language: str, word: str) -> str:
    """The one block of the page in this language that has the word."""
    [block] = [block for block in re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL) if word in block]
    return str(block)


def documented() -> dict[str, Any]:
    """The resources of the documented block, put at the end of the template's react section."""
    text = (ROOT / "template.yaml").read_text()
    extended = load(text.replace("  # ---- system:", fenced("yaml", "FileOrdersRule") + "\n  # ---- system:"))
    return {name: each for name, each in extended["Resources"].items() if name not in TEMPLATE["Resources"]}


class Beside:
    """A stack beside the deployed one: what it refers to there is looked up."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client
        self.formation = client("cloudformation")
        found = self.formation.describe_stack_resources(StackName=STACK)["StackResources"]
        self.ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
        self.name = f"{STACK}-orders-{uuid4().hex[:6]}"

    def deploy(self, resources: dict[str, Any], code: str) -> None:
        [function] = [each["Properties"] for each in resources.values() if "CodeUri" in each["Properties"]]
        function["CodeUri"] = self._upload(code)
        template = {name: TEMPLATE[name] for name in ("Transform", "Parameters", "Mappings", "Conditions")} | {
            "Globals": {"Function": self._like(self.ids["ReactApplyRulesFunction"])},
            "Resources": self._resolved(resources),
        }
        [stack] = self.formation.describe_stacks(StackName=STACK)["Stacks"]
        given = [{key: each[key] for key in ("ParameterKey", "ParameterValue")} for each in stack["Parameters"]]
        self.formation.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps(template),
            Parameters=given,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        self.formation.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    def delete(self) -> None:
        self.formation.delete_stack(StackName=self.name)

    def _upload(self, code: str) -> str:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", code)
        self.client("s3").put_object(Bucket=ARTIFACTS, Key=self.name, Body=packed.getvalue())
        return f"s3://{ARTIFACTS}/{self.name}"

    def _like(self, function: str) -> dict[str, Any]:
        """What the template's globals came to in a deployed function."""
        there = self.client("lambda").get_function_configuration(FunctionName=function)
        layers = [layer["Arn"] for layer in there["Layers"]]
        return {
            "Runtime": there["Runtime"],
            "Handler": there["Handler"],
            "Layers": layers,
            "Environment": {"Variables": there["Environment"]["Variables"]},
        }

    def _resolved(self, value: Any) -> Any:
        match value:
            case {"Ref": str(name)} if name in self.ids:
                return self.ids[name]
            case {"Fn::GetAtt": str(path)} if path.split(".")[0] in self.ids:
                return self._arn(path.split(".")[0])
            case {"Fn::Sub": str(text)}:
                text = re.sub(r"\$\{(\w+)\.Arn\}", lambda found: self._arn(found[1]), text)
                return {"Fn::Sub": re.sub(r"\$\{(\w+)\}", lambda found: self.ids.get(found[1], found[0]), text)}
            case dict():
                return {name: self._resolved(each) for name, each in value.items()}
            case list():
                return [self._resolved(each) for each in value]
        return value

    def _arn(self, name: str) -> str:
        kind, id_ = TEMPLATE["Resources"][name]["Type"], self.ids[name]
        return {
            "AWS::S3::Bucket": f"arn:aws:s3:::{id_}",
            "AWS::DynamoDB::Table": f"arn:aws:dynamodb:us-east-1:000000000000:table/{id_}",
        }[kind]


@pytest.fixture
def beside(client: Callable[[str], Any]) -> Iterator[Beside]:
    stack = Beside(client)
    yield stack
    stack.delete()


def test_the_documented_consumer_takes_events_it_was_not_there_for_when_publishers_were_deployed(
    beside: Beside,
    new_caller: Callable[..., Caller],
    stack: dict[str, Any],
    session: Any,
    outputs: dict[str, str],
) -> None:
    beside.deploy(documented(), fenced("python", "file_orders"))
    letters = command(session, stack["aws_endpoint_url"], outputs["ConsumerDeadLettersFunction"], action="depth")
    assert letters["file_orders"] == {"waiting": 0, "dead": 0}
    caller = new_caller(("ask", "ingest", "react"))
    order = cloud_event("com.example.order", {"number": 1042, "item": "a green kite"}, "1042")
    assert [caller.ok("POST", "/events", order)["status"] for _ in range(2)] == ["accepted", "known"]
    [document] = eventually(lambda: caller.ok("GET", "/documents?collection=orders")["items"])
    assert caller.await_final(document["filename"])["version"] == 1
    answer = caller.ok("POST", "/ask", {"question": "Which item has order number 1042?", "collection": "orders"})
    assert "kite" in answer["answer"]
