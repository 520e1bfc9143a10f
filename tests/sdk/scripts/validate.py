"""Documents against Kalshi's specifications: reads [[where, document], ...] from a file, prints what does not fit.

``where`` is `openapi:Schema`, or `asyncapi:payload` of a message. Formats and enums count; unknown keys are an error
where the specification lists the keys of an object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator


def closed(node: object) -> object:
    """OpenAPI 3.0 in the words of JSON Schema, and no key that is not listed."""
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: closed(value) for key, value in node.items()}
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
        if "enum" in made:
            made["enum"] = [*made["enum"], None]
    if made.get("type") == "object" and "properties" in made and "allOf" not in made:
        made.setdefault("additionalProperties", False)
    return made


def load(path: Path) -> dict[str, object]:
    """The schemas of a specification, read once and kept beside it as JSON."""
    kept = path.with_suffix(".json")
    if not kept.exists():
        # The fast one where there is one; both read data and nothing else.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(path.read_bytes())
        text = json.dumps(loader.get_data()["components"]["schemas"], default=str)
        kept.write_text(text)
    return closed(json.loads(kept.read_text()))


def main(folder: str, documents: str) -> None:
    schemas = {name: load(Path(folder) / f"{name}.yaml") for name in ("openapi", "asyncapi")}
    validators = {}
    for where, document in json.loads(Path(documents).read_text()):
        spec, _, name = where.partition(":")
        if where not in validators:
            root = {"components": {"schemas": schemas[spec]}, "$ref": f"#/components/schemas/{name}"}
            validators[where] = Draft202012Validator(root, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for error in validators[where].iter_errors(document):
            print(f"{where}: {'/'.join(map(str, error.path))}: {error.message[:300]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
