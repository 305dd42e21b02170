# Every target makes the virtual environment from the lock file where it is missing or stale.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo up test chaos crashes restore model fuzz soak record check format migrate worker bench bench-growth bench-scale bench-batch bench-bulk bench-retention bench-peers lock clean tutorial alarms import-test reference ui-test screenshots

help: ## Show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --requirement requirements.lock
	@touch $@

demo: $(READY) ## Create a user group on a real stack, and show it step by step
	@$(BIN)/python -m cli.demo

up: $(READY) ## Run the embedded stack until Ctrl-C (WORKERS=2 for more workers)
	@$(BIN)/python -m cli.up --workers $(or $(WORKERS),1)

test: $(READY) ## Run all tests
	$(BIN)/python -m pytest --numprocesses 3 --max-worker-restart 0 --dist loadfile --no-loadscope-reorder $(ARGS)

fuzz: $(READY) ## Fuzz every form, update and command line, with 5,000 inputs
	$(BIN)/python -m pytest --numprocesses 2 --max-worker-restart 0 --dist loadfile --hypothesis-profile=fuzz tests/fuzz $(ARGS)

tutorial: $(READY) ## Follow docs/tutorial.md in a copy: from no product to three, each checked and tested
	$(BIN)/python -m pytest -m exhaustive tests/tutorial

FIND_CHROMIUM := command -v chromium >/dev/null || { echo 'Chromium is needed: apt-get install chromium' >&2; exit 1; }

ui-test: $(READY) ## Use the Web UI as an operator does, in a headless Chromium
	@$(FIND_CHROMIUM)
	$(BIN)/python -m pytest -m ui tests/ui $(ARGS)

screenshots: $(READY) ## Take the pictures of the Web UI in docs/ again
	@$(FIND_CHROMIUM)
	$(BIN)/python -m pytest -m ui tests/ui/take_screenshots.py

record: $(READY) ## Record the histories that are missing, of those that must replay
	$(BIN)/python -m pytest tests/record_*.py

check: $(READY) ## Lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

migrate: $(READY) ## Bring the configured databases to this version (ARGS="--grant-to ROLE": for a worker of this role)
	$(BIN)/python worker.py --migrate $(ARGS)

worker: $(READY) ## Run one worker
	$(BIN)/python worker.py

bench: $(READY) ## Measure what a process costs, beside an empty workflow (ARGS=--save: commit the result)
	@$(BIN)/python -m trials.bench $(ARGS)

bench-scale: $(READY) ## Measure what a create needs with 1, 2 and 4 workers, and compute what many need
	@$(BIN)/python -m trials.scale $(ARGS)

bench-growth: $(READY) ## Measure whether anything gets slower with 1,000,000 subscriptions (short: ARGS=--quick)
	@$(BIN)/python -m trials.growth $(ARGS)

bench-batch: $(READY) ## Measure creates while 100,000 subscriptions are validated
	@$(BIN)/python -m trials.batch $(ARGS)

bench-retention: $(READY) ## Validate everything in 365 nights, with clean-up: do the tables stay flat?
	@$(BIN)/python -m trials.retention $(ARGS)

bench-bulk: $(READY) ## Measure a file of 10,000 creates beside creates that are started one by one
	@$(BIN)/python -m trials.bulk $(ARGS)

bench-peers: $(READY) ## Compare with other engines; installs them into .bench-peers first (short: ARGS=--quick)
	@$(BIN)/python -m trials.peers $(ARGS)

chaos: $(READY) ## Prove that nothing is lost or doubled, by faults, then fuzz (only faults: ARGS="--seed 7 --duration 180 --processes 200")
	@$(BIN)/python -m trials.chaos $(ARGS)
	@$(if $(ARGS),,$(MAKE) --no-print-directory fuzz)

crashes: $(READY) ## Let a worker die at every moment of every step, and of what else it runs
	$(BIN)/python -m pytest -m exhaustive --numprocesses 2 --max-worker-restart 0 --dist loadfile --ignore tests/alone/test_model.py --ignore tests/alone/test_long_times.py --ignore-glob 'tests/alone/test_restore_*.py' tests/alone

restore: $(READY) ## Restore PostgreSQL and Temporal to different moments, and fail over to a standby
	$(BIN)/python -m pytest -m exhaustive --numprocesses 2 --max-worker-restart 0 --dist loadfile tests/alone/test_restore_*.py $(ARGS)

model: $(READY) ## Let a state machine start, abort, break and repair at random, and compare with a model
	$(BIN)/python -m pytest -m exhaustive tests/alone/test_model.py $(ARGS)

alarms: $(READY) ## Test the alerts and the dashboard on a real Prometheus
	$(BIN)/python -m pytest -m alarms tests/observability $(ARGS)

import-test: $(READY) ## Import from a database that orchestrator-core makes; installs it into .bench-peers first
	$(BIN)/python -m pytest -m exhaustive tests/importing $(ARGS)

reference: $(READY) ## Write docs/reference.md anew from the code
	$(BIN)/python -m tests.docs.reference

soak: $(READY) ## Create 10,000 user groups while workers are killed, then park 1,000 processes for a month
	@$(BIN)/python -m trials.soak $(ARGS)
	@$(if $(ARGS),,$(BIN)/python -m pytest -m exhaustive tests/alone/test_long_times.py)

PEERS := postgres dbos absurd orchestrator_core
COMPILE := $(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --no-header

lock: $(READY) ## Renew the lock files from pyproject.toml and trials/peers/*.in: names, versions and hashes only
	$(COMPILE) pyproject.toml --all-extras --group dev --upgrade --output-file requirements.lock
	$(COMPILE) pyproject.toml --upgrade --constraint requirements.lock --output-file requirements-worker.lock
	for peer in $(PEERS); do \
	  $(COMPILE) trials/peers/$$peer.in --python-version 3.11 --upgrade --output-file trials/peers/$$peer.lock || exit 1; \
	done

clean: ## Remove the virtual environments and the embedded stack's data (stop "make up" first)
	rm -rf $(VENV) .bench-peers .devstack
