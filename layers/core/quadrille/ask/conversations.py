"""Follow-up questions: what a conversation has said before lets them stand alone, and they become its next turn."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quadrille.ask.cache import Answered
from quadrille.ask.models import QUESTION_CHARACTERS, AskRequest
from quadrille.calls import Payer
from quadrille.conversations import Conversation, Conversations, Turn
from quadrille.errors import Invalid
from quadrille.llm import Completion, Models
from quadrille.prompts import prompt
from quadrille.purposes import CONVERSATION, REWRITE, Purpose
from quadrille.receipts import Receipt, added_to

_TURNS = 8  # shown to the model; more than these are summarized
_KEPT = 4  # that are left when the others are


class _Question(BaseModel):
    """What the model is asked to reply, as the JSON schema it is given."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1)


class _Summary(BaseModel):
    """The same of a conversation that has become long."""

    model_config = ConfigDict(extra="forbid")

    summary: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that stands alone, what that cost, and the conversation it belongs to, if any."""

    question: str
    spent: Receipt = field(default_factory=Receipt)
    conversation: Conversation | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """The document versions the question may speak of, because an answer before it did."""
        return self.conversation.sources if self.conversation else ()


@dataclass(frozen=True, slots=True)
class Memory:
    """Conversations, and the model that understands their follow-ups. It replies in at most `limit` tokens."""

    conversations: Conversations
    models: Models
    limit: int

    def hear(self, request: AskRequest, payer: Payer) -> Asked:
        """A request's question, standing alone. Raises what `Ledger.pay` raises, `NotFound` and `Invalid`."""
        match request.conversation_id:
            case None:
                return Asked(request.question)
            case "new":
                return Asked(request.question, conversation=self.conversations.begin(payer.tenant, request.collection))
        conversation = self.conversations.get(payer.tenant, request.conversation_id)
        if conversation.collection != request.collection:
            raise Invalid("conversation_id", f"is of the collection {conversation.collection!r}; ask that one")
        payer = replace(payer, sources=conversation.sources)
        shorter, spent = self._shortened(conversation, payer)
        with added_to(spent):
            question, receipt = self.rewrite(
                request.question, shorter.turns, payer.after(spent), summary=shorter.summary
            )
        return Asked(question, spent + receipt, shorter)

    def keep(self, asked: Asked, answered: Answered) -> str | None:
        """Add the turn to its conversation, and give that one's id; None if there is none, or no longer."""
        if asked.conversation is None:
            return None
        turn = Turn(asked.question, answered.answer.answer)
        kept = self.conversations.append(asked.conversation, turn, answered.sources)
        return asked.conversation.id if kept else None

    def rewrite(
        self, question: str, history: Sequence[tuple[str, str]], payer: Payer, *, summary: str = ""
    ) -> tuple[str, Receipt]:
        """A question as one asks it who has not heard the questions and answers before it, and what that cost.

        It stays as it is if nothing was said before, or if the model's reply is no question. Raises as `Ledger.pay`.
        """
        if not history:
            return question, Receipt()
        said = {**_said(history[-_TURNS:], summary), "question": question}
        completion = self._reply(said, payer, REWRITE, _Question)
        try:
            alone = _Question.model_validate_json(completion.text).question.strip()
        except ValidationError:
            alone = ""
        return (alone if 0 < len(alone) <= QUESTION_CHARACTERS else question), completion.receipt

    def _shortened(self, conversation: Conversation, payer: Payer) -> tuple[Conversation, Receipt]:
        """The conversation with its older turns summarized, if it is long, and what that cost."""
        if len(conversation.turns) <= _TURNS:
            return conversation, Receipt()
        said = _said(conversation.turns[:-_KEPT], conversation.summary)
        completion = self._reply(said, payer, CONVERSATION, _Summary)
        try:
            summary = _Summary.model_validate_json(completion.text).summary
        except ValidationError:
            return conversation, completion.receipt
        return conversation.fold(summary, keep=_KEPT), completion.receipt

    def _reply(self, said: dict[str, Any], payer: Payer, purpose: Purpose, shape: type[BaseModel]) -> Completion:
        """The model's reply. What was said travels as JSON strings, which no text of theirs can close."""
        content = json.dumps(said, ensure_ascii=False)
        messages = [{"role": "system", "content": prompt(purpose.name)}, {"role": "user", "content": content}]
        return self.models.chat(messages, payer, purpose=purpose, schema=shape.model_json_schema(), limit=self.limit)


def _said(history: Sequence[tuple[str, str]], summary: str) -> dict[str, Any]:
    before = [{"question": question, "answer": answer} for question, answer in history]
    return {"summary": summary, "history": before}
