"""Where a stage leaves its work for the next."""

from quadrille.messages import DocumentVersion


def work_key(version: DocumentVersion, name: str) -> str:
    """The object key of one piece of a version's work."""
    return f"{work_prefix(version)}{version.version}/{name}.json"


def range_key(version: DocumentVersion, number: int) -> str:
    """The object key of what OCR read on a range of a version's pages."""
    return work_key(version, f"ocr/{number}")


def batch_key(version: DocumentVersion, batch: int) -> str:
    """The object key of one batch of a version's chunks."""
    return work_key(version, f"batches/{batch}")


def part_key(version: DocumentVersion, level: int, part: int) -> str:
    """The object key of the text of one part to summarize."""
    return work_key(version, f"parts/{level}-{part}")


def summary_key(version: DocumentVersion, level: int, part: int) -> str:
    """The object key of one part's summary."""
    return work_key(version, f"summaries/{level}-{part}")


def work_prefix(version: DocumentVersion) -> str:
    """What the keys of all versions of a document begin with."""
    return f"work/{version.tenant}/{version.document_id}/"


def version_of(key: str) -> int:
    """The version whose work an object is."""
    return int(key.split("/")[3])
