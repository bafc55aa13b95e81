"""Many simulated rollouts, in one process or in several; the number of processes changes only the time it takes."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed

from gates.policy import Policy
from gates.rules import CURRENT
from streams.offline.simulation.run import SimulatedRun, simulate_run
from streams.offline.simulation.scenario import Scenario


def simulate(
    policy: Policy,
    scenario: Scenario,
    runs: int,
    jobs: int = 1,
    seed: int = 0,
    done: Callable[[], object] = lambda: None,
    rules: int = CURRENT,
) -> tuple[SimulatedRun, ...]:
    """Runs 0 to `runs` - 1 of `seed`, in order, on `jobs` processes; `done` is called after each.

    `rules` is the number of the rules that judge. Call it from the main thread: it handles SIGINT. On Ctrl-C the runs
    that have begun are finished first.
    """
    if min(runs, jobs) <= 1:
        return tuple(
            _counted(done, simulate_run(policy, scenario, seed, number, rules=rules)) for number in range(runs)
        )
    document = policy.document()
    pool = ProcessPoolExecutor(min(runs, jobs), multiprocessing.get_context("spawn"))
    try:
        with _ctrl_c_postponed():  # the processes started here inherit the mask, so Ctrl-C reaches only this process
            numbers = {pool.submit(_run, document, scenario, seed, number, rules): number for number in range(runs)}
        found = {numbers[each]: _counted(done, each.result()) for each in as_completed(numbers)}
    finally:
        pool.shutdown(cancel_futures=True)
    return tuple(found[number] for number in range(runs))


@contextlib.contextmanager
def _ctrl_c_postponed() -> Iterator[None]:
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: received.append(number))  # any thread may get it
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, before)
    if received:
        raise KeyboardInterrupt


def _counted(done: Callable[[], object], run: SimulatedRun) -> SimulatedRun:
    done()
    return run


def _run(document: Mapping[str, object], scenario: Scenario, seed: int, number: int, rules: int) -> SimulatedRun:
    return simulate_run(Policy.parse(document), scenario, seed, number, rules=rules)
