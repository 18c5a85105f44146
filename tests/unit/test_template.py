"""The template and the folders say the same, and what must hold of every resource holds."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from local.stack.places import ROOT
from tests.template import TEMPLATE

RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
GLOBALS = TEMPLATE["Globals"]["Function"]


def of_type(kind: str) -> dict[str, Any]:
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
MACHINES = of_type("AWS::Serverless::StateMachine")
QUEUES = of_type("AWS::SQS::Queue")
FED = {name: f for name, f in FUNCTIONS.items() if "Queue" in f.get("Events", {})}


def test_every_function_has_a_folder_and_every_folder_a_function() -> None:
    folders = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "functions").glob("*/*/app.py")}
    assert {function["CodeUri"] for function in FUNCTIONS.values()} == folders


def test_every_state_machine_has_a_definition_and_every_definition_a_state_machine() -> None:
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "statemachines").iterdir()}
    assert {machine["DefinitionUri"] for machine in MACHINES.values()} == files


@pytest.mark.parametrize("name", MACHINES)
def test_every_task_of_a_state_machine_ends_in_time_is_tried_again_and_caught(name: str) -> None:
    definition = json.loads((ROOT / MACHINES[name]["DefinitionUri"]).read_text())
    for state in tasks(definition):
        assert {"Retry", "Catch"} <= set(state)
        assert {"TimeoutSeconds", "TimeoutSecondsPath"} & set(state)
    assert set(re.findall(r"\$\{(\w+)\}", json.dumps(definition))) == set(MACHINES[name]["DefinitionSubstitutions"])


def tasks(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for state in machine["States"].values():
        if state["Type"] == "Task":
            yield state
        yield from tasks(state["ItemProcessor"]) if "ItemProcessor" in state else ()


def test_a_backfill_feeds_as_many_pages_as_its_size_of_a_page_is_made_for() -> None:
    from quadrille.ingest.backfill import PARALLEL

    definition = json.loads((ROOT / "statemachines/backfill.asl.json").read_text())
    assert definition["States"]["Pages"]["MaxConcurrency"] == PARALLEL


def test_a_function_is_named_after_its_folder() -> None:
    for name, function in FUNCTIONS.items():
        words = function["CodeUri"].removeprefix("functions/").replace("/", "_").split("_")
        assert name == "".join(map(str.capitalize, words)) + "Function"


def test_every_function_has_an_event_to_be_invoked_with() -> None:
    for function in FUNCTIONS.values():
        assert list((ROOT / "events" / function["CodeUri"].removeprefix("functions/")).glob("*.json"))


@pytest.mark.parametrize("name", FED)
def test_a_stage_reports_partial_failures_is_bounded_and_has_dead_letters(name: str) -> None:
    from quadrille.config import Settings

    source = FED[name]["Events"]["Queue"]["Properties"]
    queue = QUEUES[source["Queue"]["Fn::GetAtt"].removesuffix(".Arn")]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "MaximumConcurrency" in source["ScalingConfig"]
    assert queue["VisibilityTimeout"] >= 6 * FED[name]["Timeout"]
    assert queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].removesuffix(".Arn") in QUEUES
    here = Settings()
    counted = here.max_receives if name.startswith("Ingest") else here.max_event_receives
    assert queue["RedrivePolicy"]["maxReceiveCount"] == counted


def test_every_dead_letter_queue_has_an_alarm() -> None:
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"]
        for queue in QUEUES.values()
        if "RedrivePolicy" in queue
    }
    watched = {alarm["Dimensions"][0]["Value"]["Fn::GetAtt"] for alarm in of_type("AWS::CloudWatch::Alarm").values()}
    assert watched == {name.replace(".Arn", ".QueueName") for name in dead}


def test_an_alarm_of_dead_letters_names_the_command_that_shows_them() -> None:
    alarms = of_type("AWS::CloudWatch::Alarm").values()
    told = {alarm["AlarmDescription"].rsplit(": make dead-letters ", 1)[1] for alarm in alarms}
    rules = [rule["Targets"][0]["Id"] for rule in of_type("AWS::Events::Rule").values() if "EventBusName" in rule]
    stages = {function["CodeUri"].split("/")[2] for name, function in FED.items() if name.startswith("Ingest")}
    assert told == {f"STAGE={name}" for name in stages} | {f"CONSUMER={name}" for name in [*rules, "receive_mail"]}


def test_queues_are_named_so_that_what_redrives_may_reach_them_and_takes_from_no_other_than_dead_letters() -> None:
    dead = {
        each["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][:-4]
        for each in QUEUES.values()
        if "RedrivePolicy" in each
    }
    assert {name for name in QUEUES if name.endswith("DeadLetters")} == dead
    assert {name for name in QUEUES if name.endswith("Queue")} == QUEUES.keys() - dead
    for statement in policies(FUNCTIONS["ReactDeadLettersFunction"])[1]["Statement"]:
        if "sqs:ReceiveMessage" in statement["Action"]:
            assert statement["Resource"]["Fn::Sub"].endswith(":${AWS::StackName}-*DeadLetters-*")


def test_the_stages_of_the_template_are_those_that_can_be_redriven() -> None:
    from quadrille.ingest.stages import STAGES

    stages = {name.removeprefix("Ingest") for name in FED if name.startswith("Ingest")}
    assert {name.removesuffix("Function").lower() for name in stages} == set(STAGES)


RECEIVERS = {"ReactReceiveMailFunction"}  # of what comes from elsewhere than the bus


def test_a_consumer_is_a_rule_of_the_bus_with_its_name_and_a_queue_it_may_write_to() -> None:
    rules = [rule for rule in of_type("AWS::Events::Rule").values() if "EventBusName" in rule]
    consumers = {name: function for name, function in FED.items() if name.startswith("React") and name not in RECEIVERS}
    targets = {target["Id"]: target["Arn"]["Fn::GetAtt"] for rule in rules for target in rule["Targets"]}
    read = {
        function["CodeUri"].split("/")[2]: function["Events"]["Queue"]["Properties"]["Queue"]["Fn::GetAtt"]
        for function in consumers.values()
    }
    assert targets == read
    open_to_the_bus = {
        f"{queue['Ref']}.Arn"
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        if "events.amazonaws.com" in json.dumps(policy["PolicyDocument"])
        for queue in policy["Queues"]
    }
    assert open_to_the_bus >= set(targets.values())


def test_every_queue_is_encrypted() -> None:
    assert all(queue["SqsManagedSseEnabled"] for queue in QUEUES.values())


@pytest.mark.parametrize("name", of_type("AWS::DynamoDB::Table"))
def test_a_table_is_on_demand_encrypted_and_recoverable(name: str) -> None:
    table = RESOURCES[name]["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_the_bucket_is_private_encrypted_and_announces_its_objects() -> None:
    bucket = RESOURCES["Bucket"]["Properties"]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    assert bucket["BucketEncryption"]
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"]


def test_only_health_the_documentation_and_what_is_signed_are_open() -> None:
    routes = {
        event["Properties"]["Path"]: event["Properties"].get("Auth")
        for function in FUNCTIONS.values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    }
    assert {path for path, auth in routes.items() if auth} == {
        "/health",
        "/openapi.json",
        "/docs",
        "/webhooks/{source_id}",
    }
    assert RESOURCES["Api"]["Properties"]["Auth"]["DefaultAuthorizer"] == "Key"


# AWS, or the embedded one, knows no resource of them.
WITHOUT_RESOURCE = {
    "textract:DetectDocumentText",
    "states:SendTaskSuccess",
    "events:ListRules",
    "events:ListTargetsByRule",
}


def policies(function: dict[str, Any]) -> list[dict[str, Any]]:
    """A function's policies, also those of a condition."""
    return [policy["Fn::If"][1] if "Fn::If" in policy else policy for policy in function.get("Policies", [])]


def test_no_policy_allows_everything() -> None:
    for function in FUNCTIONS.values():
        for policy in policies(function):
            for statement in policy["Statement"]:
                actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                assert statement["Resource"] != "*" or set(actions) <= WITHOUT_RESOURCE
                assert not [action for action in actions if action.endswith(":*")]


def test_the_pages_of_a_message_have_the_time_they_may_take() -> None:
    from quadrille.config import Settings
    from quadrille.ingest.reading.contained import _GRACE

    here = Settings()
    function = FUNCTIONS["IngestOcrFunction"]
    assert here.ocr_pages * (here.max_reading_seconds + _GRACE) < function["Timeout"]
    assert function["Events"]["Queue"]["Properties"]["BatchSize"] == 1


def test_only_the_stage_ocr_may_call_textract_and_only_if_it_is_the_engine() -> None:
    for name, function in FUNCTIONS.items():
        plain = [policy for policy in function.get("Policies", []) if "Fn::If" not in policy]
        assert "textract" not in str(plain)
        assert ("textract" in str(policies(function))) == (name == "IngestOcrFunction")
    conditional = next(policy for policy in FUNCTIONS["IngestOcrFunction"]["Policies"] if "Fn::If" in policy)
    assert conditional["Fn::If"][0] == "UsesTextract"


def test_the_settings_and_the_templates_environment_have_the_same_names() -> None:
    from quadrille.config import Settings

    given = {name.lower() for name in GLOBALS["Environment"]["Variables"]}
    known = set(Settings.model_fields)
    assert {name for name in given if not name.startswith(("powertools_", "aws_"))} <= known


def test_a_deletion_looks_again_when_all_that_had_begun_before_it_has_ended() -> None:
    from quadrille.config import Settings

    longest = max(function.get("Timeout", GLOBALS["Timeout"]) for function in FUNCTIONS.values())
    assert longest < Settings().late_erasure_seconds


def test_a_websocket_is_opened_with_a_key_and_every_frame_goes_to_one_function() -> None:
    routes = {route["RouteKey"]: route for route in of_type("AWS::ApiGatewayV2::Route").values()}
    assert set(routes) == {"$connect", "$disconnect", "$default"}
    assert routes["$connect"]["AuthorizationType"] == "CUSTOM"
    assert len({str(route["Target"]) for route in routes.values()}) == 1
    [authorizer] = of_type("AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["IdentitySource"] == []  # with one, a key that comes the other way would be refused unseen


def test_frames_are_sent_to_the_connections_of_this_api_alone() -> None:
    for function in FUNCTIONS.values():
        for policy in policies(function):
            for statement in policy["Statement"]:
                if "execute-api:ManageConnections" in statement["Action"]:
                    assert statement["Resource"]["Fn::Sub"].endswith(":${SocketApi}/v1/POST/@connections/*")


def test_what_answers_over_a_websocket_may_take_longer_than_the_gateway_waits_and_is_not_begun_again() -> None:
    stream = FUNCTIONS["AskStreamFunction"]
    assert stream["Timeout"] > 29
    assert stream["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
