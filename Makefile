# Everything here works on a machine that has Python 3.11 or newer, make and a package registry.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH
export TZ := UTC
export UV_NO_PROGRESS := 1

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
TESTS ?= tests
# Actions of accounts and settings are tested through the pages that call them.
THROUGH_PAGES := $(wildcard tests/web/test_accounts.py tests/web/test_set*.py tests/web/test_staff.py tests/web/test_parked.py)
PYTEST := $(BIN)/python -m pytest
export CHROMIUM ?= /usr/bin/chromium

# uv installs several times faster; pip does the same where uv is not to be had or cannot see the registry pip is set to.
define install
@echo "Installing $(1)"
@$(BIN)/uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
@$(BIN)/uv pip install --quiet --python $(BIN)/python -r $(1) 2>$(VENV)/uv.log \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(1)
@touch $@
endef

.PHONY: help run worker test coverage bench campaign gate mutants lint format bootstrap browser clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed ## Start the site, its worker and the sandbox; Ctrl-C ends all
	@exec $(BIN)/python -m reminder_site.supervisor

worker: $(VENV)/.installed ## Start one more worker by itself
	@exec $(BIN)/flask --app wsgi worker

test: bootstrap browser ## Run the whole suite (TESTS=tests/domain for a part of it)
	@$(PYTEST) -n 4 --dist worksteal -q $(TESTS)

coverage: bootstrap ## Measure the rules and the actions, on SQLite, against the floor in pyproject.toml
	@$(PYTEST) -n 4 --dist worksteal -q --cov --cov-report=term -k "not postgresql" tests/domain tests/actions $(THROUGH_PAGES)

bench: bootstrap ## Measure speed and cost, about 30 minutes (BENCHMARKS="hand-over weight" for some of them)
	@$(BIN)/python -m tests.benchmarks $(BENCHMARKS)

campaign: bootstrap ## Run the long failure campaigns, two hours and more (CAMPAIGNS="pauses faults" for some of them)
	@HYPOTHESIS_PROFILE=searching $(PYTEST) -q tests/domain tests/flows/test_window.py
	@$(BIN)/python -m tests.campaigns $(CAMPAIGNS)

gate: bootstrap ## Take each rule of the delivery protocol out of a copy: its test must fail
	@$(BIN)/python -m tests.campaigns.mutations

mutants: bootstrap ## Take guards out one at a time, name those no test missed (FILES="actions/plans.py" SAMPLE=50 SEED=1 MOST=60 STORES=all EVERYTHING=1)
	@$(BIN)/python -m tests.mutants $(FILES) $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(if $(MOST),--most $(MOST)) $(if $(STORES),--stores) $(if $(EVERYTHING),--everything)

lint: bootstrap ## Check style, types, templates and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/djlint --lint --quiet templates
	@$(BIN)/lint-imports

format: bootstrap ## Put the code into the house format
	@$(BIN)/ruff check --fix --select I .
	@$(BIN)/ruff format .

bootstrap: $(VENV)/.installed-dev ## Install all that running, testing and checking need

browser:
	@if [ -x "$(CHROMIUM)" ]; then exit 0; fi; \
	if [ "$(CHROMIUM)" = /usr/bin/chromium ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing chromium for the browser tests"; \
		(apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium) >/dev/null 2>&1 || true; \
	fi; \
	if [ -x "$(CHROMIUM)" ]; then exit 0; fi; \
	echo "MISSING: $(CHROMIUM). The browser tests cannot run. Install it (apt-get install chromium) or set CHROMIUM=/path/to/it." >&2; \
	[ "$${CI:-}" != true ]

clean: ## Remove caches and the virtual environment (instance/ and .env stay)
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache htmlcov .coverage .coverage.*
	@find . -name __pycache__ -type d -not -path './instance/*' -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed and was not found." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python -m venv failed: on Debian and Ubuntu, apt-get install python3-venv." >&2; exit 1; }

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(call install,requirements.txt)

$(VENV)/.installed-dev: requirements.txt requirements-scale.txt requirements-dev.txt | $(BIN)/python
	$(call install,requirements-dev.txt)
	@touch $(VENV)/.installed
	@$(BIN)/python -c "import tests.conftest"  # compiles what it imports once, not in each process of the suite
