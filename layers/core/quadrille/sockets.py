"""Sending frames to WebSocket connections, through the gateway that holds them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.shared.json_encoder import Encoder
from botocore.exceptions import BotoCoreError

from quadrille.errors import Abandoned, Busy, TooLarge

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient

_LARGEST = 128 * 1024  # bytes of a message, says API Gateway


@dataclass(frozen=True, slots=True)
class Sockets:
    """The connections of one API. Its client must not repeat a call by itself: a frame would come twice."""

    client: "ApiGatewayManagementApiClient"

    def post(self, connection_id: str, frame: Mapping[str, Any]) -> None:
        """Send one frame, after those sent before.

        Raises `Abandoned` if nobody is there any more, `Busy` if the gateway throttles and has not sent it, and
        `TooLarge`.
        """
        data = json.dumps(frame, separators=(",", ":"), ensure_ascii=False, cls=Encoder).encode()
        if len(data) > _LARGEST:
            raise TooLarge(f"The frame {frame['type']!r} has {len(data)} bytes; the limit is {_LARGEST}.")
        try:
            self.client.post_to_connection(ConnectionId=connection_id, Data=data)
        except self.client.exceptions.LimitExceededException as error:
            raise Busy("The gateway throttles frames.", seconds=0.1) from error
        except self.client.exceptions.GoneException as error:
            raise Abandoned("The connection is closed.") from error
        except BotoCoreError as error:  # it may have arrived, and must not arrive twice
            raise Abandoned("The connection cannot be reached.") from error
