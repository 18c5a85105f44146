"""Sending a stage's messages. A message carries ids and S3 keys, never content."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from quadrille.errors import RetryLater

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

_ENTRIES = 10  # of one SendMessageBatch


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue, by its URL."""

    url: str
    sqs: "SQSClient"

    def send(self, *messages: BaseModel, delay: int = 0) -> None:
        """Send the messages, visible after `delay` seconds (at most 900). Raises `RetryLater` if any was not taken."""
        for start in range(0, len(messages), _ENTRIES):
            self._send_batch(messages[start : start + _ENTRIES], delay)

    def postpone(self, receipt_handle: str, *, seconds: int) -> None:
        """Let a message that was received come again in `seconds`.

        If the queue refuses, because its visibility timeout has passed, the message comes again by itself.
        """
        with suppress(BotoCoreError, ClientError):
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )

    def _send_batch(self, messages: Sequence[BaseModel], delay: int) -> None:
        answer = self.sqs.send_message_batch(
            QueueUrl=self.url,
            Entries=[
                {"Id": str(number), "MessageBody": message.model_dump_json(by_alias=True), "DelaySeconds": delay}
                for number, message in enumerate(messages)
            ],
        )
        if answer.get("Failed"):
            raise RetryLater(f"{len(answer['Failed'])} messages were not accepted by the queue.")
