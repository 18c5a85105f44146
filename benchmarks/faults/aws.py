"""AWS in a process that outlives the workers: moto's DynamoDB and S3 behind a plain HTTP server.
`python -m benchmarks.faults.aws` makes the tables of template.yaml and prints its port."""

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from moto import mock_aws
from moto.core.models import botocore_stubber
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from benchmarks.faults import tables

_SKIPPED = {"content-length", "date", "server"}


class _Endpoint(BaseHTTPRequestHandler):
    """Hands a client's request to moto as if it had gone to the service the signature names."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        service = self.headers["Authorization"].split("/")[3]
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = f"https://{service}.us-east-1.amazonaws.com{self.path}"
        headers: Any = self.headers
        answer = botocore_stubber("before-send", AWSPreparedRequest(self.command, url, headers, content, False))
        assert answer is not None
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in _SKIPPED:
                self.send_header(name, str(value))
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def handle_expect_100(self) -> bool:
        accepted = super().handle_expect_100()
        self.wfile.flush()
        return accepted

    def log_message(self, *_: Any) -> None:
        pass


def patch_moto() -> None:
    """Mend what moto does otherwise than DynamoDB, and what it does slowly."""
    DynamoType.__add__ = _add_numbers  # type: ignore[method-assign]
    Table.__deepcopy__ = lambda table, _: table  # type: ignore[attr-defined]
    DynamoDBBackend.transact_write_items = _transact  # type: ignore[method-assign,assignment]


def _add_numbers(one: DynamoType, other: DynamoType) -> DynamoType:
    """moto takes 2E-7 for an integer and fails; DynamoDB does not."""
    return DynamoType({"N": str(Decimal(one.value) + Decimal(other.value))})


_transact_in_place = DynamoDBBackend.transact_write_items


def _transact(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """moto copies whole tables to undo a transaction; this copies the rows it touches."""
    before = [(table, key, deepcopy(table.get_item(*key))) for table, key in _touched(backend, transact_items)]
    try:
        _transact_in_place(backend, transact_items)
    except Exception:
        for table, key, item in before:
            _put_back(table, *key, item)
        raise


def _touched(
    backend: DynamoDBBackend, transact_items: list[dict[str, Any]]
) -> Iterator[tuple[Table, tuple[DynamoType, DynamoType | None]]]:
    for write in (next(iter(item.values())) for item in transact_items):
        table = backend.tables[write["TableName"]]
        values = write.get("Key") or write["Item"]
        sort = DynamoType(values[table.range_key_attr]) if table.range_key_attr else None
        yield table, (DynamoType(values[table.hash_key_attr]), sort)


def _put_back(table: Table, partition: DynamoType, sort: DynamoType | None, item: Any) -> None:
    rows: Any = table.items if sort is None else table.items[partition]
    key = partition if sort is None else sort
    if item is not None:
        rows[key] = item
        return
    with suppress(KeyError):
        del rows[key]


def main() -> None:
    patch_moto()
    with mock_aws(), ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint) as server:
        tables.make()
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
