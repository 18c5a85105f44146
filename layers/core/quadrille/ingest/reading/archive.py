"""The ZIP archive an Office file is: opened under limits, before anything in it is unpacked."""

import io
import zipfile
import zlib

from quadrille.errors import TooLarge, Unreadable
from quadrille.ingest.reading.extracted import Limits

_SMALL = 1024 * 1024  # bytes; below this no archive is a bomb
_ENCRYPTED = 0x1
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError)


def opened(data: bytes, limits: Limits) -> zipfile.ZipFile:
    """The archive, if what its directory announces is within the limits. Raises `Unreadable` and `TooLarge`.

    No member unpacks to more than the directory announces: zipfile stops there.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _DAMAGED as error:
        raise Unreadable("The file is a damaged ZIP archive or Office file.") from error
    members = archive.infolist()
    if len(members) > limits.entries:
        raise TooLarge(f"The file holds {len(members)} parts; the limit is {limits.entries}.")
    total = sum(member.file_size for member in members)
    if total > limits.unpacked:
        raise TooLarge(f"The file unpacks to {total} bytes; the limit is {limits.unpacked}.")
    for member in members:
        _check(member, limits)
    return archive


def _check(member: zipfile.ZipInfo, limits: Limits) -> None:
    if member.flag_bits & _ENCRYPTED:
        raise Unreadable("The file is an encrypted ZIP archive: remove its password and upload it again.")
    if member.file_size > max(_SMALL, member.compress_size * limits.expansion):
        raise TooLarge(f"A part of the file unpacks to over {limits.expansion} times its size, which is the limit.")


def part(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """A member's bytes; None if there is none of that name. Raises `Unreadable`."""
    try:
        return archive.read(name)
    except KeyError:
        return None
    except _DAMAGED as error:
        raise Unreadable("The file is a damaged Office file.") from error
