"""The charts of an Office file, as tables of the values that are kept with them."""

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from quadrille.ingest.reading import tables
from quadrille.ingest.reading.ooxml import Package, Relationship, descendants, relationship_id


def charts(package: Package, element: Element, related: Mapping[str, Relationship]) -> Iterator[str]:
    """The title and the table of each chart within an element."""
    for chart in descendants(element, "chart"):
        relationship = related.get(relationship_id(chart))
        root = package.root(relationship.target) if relationship and relationship.target else None
        series = list(descendants(root, "ser")) if root is not None else []
        if root is not None and series:
            title = " ".join(text.text or "" for text in descendants(root, "t")) or "Chart"
            yield f"{title}\n\n{_table(series)}"


def _table(series: list[Element]) -> str:
    columns = [_points(*descendants(series[0], "cat", "xVal"))]
    names = [""]
    for one in series:
        names.append(" ".join(_points(*descendants(one, "tx"))))
        columns.append(_points(*descendants(one, "val", "yVal")))
    length = max(map(len, columns))
    rows = [[column[place] if place < len(column) else "" for column in columns] for place in range(length)]
    return tables.markdown([names, *rows])


def _points(*elements: Element) -> list[str]:
    return [_plain(value.text or "") for element in elements[:1] for value in descendants(element, "v")]


def _plain(value: str) -> str:
    """A value without the last digits of binary fractions: 4.4 and not 4.4000000000000004."""
    try:
        return f"{float(value):.15g}" if "." in value else value
    except ValueError:
        return value
