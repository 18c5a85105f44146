"""A stage's messages: sent, counted, and taken out of its dead-letter queue. They carry ids and keys, never content."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from quadrille.errors import NotFound, RetryLater

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

_ENTRIES = 10  # of one SendMessageBatch or ReceiveMessage
_WAIT = 1  # second for messages to come: long enough to ask all of the queue's servers


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue, by its URL."""

    url: str
    sqs: "SQSClient"

    def send(self, *messages: BaseModel, delay: int = 0) -> None:
        """Send the messages, visible after `delay` seconds (at most 900). Raises `RetryLater` if any was not taken."""
        for start in range(0, len(messages), _ENTRIES):
            self._send_batch(messages[start : start + _ENTRIES], delay)

    def send_back(self, body: str) -> None:
        """Send a message once more as it was received."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def postpone(self, receipt_handle: str, *, seconds: int) -> None:
        """Let a message that was received come again in `seconds`.

        If the queue refuses, because its visibility timeout has passed, the message comes again by itself.
        """
        with suppress(BotoCoreError, ClientError):
            self.sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )

    def postpone_all(self, pauses: Sequence[tuple[str, int]]) -> None:
        """Let received messages come again, each by its receipt handle and in its seconds; refusals as above."""
        for start in range(0, len(pauses), _ENTRIES):
            with suppress(BotoCoreError, ClientError):
                self.sqs.change_message_visibility_batch(
                    QueueUrl=self.url,
                    Entries=[
                        {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
                        for number, (handle, seconds) in enumerate(pauses[start : start + _ENTRIES])
                    ],
                )

    def dead_letters(self) -> "Queue":
        """The queue where its messages end that failed too often. Raises `NotFound` if it has none."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["RedrivePolicy"])
        policy = answer.get("Attributes", {}).get("RedrivePolicy")
        if policy is None:
            raise NotFound(f"The queue {self.url.rsplit('/', 1)[1]} has no dead-letter queue.")
        arn: str = json.loads(policy)["deadLetterTargetArn"]
        return Queue(self.sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[1])["QueueUrl"], self.sqs)

    def depth(self) -> int:
        """How many messages it holds, received or delayed ones too. The queue counts approximately."""
        names: list[Any] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def receive(self, limit: int, *, hidden: int) -> "list[MessageTypeDef]":
        """At most ten messages, hidden from every other reader for `hidden` seconds; none if there are none."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=min(limit, _ENTRIES),
            VisibilityTimeout=hidden,
            WaitTimeSeconds=_WAIT,
            MessageSystemAttributeNames=["All"],
        )
        return answer.get("Messages", [])

    def delete(self, receipt_handle: str) -> None:
        """Take a received message out of the queue for good."""
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=receipt_handle)

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
