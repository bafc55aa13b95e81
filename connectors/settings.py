"""Settings that report every fault at once, in plain English and without secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

UNFIT = "unfit"
"""The type of a fault from `StrictSettings.faults`; the message is enough without the input."""

WRONG: Final = object()
"""Stands for a value of a wrong type, which has a fault already."""

_TITLE = "sluicegate settings"


class _Variables(EnvSettingsSource):
    """The environment; a list that is not JSON stays as it is, and is a fault among others."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class StrictSettings(BaseSettings):
    """Each field is read from `SLUICEGATE_` and its name in capitals; errors never contain values."""

    model_config = SettingsConfigDict(env_prefix="SLUICEGATE_", extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def faults(cls, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """The faults beyond wrong types: the name of a field, and what is wrong with it.

        `given` has the values as they were given, and `WRONG` for one of a wrong type; an absent one has its default.
        """
        yield from ()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before variables."""
        return init_settings, _Variables(settings_cls)

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
            lines = [_line_of(fault) for fault in found]
            wrong = {fault["loc"][0] for fault in found if fault["loc"]}
            values = {name: WRONG if name in wrong else value for name, value in given.items()}
        lines += [_line(UNFIT, (name,), message, None) for name, message in cls.faults(values)]
        if made is None or lines:
            raise ValidationError.from_exception_data(_TITLE, lines, hide_input=True)
        return made


def _line_of(fault: ErrorDetails) -> InitErrorDetails:
    """The fault that pydantic found, in words that fit a variable."""
    if fault["type"] == "tuple_type" and isinstance(fault["input"], str):
        return _line(UNFIT, fault["loc"], "is not a JSON list; `sluicegate settings` shows the form", None)
    return _line(fault["type"], fault["loc"], fault["msg"], fault["input"])


def _line(kind: str, where: tuple[int | str, ...], message: str, given: object) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(kind, "{message}", {"message": message}), loc=where, input=given)
