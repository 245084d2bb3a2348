# Every target does its own set-up, can be repeated, and exits non-zero when it failed.
# The demo and `up` need Python 3.11 or later, make and coreutils; the rest needs what it says below.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PYTEST := $(BIN)/pytest
SETTLED := export PIP_DISABLE_PIP_VERSION_CHECK=1;

.PHONY: demo up test test-postgres test-quick lint bench contracts faults faults-short soak simulate servers servers-stop setup clean
.DEFAULT_GOAL := demo

# ---- set-up: a stamp for each lock file, so that nothing is installed twice

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)

# what the services need, and the services themselves: found where they lie, nothing is built
$(VENV)/runtime.stamp: requirements.lock | $(VENV)/bin/python
	$(SETTLED) $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -c 'import pathlib, sysconfig; \
	  pathlib.Path(sysconfig.get_path("purelib"), "wayproof_here.pth").write_text(str(pathlib.Path.cwd()) + "\n")'
	touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(SETTLED) $(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.lock
	$(SETTLED) $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@ $(VENV)/runtime.stamp

setup: $(VENV)/dev.stamp

# ---- what it does

# BACKEND=servers tells the same day on Kafka and PostgreSQL: those the environment names, else fresh ones
ifeq ($(BACKEND),servers)
demo: setup
	$(BIN)/python -m tests.servers.demo
else
demo: $(VENV)/runtime.stamp
	$(BIN)/python -m services demo
endif

up: $(VENV)/runtime.stamp
	$(BIN)/python -m services up --data data --sample

# ---- how it is kept right

test: setup
	$(PYTEST) -m "not soak" -n 3 --dist loadfile

# the services' own suites once more, with their stores on PostgreSQL
test-postgres: setup
	$(PYTEST) --store postgres -m "not soak" -n 3 --dist loadfile tests/ingest tests/mastery tests/credentials

test-quick: setup
	SIM_SEEDS=100 $(PYTEST) -m "not system and not node and not tools and not servers" --ignore=tests/bench

# a Kafka and a PostgreSQL for development, fresh each time; prints the settings to use
servers: setup
	$(BIN)/python -m tests.servers

servers-stop: setup
	$(BIN)/python -m tests.servers stop

# real processes and servers, killed until believed; SCALE=0.1 sends a tenth, SEED= repeats a schedule; what came of it
# is written to docs/reliability.md
faults: setup
	@held=0; for round in "" --three-brokers; do \
	  $(BIN)/python -m tests.faults --keep --scale $(or $(SCALE),1) $(if $(SEED),--seed $(SEED)) $$round || held=1; \
	done; exit $$held

# a tenth of a round, and one on three brokers, as `make test` runs them
faults-short: setup
	$(PYTEST) tests/faults

# what is looked for apart, because it is rare or takes minutes
soak: setup
	$(PYTEST) -m soak

simulate: setup
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),2000) --first $(or $(FIRST),0)

lint: setup
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m contracts.build --check
	$(PYTEST) tests/tidy

bench: setup
	$(BIN)/python -m tests.bench

contracts: setup
	$(BIN)/python -m contracts.build

clean:
	rm -rf $(VENV) .cache var dist
