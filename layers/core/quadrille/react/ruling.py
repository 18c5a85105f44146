"""Rules: what a tenant wants done when something happens, and doing it.

What a rule does is an event of its own, `TaskRequested` or `SummaryRequested`, whose id follows from the rule and the
event: a replay asks for the same again, which is done already.
"""

import json
from collections.abc import Mapping
from typing import Any

from quadrille.errors import Invalid
from quadrille.events import CATALOGUE, Envelope, Event, SummaryRequested, TaskRequested
from quadrille.outbox import Outbox
from quadrille.react.models import Rule, RuleRequest, SummaryAction, TaskAction
from quadrille.react.patterns import check, matches
from quadrille.rows import Row
from quadrille.rules import Rules

CONSUMER = "apply_rules"

_FOLLOWS = {  # the events an action leads to
    "task": {"TaskRequested", "TaskFinished", "AgentEvent", "BudgetExceeded"},
    "summary": {"SummaryRequested", "BudgetExceeded"},
}
_ABOUT_DOCUMENTS = {"DocumentIndexed"}


def keep(tenant: str, rule_id: str, request: RuleRequest, *, rules: Rules) -> Rule:
    """Keep a rule. Raises `Invalid` for a pattern that is none, and for one that matches what the rule leads to."""
    check(request.pattern)
    types = request.pattern.get("type")
    if not isinstance(types, list) or not all(isinstance(each, str) for each in types):
        raise Invalid("pattern.type", "must list the types of events by their names")
    unknown = [each for each in types if each not in CATALOGUE and "." not in each]
    if unknown:
        raise Invalid("pattern.type", f"there is no type {unknown[0]!r}; a type of your own has a dot in its name")
    own = sorted(_FOLLOWS[request.action.kind].intersection(types))
    if own:
        raise Invalid("pattern.type", f"the rule's own action leads to {own[0]}, so it would never end")
    if isinstance(request.action, SummaryAction) and not _ABOUT_DOCUMENTS.issuperset(types):
        raise Invalid("pattern.type", "a summary can be made of what DocumentIndexed is about")
    try:
        text = request.model_dump_json()
    except ValueError:
        raise Invalid("pattern", "has characters that are not Unicode") from None
    return shown(rules.put(tenant, rule_id, {"rule": text}))


def shown(row: Row) -> Rule:
    """A rule's row as its owner sees it."""
    return Rule(rule_id=row["sk"], **json.loads(row["rule"]))


def apply(envelope: Envelope, *, rules: Rules, outbox: Outbox) -> list[str]:
    """Ask for what the tenant's rules want done about an event, and give the ids of those that do."""
    asked = requests(envelope, rules=rules)
    for request in asked.values():
        outbox.put(request)
    return list(asked)


def requests(envelope: Envelope, *, rules: Rules) -> dict[str, Envelope]:
    """What the tenant's rules ask for about an event, by their ids."""
    told = envelope.model_dump(include={"id", "type", "time", "subject", "data"})
    return {
        rule.rule_id: _request(rule, envelope, told)
        for rule in map(shown, rules.list(envelope.tenant))
        if rule.enabled and matches(rule.pattern, told)
    }


def _request(rule: Rule, envelope: Envelope, told: Mapping[str, Any]) -> Envelope:
    event: Event
    match rule.action:
        case TaskAction() as task:
            event = TaskRequested(
                goal=task.goal,
                collection=task.collection,
                tools=task.tools,
                budget=rule.budget.model_dump(mode="json", exclude_none=True),
                because=dict(told),
            )
        case SummaryAction():
            event = SummaryRequested(document_id=envelope.data["document_id"])
    once = f"{rule.rule_id}/{envelope.id}"
    return Envelope.of(event, tenant=envelope.tenant, subject=envelope.subject, once=once, hops=envelope.hops + 1)
