# Every target installs what it needs. A fresh machine needs Python 3.11 to 3.13, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-kafka test-slow test-faults test-cluster fuzz audit-deps soak bench bench-judges bench-evidence bench-memory check hooks format docs clean

help:            ## list the targets
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "sluicegate needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "setting up $(VENV) (once; a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)   ## watch a bad canary being detected and rolled back (one minute)
	@$(BIN)/sluicegate demo $(ARGS)

test: $(READY)   ## the fast suites: unit, property, golden, pipeline on the embedded broker; COVERAGE=1 measures branches
	@rm -rf .coverage
	$(BIN)/pytest -n 4 --dist worksteal -m 'not kafka and not slow and not faults and not cluster' $(if $(COVERAGE),--cov --cov-report=) $(ARGS)
	$(if $(COVERAGE),@$(BIN)/coverage json --quiet && $(BIN)/python -m tools.check_coverage .coverage/report.json)

test-kafka: $(READY)  ## the pipeline suite on Apache Kafka 4
	$(BIN)/pytest -n 2 -m 'kafka and not slow' $(ARGS)

test-slow: $(READY)   ## tests that take minutes each
	$(BIN)/pytest -n 2 -m 'slow' $(ARGS)
	SLUICEGATE_EXAMPLES=15 $(BIN)/pytest -n 2 tests/properties tests/streams/judge/test_fold.py

test-faults: $(READY) ## workers killed, stopped and cut off on Apache Kafka 4 (ten minutes)
	$(BIN)/pytest -n 2 --dist worksteal -m 'faults' $(ARGS)

test-cluster: $(READY) ## nodes of three Apache Kafka 4 that are killed and restarted (three minutes)
	$(BIN)/pytest -m 'cluster' $(ARGS)

soak: $(READY)   ## half an hour of faults under load, watching memory, handles and lag: make soak MINUTES=30
	$(BIN)/python -m tests.faults.soak $(or $(MINUTES),30)

bench: $(READY)  ## speed, latency, memory: every figure of docs/performance.md, on Kafka (half an hour)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@[ -d .venv-bench ] || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/ingest/peers/requirements.txt \
	  || echo "without some of the peers: they cannot be installed here" >&2
	$(BIN)/python -m benchmarks $(ARGS)

bench-judges: $(READY)  ## our gate and other judges on the same simulated rollouts (a few minutes)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m benchmarks.judges $(ARGS)

bench-evidence: $(READY)  ## the gate on errors that come together, by the rules of before and now (an hour on two cores)
	$(BIN)/python -m benchmarks.evidence $(ARGS)

bench-memory: $(READY)  ## a worker's memory at full speed, minute by minute: make bench-memory MINUTES=10
	$(BIN)/python -m benchmarks.memory --minutes $(or $(MINUTES),10)

fuzz: $(READY)   ## every decoder on mutated and random bytes: make fuzz SECONDS=30 TARGETS='events ack'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]' \
	  || echo "atheris cannot be installed here: hypothesis instead"
	$(BIN)/python -m tests.fuzz $(or $(SECONDS),30) $(TARGETS)

audit-deps: $(READY)  ## known vulnerabilities of the dependencies, from pypi.org, or with ARGS='-s osv' api.osv.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[audit]'
	@$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/installed.txt
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r $(VENV)/installed.txt $(ARGS) \
	    > $(VENV)/audited.txt 2>&1 && cat $(VENV)/audited.txt \
	  || { if grep -q '^Found [0-9]' $(VENV)/audited.txt; then cat $(VENV)/audited.txt; else tail -n 1 $(VENV)/audited.txt; \
	  echo "NOT AUDITED: the advisories could not be fetched, so this proves nothing. Try again where pypi.org is" \
	    "reachable, or run make audit-deps ARGS='-s osv' where api.osv.dev is. Details: $(VENV)/audited.txt"; fi; \
	  exit 1; } >&2

check: $(READY)  ## lint, banned calls, types, layers, sizes, prose, spelling, mirrored tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tools.check_sizes
	$(BIN)/python -m tools.check_prose
	$(BIN)/python -m tools.check_mirror
	$(BIN)/codespell

hooks: $(READY)  ## run what `make check` runs before each commit (pre-commit)
	$(BIN)/pre-commit install

format: $(READY) ## apply the formatter and the fixes of ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)   ## rewrite the generated pages
	$(BIN)/python -m tools.topics_page docs/topics.md
	SLUICEGATE_DOCS_UPDATE=1 $(BIN)/pytest tests/docs

clean:           ## remove the virtual environment and caches
	rm -rf $(VENV) .venv-bench .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
