"""Reading a reply as it comes, without being deaf to all else while nothing comes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

T_co = TypeVar("T_co", covariant=True)


class Stream(Protocol[T_co]):
    """What comes piece by piece, until it is closed."""

    def __iter__(self) -> Iterator[T_co]:
        """The pieces."""

    def close(self) -> None:
        """Let go of it."""


def arrivals(stream: Stream[T_co], *, every: float) -> Iterator[T_co | None]:
    """What a stream gives, as it comes, and None whenever nothing came for `every` seconds. Raises what it raises.

    A thread of its own reads, for a read that blocks can be neither left nor given another timeout.
    """
    pieces = iter(stream)
    reader = ThreadPoolExecutor(1)
    try:
        coming = reader.submit(next, pieces, None)
        while True:
            if not wait([coming], timeout=every).done:
                yield None
                continue
            piece = coming.result()
            if piece is None:
                return
            yield piece
            coming = reader.submit(next, pieces, None)
    finally:
        reader.submit(stream.close)
        reader.shutdown(wait=False)
