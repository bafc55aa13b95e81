"""The one list of SLIs. A new SLI is a new file beside this one, an import and a line of `AnyCheck`."""

from collections.abc import Mapping
from typing import Annotated, get_args

from pydantic import Field

from gates.slis.burn_rate import BurnRateCheck
from gates.slis.coverage import CoverageCheck
from gates.slis.definition import CheckDefinition
from gates.slis.error_rate import ErrorRateCheck
from gates.slis.latency import LatencyCheck
from gates.slis.metric import MetricCheck
from gates.slis.success_rate import SuccessRateCheck
from gates.slis.traffic_share import ThroughputShareCheck

AnyCheck = (
    ErrorRateCheck
    | SuccessRateCheck
    | LatencyCheck
    | MetricCheck
    | BurnRateCheck
    | CoverageCheck
    | ThroughputShareCheck
)
TaggedCheck = Annotated[AnyCheck, Field(discriminator="sli")]


def _word(model: type[CheckDefinition]) -> str:
    (word,) = get_args(model.model_fields["sli"].annotation)
    return str(word)


CHECK_MODELS: Mapping[str, type[CheckDefinition]] = {_word(model): model for model in get_args(AnyCheck)}
"""The definition of each SLI, by its `sli` word."""
