# Needs only python3 >= 3.11, make and git; everything else goes into ./.venv, at the versions and hashes
# of requirements.lock, from the package index that pip (or uv) is configured for.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/pytest
WORKERS ?= auto
DIST ?= dist

# uv does not read pip's settings: hand it the index and the authority's certificate that pip would use.
PIP_HAS = $$($(BIN)/python -m pip config list 2>/dev/null | sed -n "s/^.*\.$(1)='\(.*\)'$$/\1/p" | tail -n 1)
UV = index=$${UV_DEFAULT_INDEX:-$(call PIP_HAS,index-url)}; cert=$${SSL_CERT_FILE:-$(call PIP_HAS,cert)}; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; fi; \
	if [ -n "$$cert" ]; then export SSL_CERT_FILE="$$cert"; fi; VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv

# One lock for developers and tests, two for servers at the same versions: everything, and without what is
# large and not used yet; one for the vendors' clients that judge our simulators. No lock names a package index.
LOCK = $(UV) pip compile --quiet --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"
LOCKS := requirements.lock locks/production.lock locks/light.lock locks/referees.lock
FOR_requirements := --extra dev pyproject.toml
FOR_production := --constraint requirements.lock pyproject.toml
FOR_light := --constraint requirements.lock --excludes locks/light.without pyproject.toml
FOR_referees := locks/referees.in

# Compiled once and kept: a command line that compiles what it imports takes twice its time.
unexport PYTHONDONTWRITEBYTECODE

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help install referees demo test check test-all soak bench docs lock wheel format clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

install: $(STAMP)  ## Fill ./.venv with everything needed to run and test

$(BIN)/uv: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MindBot needs Python 3.11 or newer; try make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@awk '/^[^ #]/ {on = /^uv==/} on' requirements.lock > $(VENV)/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.lock
	@touch $@

$(STAMP): pyproject.toml requirements.lock $(BIN)/uv
	@$(UV) pip install --require-hashes -r requirements.lock
	@$(UV) pip uninstall --quiet mindbot  # our former name, now a stranger's: its files would hide ours
	@$(UV) pip install --no-deps --no-build-isolation -e .
	@touch $@

demo:  ## Run the daemon, simulators and sample traffic; ends with one JSON line
	@$(MAKE) install >&2
	@exec $(BIN)/mindbot up --demo

# The official Node SDK of WeCom's AI bots judges our simulator: the files of its lock, no script of theirs runs.
# Where there is no npm, or it finds no registry, those tests skip.
NODE := $(VENV)/node
NODE_LOCK := $(wildcard tests/wire/wecombot/node/package*.json)
$(NODE)/.installed: $(NODE_LOCK) | $(STAMP)
	@mkdir -p $(NODE) && cp $(NODE_LOCK) $(NODE)
	@if command -v npm >/dev/null && npm ci --silent --ignore-scripts --no-audit --no-fund \
		--fetch-retries 0 --fetch-timeout 20000 --prefix $(NODE) >/dev/null 2>&1; \
	then touch $@; else echo "no Node SDK of WeCom's AI bots: its tests skip" >&2; fi

# The model vendors' clients, in an environment of their own. Where they cannot be had, their tests skip.
REFEREES := $(VENV)/referees
$(REFEREES)/.installed: locks/referees.lock | $(STAMP)
	@if $(UV) venv --quiet --clear --python $(BIN)/python $(REFEREES) && \
		$(UV) pip install --quiet --python $(REFEREES)/bin/python --require-hashes -r locks/referees.lock; \
	then touch $@; else echo "no clients of model vendors: their tests skip" >&2; fi

referees: $(REFEREES)/.installed  ## Install the model vendors' own clients, which judge our simulators

test: install $(NODE)/.installed  ## The tests a change needs (under 5 minutes)
	@$(PYTEST) -q -n $(WORKERS) --dist worksteal -m "not full and not soak"

test-all: install $(NODE)/.installed $(REFEREES)/.installed  ## Everything CI runs
	@$(PYTEST) -q -n $(WORKERS) --dist worksteal -m "not soak"

soak: install  ## The long runs
	@$(PYTEST) -q -m soak --timeout 3600

check: install  ## Format, lint, types, import arrows, lock, and what must not be in the repository
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(MAKE) check-lock
	@$(PYTEST) -q tests/unit/test_repository.py tests/docs/test_pages.py

# Hashes are left out of the comparison: a release may gain a wheel after it was locked.
.PHONY: check-lock
check-lock: $(LOCKS:%=check-%)

.PHONY: $(LOCKS:%=check-%)
$(LOCKS:%=check-%): check-%: install
	@mkdir -p $(VENV)/fresh && cp $* $(VENV)/fresh/$(@F)
	@$(LOCK) $(FOR_$(basename $(*F))) -o $(VENV)/fresh/$(@F)
	@names() { sed -e '/--hash=/d' -e 's/ \\$$//' "$$1"; }; \
		names $* > $(VENV)/fresh/$(@F).locked; names $(VENV)/fresh/$(@F) | diff -u $(VENV)/fresh/$(@F).locked - \
		|| { echo "$* does not fit what it is made from: run make lock" >&2; exit 1; }

lock: $(BIN)/uv  ## Bring the locks up to pyproject.toml; UPGRADE=1 takes newer releases
	@$(foreach lock,$(LOCKS),$(LOCK) $(if $(UPGRADE),--upgrade) $(FOR_$(basename $(notdir $(lock)))) -o $(lock) &&) true

wheel: install  ## Build dist/: the wheel and the locks to install it with (docs/operations.md)
	@rm -rf $(DIST) && mkdir -p $(DIST)
	@$(BIN)/python -m hatchling build --target wheel --directory $(DIST) >/dev/null
	@cp locks/production.lock locks/light.lock $(DIST) && ls $(DIST)

bench: install  ## Measure, each figure beside its floor
	@$(BIN)/mindbot bench all

docs: install  ## Write the generated pages again
	@$(BIN)/python -m mindbot.filters.reference docs/filters.md
	@$(BIN)/python -m mindbot_daemon.server.reference docs/api.md
	@$(BIN)/python -m mindbot.config.schema docs/configuration.md
	@$(BIN)/python -m mindbot_tui.docs docs/console.md
	@$(BIN)/python -m mindbot.store.fresh mindbot/store/schema.sql

format: install  ## Let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:  ## Remove ./.venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
