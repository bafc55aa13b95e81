"""The view of a rollout in a terminal."""

import io
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console, RenderableType

from gates.decisions import Decision
from streams.judge.outputs import RolloutStatus
from streams.views.rollout import rollout_view, rollouts_table
from tests.streams.views import stories
from tools.topics_page import examples


def text_of(view: RenderableType, width: int = 110) -> str:
    """Render to plain text."""
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(view)
    return console.export_text()


def words_of(view: RenderableType, width: int = 110) -> str:
    """The rendered words, without frames and line breaks."""
    return " ".join(text_of(view, width).replace("│", " ").split())


@pytest.fixture(scope="module")
def status() -> Mapping[str, Any]:
    """A status while the first stage bakes."""
    return examples.status()


@pytest.fixture(scope="module")
def ended() -> Mapping[str, Any]:
    """The last status, after the rollback."""
    return [one.document for one in examples.outcomes() if isinstance(one, RolloutStatus)][-1]


@pytest.fixture(scope="module")
def decisions() -> list[Mapping[str, Any]]:
    """All decisions."""
    return [one.document() for one in examples.outcomes() if isinstance(one, Decision)]


def test_a_baking_rollout(status: Mapping[str, Any]) -> None:
    """Stage, bake, weights, figures and what is missing are all there."""
    text = words_of(rollout_view(status, []))
    for words in (
        "checkout-v2 epoch 1 baking",
        "● canary 10% ○ full 100% (1 of 2)",
        "1s of 1m, 59s left",
        "ordered stable 90%, canary 10% confirmed by replay",
        "in force stable 90%, canary 10%, by replay, since 2026-01-01",
        "telemetry canary 100% complete, 20 events stable 100% complete, 180 events",
        "until 00:00:01Z",
        "errors INCONCLUSIVE 0% (20 req) 0.56% (180 req)",
        str(status["checks"][0]["reason"]),
    ):
        assert words in text


def test_a_rollback(ended: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """The end has its reason, and the decisions stand below, the newest last."""
    text = words_of(rollout_view(ended, decisions))
    assert "checkout-v2 epoch 1 rolled back" in text
    assert "errors FAIL 27.9% (140 req)" in text
    assert f"00:00:07Z rollback canary 100 / 0 {decisions[-1]['reason']}" in text
    assert text.index("00:00:00Z start") < text.index("00:00:07Z rollback")


def test_now_shows_how_fresh_it_is(status: Mapping[str, Any]) -> None:
    """With the time of day the view has the age of the last pane; without it the view is the same each time."""
    assert "until 00:00:01Z, 4s ago" in words_of(rollout_view(status, [], now=status["event_time"] + 4_000))
    assert text_of(rollout_view(status, [])) == text_of(rollout_view(status, []))


def test_only_the_latest_decisions(status: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """`latest` bounds the list of decisions."""
    many = [{**decisions[0], "reason": f"number {number}."} for number in range(10)]
    text = words_of(rollout_view(status, many, latest=2))
    assert "number 7." not in text
    assert "number 8." in text
    assert "number 9." in text


def test_before_the_first_status() -> None:
    """Without a status there is a picture all the same."""
    assert "waiting for the first status" in text_of(rollout_view({}, []))


def test_a_narrow_terminal(ended: Mapping[str, Any], decisions: list[Mapping[str, Any]]) -> None:
    """Nothing is wider than the terminal."""
    lines = text_of(rollout_view(ended, decisions), width=60).splitlines()
    assert max(map(len, lines)) == 60


def test_all_rollouts(status: Mapping[str, Any], ended: Mapping[str, Any]) -> None:
    """The list has a row for each rollout."""
    text = words_of(rollouts_table([status, ended]), 160)
    assert "checkout-v2 baking canary (1 of 2) stable 90%, canary 10% yes 59s" in text
    assert "checkout-v2 rolled back canary (1 of 2) stable 100%, canary 0% yes -" in text


def test_an_order_that_failed() -> None:
    """Its end is not shown as done; both actuators are named with their words; what was confirmed before is apart."""
    text = words_of(rollout_view(*stories.failed()))
    for words in (
        "checkout-v2 epoch 1 rolled back, not confirmed",
        "ordered stable 100%, canary 0% not confirmed, try 2 of 3, sent again at 00:00:14Z haproxy-eu failed: ",
        "haproxy-us failed: RuntimeError: haproxy did not reload last confirmed stable 90%, canary 10%, by haproxy-eu,",
    ):
        assert words in text
    assert "in force" not in text


def test_an_order_that_one_of_two_confirmed() -> None:
    """It is not in force: who confirmed it, who failed, and that nothing was confirmed before."""
    text = words_of(rollout_view(*stories.half_confirmed()))
    for words in (
        "not confirmed, try 3 of 3, waited for until 00:00:08Z confirmed by haproxy-eu only haproxy-us failed: Conn",
        "last confirmed none in this epoch",
    ):
        assert words in text
    assert "in force" not in text


def test_an_order_whose_tries_are_used_up_and_one_that_is_done() -> None:
    """A needed actuator that has not reported is named; a confirmed rollback is in force."""
    text = words_of(rollout_view(*stories.overdue()))
    assert "not confirmed, 3 tries used up, sent again at" in text
    assert "confirmed by haproxy-eu only haproxy-us has not reported" in text
    done = words_of(rollout_view(*stories.confirmed()))
    assert "rolled back ─" in done
    assert "in force stable 100%, canary 0%, by haproxy-eu, haproxy-us, since 2026-01-01 00:00:09Z" in done


def test_orders_in_the_list(status: Mapping[str, Any]) -> None:
    """Each rollout has the state of its newest order; where there is none, or no record of it, that is shown."""
    text = words_of(rollouts_table([stories.failed()[0], stories.overdue()[0]]), 160)
    assert "no, try 2 of 3" in text
    assert "no, 3 tries used up" in text
    earlier = {name: value for name, value in status.items() if name not in ("order", "in_force", "telemetry")}
    assert "canary 10% unknown" in words_of(rollouts_table([earlier]), 160)
    assert "(1 of 2) - 59s" in words_of(rollouts_table([{**status, "order": None, "weights": {}}]), 160)
    assert "ordered stable 90%, canary 10% who confirmed it is unknown: the status" in words_of(
        rollout_view(earlier, [])
    )


def test_a_cohort_of_which_three_of_four_events_cannot_be_read(status: Mapping[str, Any]) -> None:
    """The cohort and the cause are named beside its completeness."""
    counts = {"requests": 100, "late": 0, "unreadable": 300, "refused": 0, "clamped": 0, "completeness": 0.25}
    text = words_of(rollout_view({**status, "telemetry": {**status["telemetry"], "canary": counts}}, []))
    assert "telemetry canary 25% complete: 300 of 400 events could not be read stable 100% complete, 180 events" in text


def test_markup_and_escapes_from_a_topic_are_text(status: Mapping[str, Any]) -> None:
    """What others wrote cannot steer the terminal, neither by rich's markup nor by escape sequences."""
    hostile = {**status, "reason": "[bold]hi[/bold] \x1b[2J\x07"}
    text = text_of(rollout_view(hostile, []))
    assert "[bold]hi[/bold] \ufffd[2J\ufffd" in text
    assert "\x1b" not in text


def test_a_freeze_is_shown(status: Mapping[str, Any]) -> None:
    """In the picture with who, until when and why; in the list beside the phase."""
    frozen = {**status, "freeze": {"by": "ann", "reason": "peak sales", "label": None, "until": 1_767_225_660_000}}
    text = "freeze rollouts are frozen by ann until 2026-01-01 00:01:00Z (reason: peak sales)"
    assert text in words_of(rollout_view(frozen, []))
    assert "freeze" not in words_of(rollout_view(status, []))
    assert "baking, frozen" in text_of(rollouts_table([frozen]), 160)


def test_a_pause(status: Mapping[str, Any]) -> None:
    """Since when, and what the policy does about it; a policy without reminder and deadline has neither."""
    pause = {"since": 1767225605_250, "reason": "ann ordered pause", "paged": [], "remind_at": None, "deadline": None}
    text = words_of(rollout_view({**status, "phase": "paused", "pause": pause}, []))
    assert "pause since 2026-01-01 00:00:05Z check" in text
    timed = {**pause, "remind_at": 1767240005_250, "deadline": 1767312005_250}
    text = words_of(rollout_view({**status, "phase": "paused", "pause": timed}, []))
    assert "00:00:05Z, next reminder 2026-01-01 04:00:05Z, deadline 2026-01-02 00:00:05Z" in text


def test_a_rollout_that_an_order_ended(status: Mapping[str, Any]) -> None:
    """Only stages that were passed have a tick, and the bake stands where it was; nothing is left of it."""
    stages = [{"name": name, "weight": weight} for name, weight in (("tenth", 0.1), ("half", 0.5), ("most", 0.9))]
    promoted = {
        **status,
        "phase": "promoted",
        "stages": stages,
        "stage_index": 1,
        "bake_ms": 30_000,
        "baked_ms": 22_000,
        "passes": {"so_far": 5, "needed": 1},
    }
    text = words_of(rollout_view(promoted, []))
    assert "✓ tenth 10% ● half 50% ○ most 90% (2 of 3)" in text
    assert "22s of 30s ordered" in text
    last = {**promoted, "stage_index": 2}
    assert "● most 90% (3 of 3)" in words_of(rollout_view(last, []))
    baked = {**last, "baked_ms": 30_250}
    text = words_of(rollout_view(baked, []))
    assert "✓ most 90% (3 of 3)" in text
    assert "30s of 30s, done" in text
    lacking = {**baked, "passes": {"so_far": 0, "needed": 1}}
    assert "● most 90% (3 of 3)" in words_of(rollout_view(lacking, []))


def test_a_rollout_that_nobody_judges(status: Mapping[str, Any]) -> None:
    """During an outage the list and the picture show for how long the phase may be out of date; an end stays one."""
    now = status["event_time"] + 241_000
    assert "baking, not judged for 4m1s" in words_of(rollouts_table([status], now), 160)
    assert "baking, not judged for 4m1s" in words_of(rollout_view(status, [], now))
    for recent in (None, status["event_time"] + 15_999):
        assert "not judged" not in words_of(rollouts_table([status], recent), 160)
    assert "baking, not judged for 16s" in words_of(rollouts_table([status], status["event_time"] + 16_000), 160)
    ended = {**status, "phase": "promoted", "order": None, "weights": {}}
    assert "not judged" not in words_of(rollouts_table([ended], now), 160)


def test_settings_that_differ(status: Mapping[str, Any]) -> None:
    """Each worker with other settings than the judge has a line."""
    text = words_of(rollout_view({**status, "settings_differ": ["worker w2 has max_future_ms 5, here 60000"]}, []))
    assert "settings differ worker w2 has max_future_ms 5, here 60000" in text


def test_two_actuators_of_one_name(status: Mapping[str, Any]) -> None:
    """Shown beside the confirmation that they put in doubt."""
    doubled = {**status, "doubled_actuators": ["haproxy"]}
    text = words_of(rollout_view(doubled, []))
    assert "actuators two actuators are named haproxy; the ack of either confirms for both" in text
    assert "yes, two actuators are named haproxy" in words_of(rollouts_table([doubled]), 200)


def test_a_time_ahead_of_the_clock_has_its_date(status: Mapping[str, Any]) -> None:
    """It is never 0 s ago: the clock of a worker was wrong, or the one here is."""
    text = words_of(rollout_view(status, [], now=status["event_time"] - 86_400_000))
    assert "judged until 2026-01-01 00:00:01Z, 1d ahead of the clock here" in text
    assert "0s ago" not in text
    assert "baking, judged until 2026-01-01 00:00:01Z, 1d ahead" in text
