"""The JSON Schema of a policy document, for editors: what pydantic makes of the models, tidied up."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_UNUSED = ("title", "discriminator")
"""What pydantic adds and no editor uses."""


def schema_of(model: type[BaseModel]) -> dict[str, object]:
    """The schema of what `model` reads, with defaults as they are written."""
    made = model.model_json_schema(by_alias=True, mode="serialization")
    definitions = {name: _schema(each) for name, each in made.pop("$defs").items()}
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Sluicegate policy",
        "description": "Everything that the gate uses to judge one rollout.",
    }
    return {**_schema(made), **head, "$defs": definitions}


def _schema(made: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as it should be."""
    kept = {key: value for key, value in made.items() if key not in _UNUSED and (key, value) != ("default", None)}
    if "properties" in kept:
        kept["properties"] = {key: _property(each) for key, each in kept["properties"].items()}
    if "description" in kept:
        kept["description"] = _plain(kept["description"])
    return kept


def _property(made: Mapping[str, Any]) -> dict[str, Any]:
    kept = _schema(made)
    # None is the default of a missing key only: a key without a value is a fault.
    kinds = [kind for kind in kept.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del kept["anyOf"]
        kept |= kinds[0]
    for pattern, inner in kept.get("patternProperties", {}).items():
        kept["patternProperties"] = {pattern: _schema(inner)}
    return kept


def _plain(text: str) -> str:
    """A docstring with the keys as they are in a document, one line a paragraph."""
    written = re.sub(r"`(\w+)_ms`", r"`\1`", text)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", written)
