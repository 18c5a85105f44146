"""The catalogue of events in docs/events is current, and its examples are what the schemas and the models say."""

import json

import jsonschema
import pytest

from quadrille.events import CATALOGUE, Envelope
from scripts.events import FOLDER, consumers, example, files, publishers, schema, schema_name


def test_the_folder_is_what_make_events_writes() -> None:
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == files()


@pytest.mark.parametrize("type_", CATALOGUE.values())
def test_an_example_is_as_its_schema_and_its_model_want_it(type_: type) -> None:
    shown = json.loads(example(type_).model_dump_json())
    wanted = json.loads((FOLDER / schema_name(type_)).read_text())
    jsonschema.Draft202012Validator.check_schema(wanted)
    jsonschema.validate(shown, wanted)
    assert type(Envelope(**shown).event()) is type_


@pytest.mark.parametrize("spoilt", [{"type": "TaskRequested"}, {"version": 2}, {"data": {}}, {"tenant": None}])
def test_a_schema_refuses_what_is_no_event_of_its_type(spoilt: dict[str, object]) -> None:
    type_ = CATALOGUE["TaskFinished"]
    shown = json.loads(example(type_).model_dump_json()) | spoilt
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(shown, schema(type_))


def test_who_publishes_is_read_out_of_the_code_and_who_consumes_out_of_the_rules() -> None:
    asked = CATALOGUE["TaskRequested"]
    assert publishers(asked) == [
        "`POST /events`",
        "[layers/core/quadrille/react/ruling.py](../../layers/core/quadrille/react/ruling.py)",
    ]
    assert {"start_task", "apply_rules"} <= set(consumers(asked))
    assert publishers(CATALOGUE["BudgetExceeded"]) == [
        "[layers/core/quadrille/alarms.py](../../layers/core/quadrille/alarms.py)"
    ], "and not the error of the same name"
