"""What the fields of decisions, commands, statuses and dead-letter headers mean."""

from __future__ import annotations

from connectors.dead_letters import LARGEST_DETAIL, LARGEST_KEPT

DECISION_FIELDS = {
    "schema": "`sluicegate.decision/v1`",
    "id": "rollout:epoch:sequence; a consumer drops what it has seen",
    "rollout": "the rollout's name",
    "epoch": "which start of the rollout this is, from 1",
    "sequence": "which decision of the epoch, from 1; with `epoch` the fencing token",
    "action": "`start`, `advance`, `hold`, `pause`, `resume`, `rollback` or `promote`",
    "stage": "the stage it now stands at",
    "weights": "the traffic that every cohort shall now have, in per cent: the whole wanted state",
    "event_time": "until when events were judged, milliseconds since the epoch",
    "reason": "why, in words",
    "checks": "the verdicts that caused it: name, verdict, reason, window, figures of both cohorts, e-values",
    "combined": "all comparisons that may roll back as one e-value, and what it must reach; absent without any",
    "confidence": "the error probabilities that the policy allows, of a rollback and of an advance",
    "completeness": "the share of the telemetry that was judged in time, 0 to 1",
    "policy_hash": "the policy it was judged by",
    "journal": "the journal record that caused it",
    "cohorts": "which cohort is the baseline and which the candidate",
    "escalate": "whether a person is needed",
    "approved_by": "who approved the stage; absent if nobody did",
    "by": "the operator who ordered it; absent if none did",
    "contact": "the policy's owner, runbook and labels; absent if it has none",
}

COMMAND_FIELDS = {
    "schema": "`sluicegate.command/v1`",
    "deadline": "when an ack is due, wall-clock milliseconds since the epoch",
    "expires_at": "from when on it must not be carried out any more, wall-clock milliseconds since the epoch",
}

STATUS_FIELDS = {
    "schema": "`sluicegate.status/v1`",
    "rollout": "the rollout's name",
    "epoch": "which start of the rollout this is, from 1",
    "policy_hash": "the policy it runs by",
    "phase": "`baking`, `held`, `paused`, `rolled_back` or `promoted`",
    "stage": "the stage's name",
    "stage_index": "the stage's place in `stages`, from 0",
    "stages": "every stage: name, weight (0 to 1), bake in milliseconds",
    "baked_ms": "how long the stage has stood the test, in event time",
    "bake_ms": "how long it must",
    "confirmed": "whether an actuator acknowledged the stage's weights",
    "weights": "the traffic that every cohort shall have, in per cent",
    "event_time": "until when events were judged, milliseconds since the epoch",
    "reason": "the last decision's reason; or, where nothing is decided any more, why: the journal was truncated",
    "decision": "the last decision's id; null before the first, and where the reason is not a decision's",
    "checks": "the last pane's verdicts, as in a decision",
    "combined": "what the comparisons say together, as in a decision; null without any",
    "confidence": "the error probabilities that the policy allows, of a rollback and of an advance",
    "doubts": "why the data is not to be trusted, in words: users or requests not split as ordered",
    "notices": "the reasons of checks that FAIL and only notify",
    "passes": "panes in a row on which nothing was missing: `so_far` and `needed`",
    "approval": "whether a person must approve the stage (`needed`), and who did (`by`)",
    "sight": "by comparing check, the median seconds to see 1.5, 2 and 5 times the baseline's figure; null: never",
    "slis": "the figures of each cohort over its longest window; latencies in milliseconds",
    "completeness": "the share of the telemetry that was judged in time, 0 to 1",
    "cohorts": "which cohort is the baseline and which the candidate",
    "control": "what became of the last operator's order: `accepted`, or refused with a reason; null before the first",
    "owner": "the policy's owner",
}

HEADER_FIELDS = {
    "topic": "where it was found: topic, partition, offset",
    "index": "its place within the message, from 0",
    "reason": "why it was refused, a word for machines",
    "detail": f"the same in words, at most {LARGEST_DETAIL:,} characters",
    "key": f"the original key, if it had one of at most {LARGEST_KEPT // 1024} KiB; else `detail` says so",
    "truncated_from": "the value's size in bytes, if it was cut",
}
