"""Sending mail through SES. A mail is given up at most once: one that may be on its way is not sent again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from quadrille.errors import Busy, Invalid

if TYPE_CHECKING:
    from types_boto3_sesv2.client import SESV2Client

_LATER = {"TooManyRequestsException", "ThrottlingException", "LimitExceededException"}


@dataclass(frozen=True, slots=True)
class Mail:
    """Sends as `sender`. The client's own retries are off."""

    sender: str
    ses: "SESV2Client"

    def send(self, *, to: str, subject: str, body: str) -> None:
        """Send plain text to one address. Raises `Busy`, and `Invalid` with what SES says against it."""
        text = {"Subject": _utf8(subject), "Body": {"Text": _utf8(body)}}
        try:
            self.ses.send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": [to]},
                Content={"Simple": text},  # type: ignore[typeddict-item]
            )
        except ClientError as error:
            raise _refusal(error) from error
        except BotoCoreError as error:
            raise _unsure() from error


def _utf8(text: str) -> dict[str, str]:
    return {"Data": text, "Charset": "UTF-8"}


def _refusal(error: ClientError) -> Busy | Invalid:
    if error.response["Error"]["Code"] in _LATER:
        return Busy("SES is throttling.")
    if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return _unsure()
    return Invalid("email", f"was not sent: {error.response['Error'].get('Message', 'SES refused it')}")


def _unsure() -> Invalid:
    return Invalid("email", "no reply came from SES: it may have been sent, so it is not sent again")
