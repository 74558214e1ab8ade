# Floorline: `make demo` shows what it does, `make test` proves it. Needs python3 (3.11 or later) and make, nothing else.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.installed
unexport PYTHONDONTWRITEBYTECODE  # each process that the tests start would compile all of the product again

.DEFAULT_GOAL := help
.PHONY: help setup demo test tests redis prove pictures soak lint bench lock

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(STAMP) ## build .venv from the hash-checked lock file

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --requirement requirements.lock
	$(RUN)/python -m compileall -q -j 0 $(VENV)/lib  # pip would compile on one core
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: $(STAMP) ## a sandbox company of 90 days: margins, customers under water, what to do first; then its dashboard, live (DEMO=--no-browser)
	$(RUN)/floorline demo $(DEMO)

lint: $(STAMP) ## ruff, pyright strict, import contracts, rules of our own
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/lint-imports
	$(RUN)/python tools/tidy.py
	$(RUN)/basedpyright --level error

test: $(STAMP) ## lint and every test but the long ones, under 8 minutes on 2 cores
	@$(MAKE) --no-print-directory --jobs 2 lint tests  # the type check has one thread

tests: $(STAMP)
	$(RUN)/python -m pytest -m "not prove and not bench and not soak" -n 2 --dist worksteal

redis: ## install redis-server for the tests that need one, where this account may
	@command -v redis-server >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && apt-get install --quiet --quiet --yes --no-install-recommends redis-server; } \
		|| echo "there is no redis-server: tests that need one are skipped, and say how to install it"

prove: $(STAMP) redis ## the long suites: kills, simulations, the browser
	$(RUN)/python -m pytest -m prove

pictures: $(STAMP) ## the browser's tests, which leave the pictures of the docs in docs/pictures
	FLOORLINE_PICTURES=1 $(RUN)/python -m pytest -m prove tests/browser -k pictures

soak: $(STAMP) ## ten minutes of steady load and faults: memory flat, nothing lost (FLOORLINE_SOAK_MINUTES)
	$(RUN)/python -m pytest -m soak -s

bench: $(STAMP) ## measure pricing, spool, ingest and margin beside bare baselines
	$(RUN)/floorline bench all

lock: $(STAMP) ## resolve the dependencies anew into requirements.lock
	$(RUN)/uv pip compile pyproject.toml --extra dev --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
		--custom-compile-command "make lock" --quiet --output-file requirements.lock
