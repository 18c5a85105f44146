"""The catalogue of events as a page and JSON schemas, out of the models, the code and the template: `make events`.

Who publishes a type is whatever makes one; who consumes it, the rules of the bus that match it.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/core")]

from quadrille.events import CATALOGUE, Envelope, Event  # noqa: E402
from quadrille.react.patterns import matches  # noqa: E402
from tests.template import TEMPLATE  # noqa: E402

FOLDER = ROOT / "docs/events"
ABOUT = Path(__file__).with_suffix(".md")
CODE = ROOT / "layers/core/quadrille"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
PAYS = {
    "nothing": "nothing",
    "document": "the document's budget",
    "task": "the task's budget",
    "case": "the case's budget",
}
SAMPLES = {  # fields of examples by name; others are made of their type
    "base_sha": "9c1185a5c5e9fc54612808977ee8f548b2258d31",
    "category": "delivery",
    "collection": "contracts",
    "document_id": "doc_5f1c2ab0c3d94e21",
    "draft_id": "draft_1",
    "email_id": "email_2f7b",
    "error": "This is no file of a kind that can be read.",
    "filename": "lease.pdf",
    "goal": "Read the contract and note when it ends.",
    "head_sha": "3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
    "id": "2026-11-28",
    "language": "en",
    "limit_usd": "5",
    "name": "order.checked",
    "number": 42,
    "priority": "normal",
    "renews_at": "2026-11-29T00:00:00Z",
    "repository": "acme/shop",
    "reserved_usd": "0",
    "scope": "day",
    "sentiment": "neutral",
    "spent_usd": "4.998",
    "task_id": "task_8d0e6a",
    "text": "Your order was sent yesterday.",
    "ticket_id": "1042",
    "title": "Round totals to cents",
    "to": "jane@example.com",
}


def files() -> dict[str, str]:
    """What is in `docs/events`, by name."""
    schemas = {schema_name(type_): _dump(schema(type_)) for type_ in CATALOGUE.values()}
    return {"README.md": _page(), **schemas}


def schema_name(type_: type[Event]) -> str:
    """The name of a type's file."""
    return f"{type_.__name__}.v{type_.version}.json"


def schema(type_: type[Event]) -> dict[str, Any]:
    """The JSON schema of an event's `detail`: the envelope, with its data as the type has it."""
    data = type_.model_json_schema()
    words = data.pop("description")
    envelope = Envelope.model_json_schema()
    types = {"type": {"const": type_.__name__}, "version": {"const": type_.version}, "data": data}
    envelope["properties"] |= types
    envelope["required"] = sorted({*envelope["required"], "version", "hops"})
    definitions = {"$defs": data.pop("$defs")} if "$defs" in data else {}
    return {"$schema": DIALECT, **envelope, "title": type_.__name__, "description": words, **definitions}


def example(type_: type[Event]) -> Envelope:
    """An event as it may be."""
    properties = type_.model_json_schema()["properties"]
    data = {name: SAMPLES.get(name, _sample(name, field)) for name, field in properties.items()}
    subject = next((f"{name[:-3]}s/{data[name]}" for name in data if name.endswith("_id")), "events/1")
    envelope = Envelope.of(type_.model_validate(data), tenant="acme", subject=subject)
    return envelope.model_copy(update={"time": "2026-11-28T09:30:00.000Z"})


def publishers(type_: type[Event]) -> list[str]:
    """The modules that make one, and the door by which anybody may."""
    made = [name for name, types in _MAKERS.items() if type_.__name__ in types]
    return (["`POST /events`"] if type_.public else []) + [f"[{name}](../../{name})" for name in made]


def consumers(type_: type[Event]) -> list[str]:
    """The consumers whose rules match, by name."""
    envelope = example(type_)
    delivery = {"source": envelope.source, "detail-type": envelope.type}
    return [
        target["Id"]
        for rule in _rules()
        if matches({name: wanted for name, wanted in rule["EventPattern"].items() if name in delivery}, delivery)
        for target in rule["Targets"]
    ]


def _page() -> str:
    sections = (_section(type_) for _, type_ in sorted(CATALOGUE.items()))
    return ABOUT.read_text() + "\n" + _table() + "\n" + "\n".join(sections)


def _table() -> str:
    rows = [
        f"| [{name}](#{name.lower()}) | {type_.version} | {', '.join(consumers(type_))} | {_posted(type_)} |"
        for name, type_ in sorted(CATALOGUE.items())
    ]
    return "\n".join(["| type | version | consumed by | may be posted |", "|---|---|---|---|", *rows, ""])


def _posted(type_: type[Event]) -> str:
    return "yes" if type_.public else "no"


def _section(type_: type[Event]) -> str:
    told = (type_.__doc__ or "").strip().replace("\n    ", "\n")
    facts = {
        "version": f"{type_.version}, [schema]({schema_name(type_)})",
        "published by": ", ".join(publishers(type_)) or "nobody yet",
        "consumed by": ", ".join(f"`{name}`" for name in consumers(type_)),
        "may be posted": _posted(type_),
        "what it leads to is paid from": PAYS[type_.pays],
    }
    lines = [f"- {name}: {fact}" for name, fact in facts.items()]
    shown = _dump(example(type_).model_dump(mode="json"))
    return "\n".join([f"## {type_.__name__}", "", told, "", *lines, "", "```json", shown + "```", ""])


def _sample(name: str, field: dict[str, Any]) -> Any:
    """A value of a field's type."""
    for schema_ in [field, *field.get("anyOf", [])]:
        match schema_:
            case {"enum": [first, *_]} | {"const": first}:
                return first
            case {"type": "string"}:
                return f"https://example.com/{name}" if name.endswith("_url") else name
            case {"type": "integer"}:
                return 1
            case {"type": "boolean"}:
                return True
            case {"type": "array"}:
                return []
            case {"type": "object"}:
                return {}
    return None


def _rules() -> list[dict[str, Any]]:
    """The rules of the bus."""
    found = [each["Properties"] for each in TEMPLATE["Resources"].values() if each["Type"] == "AWS::Events::Rule"]
    return [rule for rule in found if "EventBusName" in rule]


def _made_in(path: Path) -> Iterator[str]:
    """The types of events a module makes."""
    tree = ast.parse(path.read_text())
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "quadrille.events"
    ]
    names = {alias.name for node in imports for alias in node.names}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in names & CATALOGUE.keys():
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id="events"), attr=name)) if name in CATALOGUE:
                yield name


def _dump(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


_MAKERS = {path.relative_to(ROOT).as_posix(): set(_made_in(path)) for path in sorted(CODE.rglob("*.py"))}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    current = files()
    for stale in {path.name for path in FOLDER.iterdir()} - current.keys():
        (FOLDER / stale).unlink()
    for name, text in current.items():
        (FOLDER / name).write_text(text)
