"""What the fields of decisions, commands, statuses and dead-letter headers mean."""

from __future__ import annotations

from connectors.dead_letters import LARGEST_DETAIL, LARGEST_KEPT

DECISION_FIELDS = {
    "schema": "`sluicegate.decision/v1`",
    "id": "rollout:epoch:sequence; a consumer drops an id that it has processed",
    "rollout": "the rollout's name",
    "epoch": "which start of the rollout this is, from 1",
    "sequence": "which decision of the epoch, from 1; with `epoch` the fencing token",
    "action": "`start`, `advance`, `hold`, `pause`, `resume`, `rollback` or `promote`",
    "stage": "the stage after the decision",
    "weights": "the ordered weight of every cohort, in per cent: the complete wanted state",
    "event_time": "the end of the last judged pane, milliseconds since the epoch",
    "reason": "the reason, as text",
    "checks": "the verdicts of that pane: name, verdict, reason, window, figures of both cohorts, e-values; from an "
    "e-value of 10 against the candidate on, `blocks`: how many blocks had bad events (`number`), the ten `largest` "
    "(start, end, by bad events or lost successes, counts of both cohorts, the `factor` by which the e-value grew), "
    "all `others` as one factor, their product (`e_value`), and the `agreement`: the part of the candidate that limits "
    "it; null: none does",
    "combined": "the combined e-value of all comparisons that may roll back, and its threshold; absent without any",
    "confidence": "the error probabilities that the policy allows, of a rollback and of an advance",
    "completeness": "the share of the stage's telemetry that arrived in time, 0 to 1",
    "policy_hash": "the hash of the policy",
    "journal": "the journal record that led to the decision",
    "cohorts": "which cohort is the baseline and which the candidate",
    "escalate": "whether a person is needed",
    "approved_by": "who approved the stage; absent if nobody did",
    "by": "the operator who ordered it; absent if none did",
    "contact": "the policy's owner, runbook and labels; absent if it has none",
}

COMMAND_FIELDS = {
    "schema": "`sluicegate.command/v1`",
    "deadline": "when an ack is due, wall-clock milliseconds since the epoch",
    "expires_at": "when the command expires and must not be carried out, wall-clock milliseconds since the epoch",
}

STATUS_FIELDS = {
    "schema": "`sluicegate.status/v1`",
    "rollout": "the rollout's name",
    "epoch": "which start of the rollout this is, from 1",
    "policy_hash": "the hash of the policy",
    "phase": "`baking`, `held`, `paused`, `rolled_back` or `promoted`",
    "stage": "the stage's name",
    "stage_index": "the stage's place in `stages`, from 0",
    "stages": "every stage: name, weight (0 to 1), bake in milliseconds",
    "baked_ms": "how long the stage has baked, in event time",
    "bake_ms": "how long it must bake",
    "confirmed": "whether the newest order is confirmed",
    "order": (
        "the newest order of weights: who confirmed it, who is missing, each actuator's report, the tries of this "
        "round (`tries` of `of`), whether a round was used up (`overdue`), and when it is sent again (`due`)"
    ),
    "pause": "the pause that goes on: since when, why, causes paged for, next reminder, deadline (worker time)",
    "in_force": "the weights that were last confirmed, by whom and when",
    "cause": "the signal for which the rollout is held or paused",
    "escalate": "whether the last decision pages a person",
    "weights": "the ordered weight of every cohort, in per cent",
    "event_time": "the end of the last judged pane, milliseconds since the epoch",
    "reason": "the last decision's reason; or why none is made any more: a truncated journal, a rollout set aside",
    "decision": "the last decision's id; null before the first, and if the reason is not a decision's",
    "checks": "the last pane's verdicts, as in a decision",
    "combined": "the combined e-value, as in a decision; null without any",
    "confidence": "the error probabilities that the policy allows, of a rollback and of an advance",
    "doubts": "reasons to distrust the split of traffic: users or requests are not split as ordered",
    "notices": "the reasons of checks that FAIL and only notify",
    "passes": "consecutive panes on which every check passed: `so_far` and `needed`",
    "approval": "whether a person must approve the stage (`needed`), and who did (`by`)",
    "sight": "by check with a ratio, the median seconds to detect 1.5, 2 or 5 times the baseline; null: never",
    "blocks": "by check that counts in blocks: evidence for a rollback is looked at next in `left_ms`, when a block of "
    "`length_ms` ends; `rho_s` is how long the baseline's bad events hang together, `phi` by how much they vary more "
    "than independent ones (`stated`: in the policy; `settled`: else mostly assumed); the `agreement` as in a decision",
    "needs": "what an advance needs: `min_requests`, of which each cohort has `requests`, `min_completeness`, and by "
    "check with a ratio the seconds until it passes if the candidate is like the baseline (`pass_s`; null: never)",
    "slis": "the figures of each cohort over its longest window; latencies in milliseconds",
    "completeness": "the share of the stage's telemetry that arrived in time, 0 to 1: its least complete cohort's",
    "min_completeness": "the share of a cohort's events that the policy requires",
    "lately": "a cohort of which too much is missing in the last minute, with its events of that time; null if none",
    "telemetry": "each cohort's events in the stage: counted (`requests`), `late`, `unreadable` but for rollout and "
    "cohort, `refused` for lack of room, `clamped` (counted at their record's time), and the `completeness`",
    "cohorts": "which cohort is the baseline and which the candidate",
    "control": "the last order of an operator: whether it was `accepted`, else the reason; null before the first",
    "owner": "the policy's owner",
    "freeze": "while the rollout is frozen: by whom (null: a freeze window of the policy), why, until when, for which "
    "`label`; else null",
    "usual_age_ms": "how old `event_time` gets at most while all is well, without the length of a pane",
}

NOTICE_FIELDS = {
    "settings_differ": "the workers whose settings are not those of the judge, a text each; absent if none",
    "doubled_actuators": "names that two actuators have by their acks of the last orders; absent if none",
}
"""Fields of a status that the judge adds when there is something to see."""

HEADER_FIELDS = {
    "topic": "the record's place: topic, partition, offset",
    "index": "the element's place within the message, from 0",
    "reason": "the reason as a fixed name, for programs",
    "detail": f"the reason as text, at most {LARGEST_DETAIL:,} characters",
    "key": f"the original key, if it had one of at most {LARGEST_KEPT // 1024} KiB; else `detail` has its size",
    "topic_id": "the id of the topic, where it is known: one that is made again has others at the same places",
    "truncated_from": "the value's size in bytes, if it was cut",
}

FREEZES_FIELDS = {
    "schema": "`sluicegate.freezes/v1`",
    "partition": "the journal partition",
    "partitions": "how many partitions the order was written to, each with an answer of its own",
    "order": "the order that this answers: to freeze, or to end a freeze (`frozen` false)",
    "freezes": "those that were ordered and not ended; `label` null: of all rollouts; `until` null: without an end",
}
