"""Settings that tell every fault at once, in plain words, and no secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

UNFIT = "unfit"
"""The type of a fault that `TellingSettings.faults` told; its input is not worth showing."""

WRONG: Final = object()
"""In the place of a value that is told to be of a wrong type."""

_TOLD = "sluicegate settings"


class TellingSettings(BaseSettings):
    """Each field is read from `SLUICEGATE_` and its name in capitals; values never show in what pydantic raises."""

    model_config = SettingsConfigDict(env_prefix="SLUICEGATE_", extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def faults(cls, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The name of a field and what is wrong with it, beyond its type.

        `given` has values as they were given; `WRONG` stands for one of a wrong type; what is absent has its default.
        """
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _tell_all(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        lines: list[InitErrorDetails] = []
        made: Self | None = None
        try:
            made = handler(given)
            values: Mapping[str, Any] = vars(made)
        except ValidationError as error:
            if error.title == _TOLD:  # it was validated twice, as by model_validate: once is enough
                raise
            found = error.errors(include_url=False)
            lines = [_line(fault["type"], fault["loc"], fault["msg"], fault["input"]) for fault in found]
            wrong = {fault["loc"][0] for fault in found if fault["loc"]}
            values = {name: WRONG if name in wrong else value for name, value in given.items()}
        lines += [_line(UNFIT, (name,), words, None) for name, words in cls.faults(values)]
        if made is None or lines:
            raise ValidationError.from_exception_data(_TOLD, lines, hide_input=True)
        return made


def _line(kind: str, where: tuple[int | str, ...], words: str, given: object) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(kind, "{words}", {"words": words}), loc=where, input=given)
