"""The one bucket: what was uploaded, what a stage leaves for the next, and large paid results."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from quadrille.errors import NotFound, RetryLater

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_KEYS_A_DELETE = 1_000
_GONE = {"NoSuchKey", "404", "NotFound"}


@dataclass(frozen=True, slots=True)
class Stored:
    """An object: its bytes, what was kept beside them, and when it was stored."""

    data: bytes
    about: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True)
class Blobs:
    """Objects of the bucket, by key."""

    bucket: str
    s3: "S3Client"

    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        about: Mapping[str, str] | None = None,
    ) -> None:
        """Store `data` under `key`, replacing what was there. `about` are at most 2 KB of ASCII kept beside it."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data, ContentType=content_type, Metadata=about or {})

    def about(self, key: str) -> Mapping[str, str] | None:
        """What was kept beside an object; None if there is no such object."""
        try:
            return self.s3.head_object(Bucket=self.bucket, Key=key)["Metadata"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises `NotFound`."""
        return self.read(key).data

    def read(self, key: str) -> Stored:
        """The whole object. Raises `NotFound`."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
            return Stored(answer["Body"].read(), answer["Metadata"], answer["LastModified"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise NotFound(f"There is no object {key!r} in the bucket.") from error
            raise

    def list(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def objects(self, prefix: str, *, after: str = "") -> Iterator[dict[str, Any]]:
        """`key`, `size` in bytes and `etag` of the objects whose keys begin with `prefix` and come after `after`."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix, StartAfter=after)
        for page in pages:
            for item in page.get("Contents", []):
                yield {"key": item["Key"], "size": item["Size"], "etag": item["ETag"].strip('"')}

    def copy(self, source: str, target: str) -> None:
        """Copy an object of at most 5 GB within the bucket, replacing what was there."""
        self.s3.copy_object(Bucket=self.bucket, Key=target, CopySource={"Bucket": self.bucket, "Key": source})

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error. Raises `RetryLater` if any was not deleted."""
        for start in range(0, len(keys), _KEYS_A_DELETE):
            objects = [{"Key": key} for key in keys[start : start + _KEYS_A_DELETE]]
            answer = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})  # type: ignore[typeddict-item]
            if answer.get("Errors"):
                raise RetryLater(f"{len(answer['Errors'])} objects were not deleted.")

    def put_json(self, key: str, value: Any) -> None:
        """Store a JSON document."""
        self.put(key, json.dumps(value, ensure_ascii=False).encode(), content_type="application/json")

    def get_json(self, key: str) -> Any:
        """A JSON document that `put_json` stored. Raises `NotFound`."""
        return json.loads(self.get(key))

    def presigned_post(self, key: str, *, size: int, seconds: int, fixed: Mapping[str, str]) -> dict[str, Any]:
        """`url` and `fields` of a form that uploads exactly `size` bytes to this key, within `seconds`."""
        return self.s3.generate_presigned_post(
            self.bucket,
            key,
            Fields=dict(fixed),
            Conditions=[["content-length-range", size, size], *({name: value} for name, value in fixed.items())],
            ExpiresIn=seconds,
        )
