"""What a document's owner says about it: its date, and values by name that questions can be narrowed by.

It travels as metadata of the object in the bucket, so a file that is dropped there can bring it along, and it is kept
beside each of the document's chunks.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StrictBool,
    StrictInt,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from quadrille.errors import Invalid

_PREFIX = "about."  # of names in the vector store: none of them can be one of ours
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LARGEST = 2**53  # a whole number the vector store, which has floats only, keeps exactly
_BYTES = 1_800  # S3 keeps 2 KB of metadata with an object


def _day(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise ValueError("must be a date as 2026-11-23")
    return date.fromisoformat(text).isoformat()


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Day = Annotated[str, AfterValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Number = Annotated[StrictInt | FiniteFloat, Field(ge=-_LARGEST, le=_LARGEST)]
Value = StrictBool | Number | Text | Annotated[list[Text], Field(min_length=1, max_length=20)]


def _fits(metadata: dict[str, Any]) -> dict[str, Any]:
    size = len(json.dumps(metadata))
    if size > _BYTES:
        raise ValueError(f"has {size} bytes as JSON; the limit is {_BYTES}")
    return metadata


Metadata = Annotated[dict[Name, Value], Field(max_length=20), AfterValidator(_fits)]


class About(BaseModel):
    """The date of a document, and values by name: texts, numbers, truth values and lists of texts."""

    model_config = ConfigDict(frozen=True)

    date: Day
    metadata: Metadata

    @classmethod
    def of(cls, kept: Mapping[str, str], *, else_date: Day) -> Self:
        """What is kept with an object; other entries are somebody else's. Raises `Invalid`."""
        try:
            said = cls.entries(kept)
            metadata = json.loads(said.get("metadata", "{}"))
            return cls.model_validate({"date": said.get("date", else_date), "metadata": metadata})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise Invalid(".".join(map(str, first["loc"])), first["msg"]) from error
        except ValueError as error:
            raise Invalid("metadata", "is not JSON") from error

    @staticmethod
    def entries(kept: Mapping[str, str]) -> dict[str, str]:
        """Those entries of an object's metadata that say something about it."""
        return {name: kept[name] for name in ("date", "metadata") if name in kept}

    def row(self) -> dict[str, str]:
        """The same as values of a row."""
        return {"date": self.date, "metadata": json.dumps(self.metadata)}


def as_entries(day: Day | None, metadata: Mapping[str, Any]) -> dict[str, str]:
    """What is said of a file as metadata of its object, in ASCII."""
    said = {"date": day} if day else {}
    return said | ({"metadata": json.dumps(metadata)} if metadata else {})


def beside_chunk(row: Mapping[str, Any]) -> dict[str, Any]:
    """What of a document's row is kept with its chunks in the vector store."""
    values = {named(name): value for name, value in json.loads(row["metadata"]).items()}
    return {"date": as_number(row["date"]), **values}


def named(name: str) -> str:
    """The name of a value in the vector store."""
    return _PREFIX + name


def as_number(day: Day) -> int:
    """A date as the vector store compares them: 20261123."""
    return int(day.replace("-", ""))
