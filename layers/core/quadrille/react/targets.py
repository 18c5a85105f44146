"""The consumers of the bus, as the bus knows them: whoever has a rule and a queue is one, in whatever stack."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from quadrille.queues import Queue
from quadrille.react.consumers import Delivery
from quadrille.react.patterns import matches

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient


@dataclass(frozen=True, slots=True)
class Target:
    """A consumer as the bus knows it: the id of its rule's target, the rule's pattern, its queue."""

    name: str
    pattern: Mapping[str, Any]
    queue: Queue

    def wants(self, delivery: Delivery) -> bool:
        """Whether its rule matches."""
        return matches(self.pattern, delivery.model_dump(by_alias=True, mode="json"))


def targets(bus: str, events: "EventBridgeClient", queue: Callable[[str], Queue]) -> Iterator[Target]:
    """The consumers of a bus: the targets of its rules that are queues. `queue` finds one by its name."""
    for page in events.get_paginator("list_rules").paginate(EventBusName=bus):
        for rule in page["Rules"]:
            found = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus)["Targets"]
            for target in found:
                if ":sqs:" in target["Arn"] and "EventPattern" in rule:
                    name = target["Arn"].rsplit(":", 1)[1]
                    yield Target(target["Id"], json.loads(rule["EventPattern"]), queue(name))
