# Bootstraps itself: needs only Python 3.11 to 3.13, pip, make and git.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help
help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet "uv>=0.9"; }
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

.PHONY: setup
setup: $(STAMP) ## Install everything, hash-pinned, into .venv

PREFIX ?= /opt/minutebook

.PHONY: install
install: ## The locked packages and the program alone into PREFIX=/opt/minutebook, as docs/run-it-for-real.md needs it
	@test -x $(PREFIX)/bin/python || $(PYTHON) -m venv $(PREFIX)
	@work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && $(PYTHON) -m venv "$$work/build" \
		&& "$$work/build/bin/python" -m pip install --quiet --require-hashes --requirement deploy/build.lock \
		&& "$$work/build/bin/uv" pip sync --quiet --require-hashes --link-mode copy --python $(PREFIX)/bin/python deploy/requirements.lock \
		&& "$$work/build/bin/python" -m hatchling build --target wheel --directory "$$work" \
		&& "$$work/build/bin/uv" pip install --quiet --no-deps --offline --link-mode copy --python $(PREFIX)/bin/python "$$work"/minutebook-*.whl
	@$(PREFIX)/bin/minutebook --version

.PHONY: demo
demo: setup ## Three months of several tenants, from sandbox providers to reviewed statements
	@$(BIN)/python -m tests.sandbox.demo

DATED := tests/warehouse/test_clock.py tests/faults/test_concurrency.py tests/cli/ingestion/test_pulls.py tests/ingestion/late_changes/test_restatement.py

.PHONY: test
test: setup check audit ## Everything that must hold: lint, types, import directions, SQL style, audit, tests
	@# What depends on days, on a leap day more than a year from now; all tests on such dates: make soak.
	@$(BIN)/python -m tests.moved leap-day --numprocesses auto --dist loadfile $(DATED)
	@# In the files' own order: the long ones have few tests, and would otherwise come last, one core idle.
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder

.PHONY: check
check: setup ## Lint, formatting, types, import directions and SQL style alone
	@# Two at a time: to check types keeps one core busy for longest.
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target types style directions .venv/.models-linted .venv/.queries-linted

.PHONY: types
types: setup
	@$(BIN)/mypy

.PHONY: style
style: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: directions
directions: setup
	@$(BIN)/lint-imports

# Slow, so only what changed since it was last found clean; all of it after a change of the rules or the macros.
RULES := pyproject.toml requirements.lock $(wildcard dbt_project/macros/*.sql)
MODELS := $(shell find warehouse/migrations dbt_project/models dbt_project/tests -name '*.sql')
QUERIES := $(shell find warehouse -name '*.sql' -not -path 'warehouse/migrations/*' -not -path warehouse/schema.sql)

.venv/.models-linted: $(RULES) $(MODELS) | setup
	@$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 $(if $(filter $(RULES),$?),$(MODELS),$?)
	@touch $@

# Named sections and parameters hide columns from the rules about references, so queries are held to fewer.
.venv/.queries-linted: $(RULES) $(QUERIES) | setup
	@$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 --templater placeholder --ignore parsing \
		--rules capitalisation,LT05,LT12,LT13 $(if $(filter $(RULES),$?),$(QUERIES),$?)
	@touch $@

.PHONY: audit
audit: setup ## Known vulnerabilities of the locked dependencies, by the first advisory service that answers
	@$(BIN)/python -m tests.architecture.audit

.PHONY: format
format: setup ## Format Python and SQL
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/sqlfluff fix --disable-progress-bar warehouse dbt_project/models

.PHONY: schema
schema: setup ## Write warehouse/schema.sql, the whole database on one page, after a change of the migrations
	@$(BIN)/python -m tests.warehouse.schema

.PHONY: events
events: setup ## Write docs/events, the JSON Schema of each outgoing event, after a change of their contract
	@$(BIN)/python -m tests.outgoing.schemas

.PHONY: bench
bench: setup ## Benchmarks, each as a ratio against a baseline run beside it
	@$(BIN)/python -m tests.benchmarks

.PHONY: soak
soak: setup ## The long proofs: 1,000 seeds of posting faults, 3,000 tenants against the oracle, a walk of 60 changes, all tests on moved dates and with every build by dbt, odd requests, attacks, a million events, facts told to receivers that misbehave, and everything that breaks under a deployment at work
	@$(BIN)/python -m tests.stripe_billing.simulate --seeds 1000 --jobs 2
	@$(BIN)/python -m tests.oracle --tenants 3000
	@$(BIN)/python -m tests.marts.walk --steps 60
	@$(BIN)/python -m tests.moved +60,+400,leap-day,2026-12-31,2027-01-01T00:05 --numprocesses auto --dist loadfile --no-loadscope-reorder
	@$(BIN)/python -m pytest --by-dbt --numprocesses auto --dist loadfile --no-loadscope-reorder
	@$(BIN)/python -m tests.web.fuzz --requests 100000
	@$(BIN)/python -m tests.intake.simulate --events 1000000 --connections 64
	@$(BIN)/python -m tests.outgoing.simulate --facts 10000
	@$(BIN)/python -m tests.benchmarks.serving.attacks --seconds 600
	@$(BIN)/python -m tests.faults.chaos --up --strikes 200 --seed $${CHAOS_SEED:-1}

.PHONY: screenshots
screenshots: setup ## The README's pictures of the pages, drawn by headless Chromium
	@$(BIN)/python -m tests.web.screenshots

.PHONY: accessibility
accessibility: setup ## axe-core on every page, light and dark, desktop and phone; needs a Chromium
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { echo "no Chromium here: install one first" >&2; exit 1; }
	@$(BIN)/python -m pytest -q tests/web/test_browser.py

.PHONY: faults
faults: setup ## A night of killed pulls and crashed servers, FAULT_SEEDS=200 of them; a failing seed is named
	@FAULT_SEEDS=$${FAULT_SEEDS:-200} $(BIN)/python -m pytest tests/faults --timeout 36000

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11

.PHONY: lock
lock: setup ## Resolve the dependencies again into requirements.lock, and those of the image into deploy/
	@$(COMPILE) --extra kubernetes --extra hosts --group dev pyproject.toml -o requirements.lock
	@$(COMPILE) --extra kubernetes --extra hosts --extra automations -c requirements.lock pyproject.toml -o deploy/requirements.lock
	@$(COMPILE) --group image -c requirements.lock -o deploy/build.lock

.PHONY: clean
clean: ## Remove what the demo and the tests left behind
	@rm -rf .minutebook-demo dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache .hypothesis
