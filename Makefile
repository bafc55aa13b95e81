# Every target sets up what it needs: a fresh machine has Python 3.11-3.13, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test test-kafka test-slow test-faults fuzz audit-deps soak bench bench-judges bench-memory check format docs clean

help:            ## what can be made
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	  || { echo "sluicegate needs Python 3.11 to 3.13; say which: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "setting up $(VENV) (once; a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)   ## watch a bad canary being caught and rolled back (one minute)
	@$(BIN)/sluicegate demo $(ARGS)

test: $(READY)   ## the fast suites: unit, property, golden, pipeline on the embedded broker
	$(BIN)/pytest -n 4 --dist worksteal -m 'not kafka and not slow and not faults' $(ARGS)

test-kafka: $(READY)  ## the pipeline suite on Apache Kafka 4
	$(BIN)/pytest -n 2 -m 'kafka and not slow' $(ARGS)

test-slow: $(READY)   ## what takes minutes
	$(BIN)/pytest -n 2 -m 'slow' $(ARGS)
	SLUICEGATE_EXAMPLES=15 $(BIN)/pytest -n 2 tests/properties tests/streams/judge/test_fold_snapshot.py

test-faults: $(READY) ## workers killed, stopped and cut off on Apache Kafka 4 (twelve minutes)
	$(BIN)/pytest -n 2 --dist worksteal -m 'faults' $(ARGS)

soak: $(READY)   ## half an hour of faults under load, watching memory, handles and lag: make soak MINUTES=30
	$(BIN)/python -m tests.faults.soak $(or $(MINUTES),30)

bench: $(READY)  ## speed, latency, memory: all that docs/performance.md says, on Kafka (half an hour)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@[ -d .venv-bench ] || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/ingest/peers/requirements.txt \
	  || echo "without some of the peers: they cannot be installed here" >&2
	$(BIN)/python -m benchmarks $(ARGS)

bench-judges: $(READY)  ## our gate and other judges on the same simulated rollouts (a few minutes)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m benchmarks.judges $(ARGS)

bench-memory: $(READY)  ## a worker's memory at full speed, minute by minute: make bench-memory MINUTES=10
	$(BIN)/python -m benchmarks.memory --minutes $(or $(MINUTES),10)

fuzz: $(READY)   ## every decoder against bytes bent and made up: make fuzz SECONDS=30 TARGETS='events ack'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]' \
	  || echo "atheris cannot be installed here: hypothesis instead"
	$(BIN)/python -m tests.fuzz $(or $(SECONDS),30) $(TARGETS)

audit-deps: $(READY)  ## known weaknesses of what is installed; asks pypi.org, or with ARGS='-s osv' api.osv.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[audit]'
	@$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/installed.txt
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r $(VENV)/installed.txt $(ARGS) \
	    > $(VENV)/audited.txt 2>&1 && cat $(VENV)/audited.txt \
	  || { if grep -q '^Found [0-9]' $(VENV)/audited.txt; then cat $(VENV)/audited.txt; else tail -n 1 $(VENV)/audited.txt; \
	  echo "NOT AUDITED: the advisories could not be looked up, so nothing is known either way. Try again where" \
	    "pypi.org answers, or make audit-deps ARGS='-s osv' where api.osv.dev does. All: $(VENV)/audited.txt"; fi; \
	  exit 1; } >&2

check: $(READY)  ## lint, banned calls, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(READY) ## rewrite what the tools can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)   ## rewrite the generated pages
	$(BIN)/python -m tools.topics_page docs/topics.md
	SLUICEGATE_DOCS_UPDATE=1 $(BIN)/pytest tests/docs

clean:           ## remove the virtual environment and caches
	rm -rf $(VENV) .venv-bench .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
