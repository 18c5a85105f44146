"""Starting a function that works on its own, while its caller goes on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel

if TYPE_CHECKING:
    from types_boto3_lambda.client import LambdaClient


@dataclass(frozen=True, slots=True)
class Background:
    """One function, by its name. It may be started twice for one message."""

    function: str
    client: "LambdaClient"

    def start(self, message: BaseModel) -> None:
        """Let it work on a message."""
        self.client.invoke(
            FunctionName=self.function, InvocationType="Event", Payload=message.model_dump_json().encode()
        )
