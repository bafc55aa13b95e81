"""`backtest --journal` at the command line: the journal of a real broker, judged again by other policies."""

import json
import uuid
from pathlib import Path

from gates.policy import Policy
from streams import journal
from tests.pipeline.harness import Site
from tests.pipeline.test_why import sluicegate
from tests.streams.offline.backtest.journals import changed, limited, recorded


def written(folder: Path, policy: Policy) -> str:
    """Write the policy into a file."""
    file = folder / f"{policy.hash[-8:]}.yaml"
    file.write_text(json.dumps(policy.document()))
    return str(file)


async def test_a_journal_is_judged_again(embedded_broker: str, tmp_path: Path) -> None:
    """The recorded policy decides the same; another is shown beside it; one for other cohorts judges nothing."""
    lax, strict = limited("20%"), changed(limited("5%"), rollout="another-name")
    async with Site(embedded_broker, f"t{uuid.uuid4().hex[:8]}.") as site:
        for record, _ in recorded(bad=0.5, policy=lax).records:
            await site.producer.send(site.topics.journal, journal.encode(record), partition=1)
        await site.producer.flush()

        code, output, errors = await sluicegate(site, "backtest", "--policy", written(tmp_path, lax), "--journal")
        assert (code, errors) == (0, "")
        assert output.endswith(
            "  the same decisions\n\n1 recorded rollout judged: 0 would have been decided differently\n"
        )

        words = ("backtest", "--policy", written(tmp_path, strict), "--journal", "--rollout", "checkout-v2")
        code, output, errors = await sluicegate(site, *words)
        assert (code, errors) == (0, "")
        assert output.startswith("checkout-v2, epoch 1\n")
        assert "\n  also rolled back, 1s earlier\n" in output
        code, output, errors = await sluicegate(site, *words, "--json")
        (compared,) = json.loads(output)["rollouts"]
        assert (compared["same"], compared["recorded"][-1]["action"], compared["instead"][-1]["action"]) == (
            False,
            "rollback",
            "rollback",
        )

        other = changed(lax, cohorts={"baseline": "v1", "candidate": "v2"})
        code, output, errors = await sluicegate(site, "backtest", "--policy", written(tmp_path, other), "--journal")
        assert (code, output) == (1, "")
        assert errors.startswith("checkout-v2, epoch 1: not judged: its cohorts are canary and stable, and ")

        code, output, errors = await sluicegate(site, *words[:-1], "search")
        assert (code, errors) == (1, "sluicegate: no rollout search in the journal; known: checkout-v2\n")
