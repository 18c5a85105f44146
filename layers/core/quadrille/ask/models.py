"""What the ask room takes and gives over HTTP."""

from decimal import Decimal
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StrictBool, StringConstraints, model_validator

from quadrille.about import Day, Number, Text, as_number, named
from quadrille.about import Name as MetadataName
from quadrille.conversations import ID
from quadrille.documents import COLLECTION
from quadrille.http import Body
from quadrille.money import plain

QUESTION_CHARACTERS = 4_000
Question = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=QUESTION_CHARACTERS)]
ConversationId = Annotated[str, StringConstraints(pattern=rf"^(new|{ID})$")]
Collection = Annotated[str, StringConstraints(pattern=rf"^{COLLECTION.pattern}$")]
Dollars = Annotated[Decimal, Field(gt=0, le=1_000, decimal_places=9), AfterValidator(plain)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=900)]
Values = Annotated[list[Name], Field(min_length=1, max_length=100)]
Page = Annotated[int, Field(ge=1, le=1_000_000)]
Pages = Annotated[list[Page], Field(min_length=1, max_length=100)]
Scalar = StrictBool | Number | Text
Scalars = Annotated[list[Scalar], Field(min_length=1, max_length=100)]

T = TypeVar("T")
Mode = Literal["hybrid", "dense", "lexical"]


class _Between(Body):
    """From here to there, both included; one of them is enough."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not self.model_dump(exclude_none=True):
            raise ValueError("give from, to or both")
        return self


class Days(_Between):
    """Dates, both included; one of them is enough."""

    from_: Day | None = Field(None, alias="from")
    to: Day | None = None

    def where(self) -> dict[str, int]:
        """The same as a condition of the vector store."""
        return {name: as_number(day) for name, day in _ends(self.from_, self.to).items()}


class Numbers(_Between):
    """Numbers, both included; one of them is enough."""

    from_: Number | None = Field(None, alias="from")
    to: Number | None = None

    def where(self) -> dict[str, float]:
        """The same as a condition of the vector store."""
        return _ends(self.from_, self.to)


def _ends(first: T | None, last: T | None) -> dict[str, T]:
    return {name: end for name, end in (("$gte", first), ("$lte", last)) if end is not None}


class Filter(Body):
    """What may be searched: any of the given documents, names and pages, these dates, and values given at upload."""

    document_id: Name | Values | None = None
    filename: Name | Values | None = None
    page: Page | Pages | None = None
    date: Days | None = None
    metadata: Annotated[dict[MetadataName, Scalar | Scalars | Numbers], Field(max_length=10)] = Field(
        default_factory=dict
    )

    def where(self) -> dict[str, Any]:
        """The same as a filter of the vector store."""
        given = {
            "document_id": self.document_id,
            "filename": self.filename,
            "on": self.page and _texts(self.page),
            "date": self.date,
            **{named(name): value for name, value in self.metadata.items()},
        }
        return {name: _condition(wanted) for name, wanted in given.items() if wanted is not None}


def _texts(pages: int | list[int]) -> list[str]:
    return [str(page) for page in (pages if isinstance(pages, list) else [pages])]


def _condition(wanted: Any) -> dict[str, Any]:
    if isinstance(wanted, Days | Numbers):
        return wanted.where()
    return {"$in": wanted} if isinstance(wanted, list) else {"$eq": wanted}


class SearchRequest(Body):
    """`POST /search`. `hybrid` searches by meaning and by words and ranks what it found, as `POST /ask` does."""

    query: Question
    collection: Collection = "default"
    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    filter: Filter = Filter()
    mode: Mode = "hybrid"


class AskRequest(Body):
    """`POST /ask`. `cache: "off"` asks the model anew even if this very request was paid for before.

    `conversation_id` is that of an earlier answer, or `new` to begin a conversation; without it nothing is remembered.
    """

    # What is added here becomes part of what the cache knows an answer by, unless `ask/answer.py` excepts it.

    question: Question
    collection: Collection = "default"
    top_k: Annotated[int, Field(ge=1, le=32)] = 8
    filter: Filter = Filter()
    mode: Mode = "hybrid"
    conversation_id: ConversationId | None = None
    max_cost_usd: Dollars | None = None
    cache: Literal["exact", "semantic", "off"] = "exact"


class Hit(BaseModel):
    """A chunk that was found. `start` and `end` count characters of the document's extracted text.

    Scores of one response can be compared with one another, and with no others.
    """

    document_id: str
    chunk_id: str
    filename: str
    page: int | None
    label: str | None
    start: int
    end: int
    text: str
    score: float


class Citation(BaseModel):
    """A verbatim quote: `text[start:end]` of the document's extracted text.

    `page` is the page, slide or sheet, if there are any, and `label` the name of a sheet.
    """

    number: int
    document_id: str
    filename: str
    page: int | None
    label: str | None
    start: int
    end: int
    quote: str
    score: float


class SearchResponse(BaseModel):
    """What `POST /search` gives."""

    hits: list[Hit]
    receipt: dict[str, Any]


class Answer(BaseModel):
    """What is found out about a question."""

    answer: str
    citations: list[Citation]
    supported: bool


class AskResponse(Answer):
    """What `POST /ask` gives."""

    cached: Literal["exact", "semantic"] | None
    conversation_id: str | None
    receipt: dict[str, Any]
