"""Asking another Lambda function, and waiting for what it says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from quadrille.errors import ProviderRefused, RetryLater

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient

_LATER = {"TooManyRequestsException", "ResourceNotReadyException", "EC2ThrottledException", "ThrottlingException"}
_REASON = 1_000  # characters of what a function says of its failure


@dataclass(frozen=True, slots=True)
class Functions:
    """Functions, by ARN. The client's own retries are off: a function may have an effect."""

    client: "LambdaClient"

    def ask(self, arn: str, message: Mapping[str, Any]) -> str:
        """What a function replies: a text as it is, all else as JSON; its failure is a reply, too.

        Raises `RetryLater` and `ProviderRefused`.
        """
        try:
            answer = self.client.invoke(FunctionName=arn, Payload=json.dumps(message).encode())
            said = json.loads(answer["Payload"].read() or b"null")
        except ClientError as error:
            raise _refusal(error) from error
        except BotoCoreError as error:
            raise RetryLater("No reply came from the tool; it may have done what it was asked.") from error
        if "FunctionError" in answer:
            return f"The tool failed: {_reason(said)}"
        return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def _refusal(error: ClientError) -> RetryLater | ProviderRefused:
    if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return RetryLater("The tool could not be reached.")
    if error.response["Error"]["Code"] in _LATER:
        return RetryLater("The tool has too much to do.")
    return ProviderRefused(f"The tool cannot be called ({error.response['Error']['Code']}).")  # no ARN for a model


def _reason(said: Any) -> str:
    """The message without the trace, which is of no use to a model."""
    message = said.get("errorMessage") if isinstance(said, dict) else said
    return str(message)[:_REASON]
