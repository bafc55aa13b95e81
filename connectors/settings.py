"""Settings that report every fault at once, in plain English and without secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

UNFIT = "unfit"
"""The type of a fault from `StrictSettings.faults`; the message is enough without the input."""

WRONG: Final = object()
"""Stands for a value of a wrong type, which has a fault already."""

_TITLE = "sluicegate settings"


class StrictSettings(BaseSettings):
    """Each field is read from `SLUICEGATE_` and its name in capitals; errors never contain values."""

    model_config = SettingsConfigDict(env_prefix="SLUICEGATE_", extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def faults(cls, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The faults beyond wrong types: the name of a field, and what is wrong with it.

        `given` has the values as they were given, and `WRONG` for one of a wrong type; an absent one has its default.
        """
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _report_all(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        lines: list[InitErrorDetails] = []
        made: Self | None = None
        try:
            made = handler(given)
            values: Mapping[str, Any] = vars(made)
        except ValidationError as error:
            if error.title == _TITLE:  # model_validate validates twice; the faults are complete the first time
                raise
            found = error.errors(include_url=False)
            lines = [_line(fault["type"], fault["loc"], fault["msg"], fault["input"]) for fault in found]
            wrong = {fault["loc"][0] for fault in found if fault["loc"]}
            values = {name: WRONG if name in wrong else value for name, value in given.items()}
        lines += [_line(UNFIT, (name,), message, None) for name, message in cls.faults(values)]
        if made is None or lines:
            raise ValidationError.from_exception_data(_TITLE, lines, hide_input=True)
        return made


def _line(kind: str, where: tuple[int | str, ...], message: str, given: object) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(kind, "{message}", {"message": message}), loc=where, input=given)
