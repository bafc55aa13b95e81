"""Many simulated rollouts, in one process or in several; how many changes how long it takes, and nothing else."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed

from gates.policy import Policy
from streams.offline.simulation.run import Run, simulate_run
from streams.offline.simulation.scenario import Scenario


def simulate(
    policy: Policy,
    scenario: Scenario,
    runs: int,
    jobs: int = 1,
    seed: int = 0,
    done: Callable[[], object] = lambda: None,
) -> tuple[Run, ...]:
    """Runs 0 to `runs` - 1 of `seed`, in order, on `jobs` processes; `done` is called after each.

    To be called from the main thread. When interrupted, it lets the runs under way come to their end.
    """
    if min(runs, jobs) <= 1:
        return tuple(_called(done, simulate_run(policy, scenario, seed, number)) for number in range(runs))
    document = policy.document()
    pool = ProcessPoolExecutor(min(runs, jobs), multiprocessing.get_context("spawn"))
    try:
        with _ctrl_c_put_off():  # for good in the processes started here, which inherit that: it is not their business
            numbers = {pool.submit(_run, document, scenario, seed, number): number for number in range(runs)}
        found = {numbers[each]: _called(done, each.result()) for each in as_completed(numbers)}
    finally:
        pool.shutdown(cancel_futures=True)
    return tuple(found[number] for number in range(runs))


@contextlib.contextmanager
def _ctrl_c_put_off() -> Iterator[None]:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))  # on whichever thread it comes
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


def _called(done: Callable[[], object], run: Run) -> Run:
    done()
    return run


def _run(document: Mapping[str, object], scenario: Scenario, seed: int, number: int) -> Run:
    return simulate_run(Policy.parse(document), scenario, seed, number)
