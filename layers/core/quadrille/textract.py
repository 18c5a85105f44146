"""Amazon Textract: the text in a picture, through the ledger. The client's own retries are off."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnectedError

from quadrille.calls import Payer, Reply
from quadrille.errors import AmbiguousCall, ProviderRefused, Unreadable
from quadrille.gate import Gate
from quadrille.ledger import Ledger
from quadrille.prices import Prices
from quadrille.purposes import OCR
from quadrille.receipts import Receipt
from quadrille.sending import Refusal, Sender, judge_status

if TYPE_CHECKING:
    from types_boto3_textract.client import TextractClient

MODEL = "textract-detect-document-text"  # its name in the tables of prices and rates
_PROVIDER = "textract"
_THROTTLED = {"LimitExceededException", "ProvisionedThroughputExceededException", "ThrottlingException"}
_DOWN = {"InternalServerError", "ServiceUnavailableException"}
_OF_THE_PICTURE = {
    "BadDocumentException",
    "DocumentTooLargeException",
    "InvalidParameterException",
    "UnsupportedDocumentException",
}


@dataclass(frozen=True, slots=True)
class Detected:
    """The lines of a picture, one under the other, and how sure Textract is of them on average, from 0 to 100."""

    text: str
    confidence: int
    receipt: Receipt


class _Failed(Exception):
    """A request that failed; the cause says how. By its own name, so that nobody takes it for a failure of ours."""


class _FailedForNow(_Failed):
    """The same, because Textract is down or cannot be reached."""


class _PictureRefused(ProviderRefused):
    """Textract refused this picture, which says nothing of others."""


@dataclass(frozen=True, slots=True)
class Textract:
    """Text detection. `client` is called only when something must really be sent."""

    client: "Callable[[], TextractClient]"
    ledger: Ledger
    gate: Gate
    prices: Prices
    now: Callable[[], float] = field(default=time.time)
    sleep: Callable[[float], None] = field(default=time.sleep)

    def detect(self, picture: bytes, payer: Payer) -> Detected:
        """The text in a PNG or JPEG file. Raises what `Ledger.pay` raises, `UnknownPrice`, and `Unreadable`."""
        request = {"model": MODEL, "picture": hashlib.sha256(picture).hexdigest()}
        call = payer.call(request, purpose=OCR, ceiling=self.prices.request(MODEL))
        try:
            paid = self.ledger.pay(call, lambda: self._detect(picture, payer.deadline))
        except _PictureRefused as error:
            raise Unreadable(str(error)) from error
        return Detected(**json.loads(paid.result), receipt=paid.receipt)

    def _detect(self, picture: bytes, deadline: float) -> Reply:
        sender = Sender(_PROVIDER, self.gate, _Failed, (_FailedForNow,), _judge, self.now, self.sleep)
        answer, retries = sender.send(lambda _: self._ask(picture), model=MODEL, tokens=1, deadline=deadline)
        lines = [block for block in answer["Blocks"] if block["BlockType"] == "LINE"]
        confidence = round(fmean(line["Confidence"] for line in lines)) if lines else 0
        result = {"text": "\n".join(line["Text"] for line in lines), "confidence": confidence}
        receipt = Receipt(self.prices.request(MODEL), calls=1, retries=retries, models=(MODEL,))
        return Reply(json.dumps(result).encode(), receipt)

    def _ask(self, picture: bytes) -> Any:
        try:
            return self.client().detect_document_text(Document={"Bytes": picture})
        except ClientError as error:
            down = error.response["Error"]["Code"] in _DOWN
            raise (_FailedForNow if down else _Failed) from error
        except (NotConnectedError, HTTPClientError) as error:
            raise _FailedForNow from error
        except BotoCoreError as error:
            raise _Failed from error


def _judge(failure: Exception) -> Refusal:
    """What a failed request comes to: unbilled, perhaps billed, or refused for good."""
    match failure.__cause__:
        case ClientError(response={"Error": error, "ResponseMetadata": about}):
            words = f"{error['Code']}: {error['Message']}"
            if error["Code"] in _THROTTLED:
                return Refusal(429)
            if error["Code"] in _OF_THE_PICTURE:
                raise _PictureRefused(f"Textract refused the page: {words}")
            return judge_status(about["HTTPStatusCode"], words, provider=_PROVIDER, retry_after=None, exhausted=False)
        case NotConnectedError():
            return Refusal(0)
        case HTTPClientError():
            raise AmbiguousCall("No reply came from Textract; the call may have been billed.") from failure
    raise ProviderRefused(f"The request to Textract cannot be made: {failure.__cause__}") from failure
