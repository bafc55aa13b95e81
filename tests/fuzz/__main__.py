"""The fuzz targets for longer: `python -m tests.fuzz SECONDS [TARGET ...]`, which is what `make fuzz` runs.

atheris (libFuzzer: guided by coverage) has SECONDS for each target, in a process of its own, two at a time; what it
prints is shown where a promise was broken. Where it is not installed,
hypothesis draws EXAMPLES_A_SECOND times as many examples instead. What was found, and inputs worth keeping, stand in
`.hypothesis/fuzz`; a finding is run again by `python -m tests.fuzz FILE TARGET`.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(".hypothesis/fuzz")
EXAMPLES_A_SECOND = 50
ONE = "--one"  # how this module calls itself: a run of atheris ends its process
LONGEST_SECONDS = 20
LARGEST_MB = 2_048
AT_ONCE = 2


def main(arguments: Sequence[str]) -> int:
    """Run the targets; 0 if every promise was kept."""
    if arguments[:1] == [ONE]:
        _fuzz(arguments[1], arguments[2:])
        return 0
    what, *chosen = arguments or ["30"]
    from tests.fuzz.targets import TARGETS

    unknown = set(chosen) - TARGETS.keys()
    if unknown:
        sys.exit(f"no target {', '.join(sorted(unknown))}: there are {', '.join(TARGETS)}")
    if Path(what).is_file():
        TARGETS[chosen[0]](Path(what).read_bytes())
        return 0
    if importlib.util.find_spec("atheris") is None:
        return _hypothesis(int(what) * EXAMPLES_A_SECOND, chosen)
    names = chosen or list(TARGETS)
    _print(f"atheris, {what} seconds a target, {AT_ONCE} at a time")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        kept = list(pool.map(lambda name: _atheris(name, int(what)), names))
    failed = [name for name, good in zip(names, kept, strict=True) if not good]
    _print(f"promises broken: {', '.join(failed)}; see {FOLDER}" if failed else "every promise was kept")
    return 1 if failed else 0


def _atheris(name: str, seconds: int) -> bool:
    """Fuzz one target in a process of its own; returns whether it kept its promises."""
    from tests.fuzz.targets import samples

    corpus = FOLDER / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, sample in enumerate(samples()[name]):
        (corpus / f"sample-{number}").write_bytes(sample)
    bounds = [f"-max_total_time={seconds}", f"-timeout={LONGEST_SECONDS}", f"-rss_limit_mb={LARGEST_MB}"]
    out = [f"-artifact_prefix={FOLDER}/{name}-", "-max_len=16384", "-print_final_stats=1", "-verbosity=0"]
    run = [sys.executable, "-m", "tests.fuzz", ONE, name, *bounds, *out, str(corpus)]
    done = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + 120)
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        _print("\n".join(line for line in output.splitlines() if not line.startswith("INFO: Instrumenting")))
    inputs = re.search(r"number_of_executed_units: +(\d+)", output)
    _print(f"{name}: {int(inputs[1]) if inputs else 0:,} inputs, {'BROKEN' if done.returncode else 'kept'}")
    return done.returncode == 0


def _fuzz(name: str, options: Sequence[str]) -> None:
    """Run one target under atheris, which ends the process."""
    import atheris

    with atheris.instrument_imports(include=["connectors", "gates", "streams", "yaml"]):
        from tests.fuzz.targets import TARGETS, bent

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        """Bend it as a writer of JSON would, or as libFuzzer does: the parsers in C are not seen by its coverage."""
        drawn = random.Random(seed)
        if drawn.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return bent(bytes(data), lambda last: drawn.randint(0, last))[:most]

    atheris.Setup(["fuzz", *options], TARGETS[name], custom_mutator=mutated)
    atheris.Fuzz()


def _hypothesis(examples: int, chosen: Sequence[str]) -> int:
    """Run the fast suite's test with many examples."""
    _print(f"atheris is not installed: hypothesis instead, {examples} examples a target")
    only = ["-k", " or ".join(f"[{name}]" for name in chosen)] if chosen else []
    return subprocess.run(
        [sys.executable, "-m", "pytest", "tests/fuzz", *only],
        env=os.environ | {"SLUICEGATE_FUZZ_EXAMPLES": str(examples)},
    ).returncode


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
