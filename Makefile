.DEFAULT_GOAL := help
SHELL := /bin/bash

VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(shell command -v uv || echo .tools/bin/uv)
INSTALLED := $(VENV)/.installed

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED) ## Start everything, make three pictures, show them, stop
	@$(PYTHON) -m deploy.local demo

up: $(INSTALLED) ## Start everything and stay; Ctrl-C stops it
	@$(PYTHON) -m deploy.local up

check: $(INSTALLED) ## Format, lint, types and import rules
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

test: $(INSTALLED) ## All tests, against real servers
	$(VENV)/bin/pytest

format: $(INSTALLED) ## Let the tools put the code in order
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

golden: $(INSTALLED) ## Write the published schemas anew; review what changed
	$(PYTHON) -m tests.support.golden

lock: $(UV) ## Choose the versions of all dependencies anew
	$(UV) pip compile --quiet --universal --generate-hashes --no-header --extra local --group dev \
		--python-version 3.11 --upgrade --output-file requirements.lock pyproject.toml

setup: $(INSTALLED) ## Install what everything else needs

$(INSTALLED): requirements.lock pyproject.toml | $(UV)
	@$(UV) venv --quiet --allow-existing --seed $(VENV)
	@$(UV) pip install --quiet --python $(PYTHON) --require-hashes --compile-bytecode -r requirements.lock
	@$(UV) pip install --quiet --python $(PYTHON) --no-deps --editable .
	@touch $@

.tools/bin/uv:
	@python3 -m venv .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9'

.PHONY: help demo up check test format golden lock setup
