"""Reading a status document that another process, perhaps of another version, has written: no field is certain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.words import text

Document = Mapping[str, Any]


def dicts(document: Document, name: str) -> list[Document]:
    """Return the objects in a list of the document; nothing where it is not there or is no list."""
    return [item for item in items(document, name) if isinstance(item, dict)]


def mapping(document: Document, name: str) -> Document:
    """Return an object of the document; an empty one where it is not there or is none."""
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def items(document: Document, name: str) -> list[Any]:
    """Return a list of the document; an empty one where it is not there or is none."""
    found = document.get(name)
    return found if isinstance(found, list) else []


def plain(value: object) -> str:
    """Return any value as words: ``yes``, ``a, b``, ``name value, name value``."""
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            separator = "; " if any(isinstance(item, dict) for item in value) else ", "
            return separator.join(map(plain, value))
        case dict():
            return ", ".join(f"{text(name).replace('_', ' ')} {plain(item)}" for name, item in value.items())
        case _:
            return text(value)
