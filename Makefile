# Everything a developer runs. `make` lists it; each target first makes the environments that it needs.

PYTHON ?= python3
DEV := .venv/dev/bin
SAM := .venv/sam/bin/sam
export SAM_CLI_TELEMETRY := 0

READY_DEV := .venv/dev/.installed
READY_SAM := .venv/sam/.installed
READY_ALL := $(READY_DEV) $(READY_SAM) .venv/local/.installed
READY_NODE := .venv/node/oracle/.installed .venv/node/asl/.installed

# The layer's makefile takes its pip from PATH.
WITH_PIP := PATH="$(CURDIR)/$(DEV):$$PATH"

# Environments are made side by side, since each mostly waits for downloads; what a recipe calls decides for itself.
MAKEFLAGS += --jobs=3
unexport MAKEFLAGS

.DEFAULT_GOAL := help
.PHONY: help demo test stackless local local-stop build cli lint checkov unit e2e test-slow test-permissions docs lock clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  make %-17s %s\n", $$1, $$2 }'

demo: $(READY_ALL) ## Tell the story on the embedded AWS: secrets rotate, a reference breaks, people hear of it
	@$(WITH_PIP) $(DEV)/python -m local.demo

test: $(READY_ALL) $(READY_NODE) ## Everything that must pass, side by side: lint, the tests without a stack, and the e2e tests
	@echo "lint, tests without a stack and e2e tests run side by side; each is shown when it is through (minutes)"
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target lint stackless e2e

local: $(READY_ALL) ## Start the embedded AWS, deploy the stack to it, and leave it running
	@$(WITH_PIP) $(DEV)/python -m local up

local-stop: $(READY_DEV) ## Stop what `make local` started
	@$(DEV)/python -m local stop

build: $(READY_DEV) $(READY_SAM) ## Build what is deployed, into .aws-sam/
	$(WITH_PIP) $(SAM) build

cli: $(READY_DEV) ## Build the `secretwatch` command as a wheel, into dist/; `pipx install dist/*.whl` takes it
	@rm -rf dist
	@$(DEV)/pip wheel -qq --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

lint: $(READY_DEV) $(READY_SAM) ## Check format, style, types, imports and the template
	$(DEV)/ruff format --check .
	$(DEV)/ruff check .
	$(DEV)/mypy
	PYTHONPATH=layers/secretwatch/python:cli:. $(DEV)/lint-imports --no-logo
	$(SAM) validate --lint

checkov: .venv/checkov/.installed ## Hold the template against checkov's rules; a waiver stands beside its resource, with its reason
	$(<D)/bin/checkov --file template.yaml --framework cloudformation --quiet --compact --skip-download

stackless: $(READY_DEV) $(READY_NODE) # unit, contract and differential tests
	$(DEV)/pytest tests/unit tests/contract tests/differential

unit: $(READY_DEV) ## Run the fast tests only
	$(DEV)/pytest tests/unit tests/contract

e2e: $(READY_ALL) ## Run the tests of the deployed stack, two files at a time, each on an embedded AWS of its own
	$(WITH_PIP) $(DEV)/pytest tests/e2e -m "not slow" --numprocesses=2 --dist=loadfile

test-slow: $(READY_ALL) ## Run the tests that `make test` leaves out: they take minutes, or measure seconds
	$(WITH_PIP) $(DEV)/pytest tests/e2e -m slow

test-permissions: $(READY_ALL) ## Take each permission away and see the failure where docs/permissions.md says (minutes)
	$(WITH_PIP) $(DEV)/pytest tests/permissions

docs: $(READY_DEV) ## Make what docs/permissions.md says from the template, and docs/operations.md's findings from the code
	@PYTHONPATH=layers/secretwatch/python:cli $(DEV)/python -m docs.permissions
	@PYTHONPATH=layers/secretwatch/python:cli $(DEV)/python -m docs.operations

clean: ## Remove environments, builds and caches
	rm -rf .venv .aws-sam .local dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis

# --- Environments: made when missing or older than their lock; the stamp comes last, so a half-made one never counts.

HOLDS_dev := tests, checks, the operators' command
HOLDS_sam := aws-sam-cli
HOLDS_local := the embedded AWS
HOLDS_checkov := checkov
HOLDS_node := Node.js, for the policy oracle and the workflows' validator

.venv/%/.installed: requirements/%.txt | .venv/pip/.installed
	@echo "creating .venv/$* ($(HOLDS_$*); up to a minute, once)"
	@rm -rf $(@D) && $(PYTHON) -m venv --without-pip $(@D)
	@$(PIP) --python $(@D)/bin/python install $(PIP_OPTIONS) --requirement $<
	@touch $@

# What tests hold the product against, no part of it: the policy oracle (tests/oracle) and the workflows' validator
# (tests/asl). Each lives and dies with its Node.js.
NPM := PATH="$(CURDIR)/.venv/node/bin:$$PATH" npm
NPM_OPTIONS := --no-audit --no-fund --no-update-notifier

$(READY_NODE): .venv/node/%/.installed: tests/%/package.json tests/%/package-lock.json .venv/node/.installed
	@echo "creating $(@D) (what tests/$* compares with; seconds, once)"
	@rm -rf $(@D) && mkdir $(@D) && cp tests/$*/package.json tests/$*/package-lock.json $(@D)
	@cd $(@D) && $(NPM) ci --ignore-scripts --loglevel=error $(NPM_OPTIONS) >/dev/null
	@touch $@

PIP := .venv/pip/bin/python -m pip
# The lock is complete: no dependencies to resolve. Bytecode comes at first use: less work than all of it now.
PIP_OPTIONS := -qq --disable-pip-version-check --require-hashes --no-deps --no-compile

.venv/pip/.installed: requirements/bootstrap.py
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) here: install Python 3.11 to 3.14, or name one: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) requirements/bootstrap.py $(@D)
	@touch $@

# --- Locks: for CPython 3.11 to 3.14 on Linux and macOS; the layer's for the Lambda runtime.

LAYER_LOCK := layers/secretwatch/requirements.txt
COMPILE := $(DEV)/uv pip compile --quiet --upgrade --no-header --no-strip-extras --generate-hashes --only-binary :all:

lock: $(READY_DEV) .venv/node/.installed ## Renew the locked versions, within what pyproject.toml allows
	$(COMPILE) --group layer --python-version 3.13 --python-platform aarch64-manylinux2014 --output-file $(LAYER_LOCK)
	$(COMPILE) --universal --python-version 3.11 pyproject.toml --group dev --constraints $(LAYER_LOCK) --output-file requirements/dev.txt
	$(COMPILE) --universal --python-version 3.11 --group sam --output-file requirements/sam.txt
	$(COMPILE) --universal --python-version 3.11 --group local --output-file requirements/local.txt
	$(COMPILE) --universal --python-version 3.11 --group checkov --output-file requirements/checkov.txt
	$(COMPILE) --universal --python-version 3.11 --group node --output-file requirements/node.txt
	for set in oracle asl; do (cd tests/$$set && $(NPM) update --package-lock-only --omit-lockfile-registry-resolved $(NPM_OPTIONS)) || exit; done
