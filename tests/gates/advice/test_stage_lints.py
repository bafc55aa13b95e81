"""Lints of the stages: what each one catches, and what it leaves in peace."""

from __future__ import annotations

from typing import Any

import pytest

from gates.advice.lint import lint
from gates.advice.stage_lints import JOURNAL_KEPT_MS
from streams.topics.specs import TOPICS
from tests.gates.good_policy import Document, changed

LATENCY = {"sli": "latency", "quantile": 0.95, "limit": "800ms"}


def stages(*weights: str, bake: str = "10m", **more: Any) -> Document:
    """Stages of these weights."""
    return {"stages": [{"name": f"s{weight[:-1]}", "weight": weight, "bake": bake, **more} for weight in weights]}


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        (
            stages("1%", "100%", warmup="30s"),
            "stages[1].weight",
            "100% is 100 times the 1% of stage s1, so what breaks only under load reaches most users at once; add a "
            "stage between them, such as 10%",
        ),
        (stages("5%", "51%", "100%", warmup="30s"), "stages[1].weight", "51% is 10.2 times the 5% of stage s5"),
        (stages("1%", "5%", "80%", "100%", warmup="30s"), "stages[2].weight", "80% is 16 times the 5% of stage s5"),
        (stages("10%", "100%"), "stages[0].warmup", "is missing: p95 would compare from 0s after the confirmation on"),
        (
            stages("10%", "50%", "100%", bake="12d", warmup="30s"),
            "stages[2].bake",
            "the rollout takes at least 36d1m30s to the end of stage s100, and the journal is kept for 30d by default",
        ),
        (
            stages("10%", "100%", warmup="30s", proof=False),
            "stages[1].proof",
            "is false in every stage, so the candidate is promoted without ever having been shown to be good",
        ),
        (
            {"stages.0.proof": False, "checks.errors.ratio": None, "checks.p95.ratio": None},
            "stages[0].proof",
            "has no effect: no check that must pass compares",
        ),
        (stages("10%", "100%", bake="31d", warmup="30s"), "stages[0].bake", "at least 31d30s to the end of stage s10"),
    ],
)
def test_what_is_odd_is_remarked_once(changes: Document, path: str, words: str) -> None:
    """At the stage, with the figures."""
    found = {remark.path: remark.message for remark in lint(changed(changes))}
    assert [*found] == [path]
    assert words in found[path]


@pytest.mark.parametrize(
    "changes",
    [
        stages("1%", "10%", "100%", warmup="30s"),
        stages("1%", "25%", "100%", warmup="30s"),
        stages("9%", "90%", "100%", warmup="30s"),
        stages("10%", "100%") | {"checks.p95": LATENCY},
        {"stages.0.proof": False},
        stages("10%", "100%") | {"checks.p95.severity": "advisory"},
        stages("10%", "50%", "100%", bake="9d", warmup="1d"),
    ],
)
def test_what_may_well_be_meant_is_not_remarked(changes: Document) -> None:
    """Ten times the weight, a big step among few users, limits alone, and four weeks are nothing odd."""
    assert lint(changed(changes)) == ()


def test_the_journal_is_kept_as_long_as_its_topic() -> None:
    """The gate has no topics, so the number is written there again."""
    assert [spec.retention_ms for spec in TOPICS if spec.short_name == "journal"] == [JOURNAL_KEPT_MS]
