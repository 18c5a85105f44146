"""What Word, PowerPoint and Excel files have in common: parts of XML and the relationships between them."""

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError, XMLParser, fromstring

from quadrille.errors import Unreadable
from quadrille.ingest.reading.archive import opened, part
from quadrille.ingest.reading.extracted import Limits

DAMAGED = "The file is a damaged Office file."
_ENTITIES = "The file declares XML entities, which no Office file does; it is not read."


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship of a part: the last word of its type, and the part it points to, empty for what lies outside."""

    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Package:
    """An Office file. Nothing outside of it is ever looked at."""

    archive: zipfile.ZipFile

    @classmethod
    def of(cls, data: bytes, limits: Limits) -> "Package":
        """The package. Raises `Unreadable` and `TooLarge`."""
        return cls(opened(data, limits))

    def main(self) -> str:
        """The name of the part that is the document; empty if the archive is no Office file."""
        targets = (rel.target for rel in self.relationships("").values() if rel.kind == "officeDocument")
        return next((target for target in targets if target), "")

    def root(self, name: str) -> Element | None:
        """A part's XML; None if there is no such part. Raises `Unreadable`."""
        data = part(self.archive, name)
        if data is None:
            return None
        refuse_entities(data)
        try:
            return fromstring(data, parser=XMLParser())  # noqa: S314 - no entities, so nothing to expand or to fetch
        except (ParseError, ValueError, LookupError) as error:
            raise Unreadable(DAMAGED) from error

    def relationships(self, name: str) -> dict[str, Relationship]:
        """The relationships of a part by their ids; those of the package for an empty name."""
        folder, file = posixpath.split(name)
        root = self.root(posixpath.join(folder, "_rels", f"{file}.rels"))
        found = {}
        for element in root if root is not None else ():
            inside = element.get("TargetMode") != "External"
            target = posixpath.join("/", folder, unquote(element.get("Target", ""))) if inside else ""
            kind = element.get("Type", "").rpartition("/")[2]
            found[element.get("Id", "")] = Relationship(kind, posixpath.normpath(target).lstrip("/") if target else "")
        return found

    def related(self, name: str, kind: str) -> Iterator[Element]:
        """The roots of the parts of one kind that a part points to."""
        for relationship in self.relationships(name).values():
            root = self.root(relationship.target) if relationship.kind == kind and relationship.target else None
            if root is not None:
                yield root


def refuse_entities(data: bytes) -> None:
    """Raise `Unreadable` if XML has a document type: text cannot hold this mark unescaped."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable(_ENTITIES)
    if b"\x00" in data[:4]:
        refuse_entities(data.replace(b"\x00", b""))


def local(element: Element) -> str:
    """An element's name without its namespace: strict and transitional files differ in nothing else."""
    return str(element.tag).rpartition("}")[2]


def attribute(element: Element | None, name: str) -> str | None:
    """An attribute by its name without a namespace."""
    if element is None:
        return None
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), None)


def relationship_id(element: Element) -> str:
    """The attribute `r:id`, which stands beside one that is called `id`, too."""
    return next((value for key, value in element.attrib.items() if key.endswith("}id")), "")


def child(element: Element | None, *path: str) -> Element | None:
    """The first descendant along a path of names, or None."""
    for name in path:
        element = next((inner for inner in element if local(inner) == name), None) if element is not None else None
    return element


def descendants(element: Element, *names: str) -> Iterator[Element]:
    """All descendants of these names, in order."""
    return (inner for inner in element.iter() if local(inner) in names)
