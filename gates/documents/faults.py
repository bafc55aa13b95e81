"""Faults of a document: one, all of them as an error, and their translation from pydantic."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gates.documents.quantities import shown

Location = tuple[str | int, ...]
Models = Mapping[str, type[BaseModel]]

MOST_FAULTS: Final = 100
"""Of more faults the rest is only counted: a document of half a megabyte can have fifty thousand."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One fault of a document.

    `location` has the keys and list indexes that lead to it (empty: the document itself), `message` what is wrong and
    what to write.
    """

    location: Location
    message: str

    @property
    def path(self) -> str:
        """The location as text, such as `stages[1].weight` or `checks['a b'].limit`; empty for the document."""
        path = ""
        for part in self.location:
            if isinstance(part, int):
                path += f"[{part}]"
            elif _PLAIN_KEY.fullmatch(part):
                path += f".{part}" if path else part
            else:
                path += f"[{part!r}]"
        return path

    def __str__(self) -> str:
        return f"{self.path or 'policy'}: {self.message}"


class PolicyError(ValueError):
    """A document is invalid: its first MOST_FAULTS faults (at least one), and the number of `more`."""

    def __init__(self, faults: tuple[PolicyFault, ...], more: int = 0) -> None:
        self.faults = faults[:MOST_FAULTS]
        self.more = more + len(faults) - len(self.faults)
        rest = [f"and {self.more:,} more"] if self.more else []
        super().__init__("\n".join([*map(str, self.faults), *rest]))


def faults_in_words(error: ValidationError, models: Models) -> Iterator[PolicyFault]:
    """Translate the first MOST_FAULTS errors of pydantic; more would take seconds.

    `models` has the model behind each key of the document (`""` for the document itself, the `sli` word for a check);
    messages take known keys and examples from it.
    """
    for detail in islice(error.errors(include_url=False), MOST_FAULTS):
        location = detail["loc"]
        # Inside a check pydantic puts the sli word after the check's name, and "[key]" where the name itself is wrong.
        if location[-1:] == ("[key]",) or (location[:1] == ("checks",) and location[2:3] and location[2] in models):
            location = (*location[:2], *location[3:])
        yield PolicyFault(*_missing_tag(detail, location, models) or (location, _message(detail, models)))


def _missing_tag(detail: ErrorDetails, location: Location, models: Models) -> tuple[Location, str] | None:
    if detail["type"] not in ("union_tag_not_found", "union_tag_invalid"):
        return None
    *others, last = (word for word, model in models.items() if "sli" in model.model_fields)
    words = f"{', '.join(others)} or {last}"
    if detail["type"] == "union_tag_not_found":
        return (*location, "sli"), f"is missing; write what the check measures: {words}"
    return (*location, "sli"), f"{shown(detail['input'].get('sli'))} is unknown; write {words}"


def _message(detail: ErrorDetails, models: Models) -> str:
    model = _model_around(detail["loc"], models)
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    given = shown(detail["input"])
    match detail["type"]:
        case "value_error":
            return str(detail["ctx"]["error"])
        case "missing":
            return f"is missing; write for example `{key}: {_example(model, key)}`"
        case "extra_forbidden":
            return _unknown_key(key, model)
        case "invalid_key":
            return "is not a key; write keys as text"
        case "literal_error":
            return f"{given} is unknown; write {detail['ctx']['expected'].replace(chr(39), '')}"
        case "tuple_type":
            return f"must be a list, not {given}"
        case "model_type" | "model_attributes_type" | "dict_type" | "mapping_type":
            return f"must be a mapping (`key: value`), not {given}"
        case _:
            return f"{given} cannot be used here: {detail['msg'].lower()}"


def _model_around(location: Location, models: Models) -> type[BaseModel]:
    """Return the model of the last key of `location`: that of the nearest key before it that has one."""
    words = [part for part in location[:-1] if isinstance(part, str) and part in models]
    return models[words[-1]] if words else models[""]


def _keys(model: type[BaseModel]) -> dict[str, str]:
    return {field.alias or name: _written((field.examples or [""])[0]) for name, field in model.model_fields.items()}


def _written(value: object) -> str:
    """An example as it is written in a policy file, on one line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_written(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _example(model: type[BaseModel], key: str) -> str:
    return _keys(model).get(key) or "..."


def _unknown_key(key: str, model: type[BaseModel]) -> str:
    known = _keys(model)
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"is an unknown key; did you mean `{near[0]}`?"
    return f"is an unknown key; remove it, or write one of {', '.join(known)}"
