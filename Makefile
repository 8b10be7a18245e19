# Everything runs in .venv, which is made on first use: `make help` lists what there is.

BIN := .venv/bin
# How to see that a Python is new enough.
FITS := import sys; sys.exit(sys.version_info < (3, 11))

ifndef PYTHON
PYTHON := $(shell for name in python3.11 python3 python3.12 python3.13 python3.14; do \
	"$$name" -c '$(FITS)' >/dev/null 2>&1 && { echo "$$name"; break; }; done)
endif

# A .venv whose Python is gone or that was never finished counts as not installed.
ifneq ($(shell $(BIN)/python -c 'import pip; print("fits")' 2>/dev/null),fits)
$(shell rm -f .venv/.runtime .venv/.test .venv/.dev .venv/.mutants)
endif

# Without compiled files, each process of the tests compiles them all again.
unexport PYTHONDONTWRITEBYTECODE

# What is run with the oldest packages: all that calls them, and the command line in part.
OLDEST_TESTS := tests/structure tests/unit tests/mcpserver $(addprefix tests/cli/test_,\
	checks.py complete.py export.py list.py new.py phases.py setup.py lint.py)

# What is run with a new interpreter for each command: of every kind of command some.
NOT_FORKED_TESTS := tests/acceptance/test_runs.py tests/claude tests/docs $(addprefix tests/cli/test_,\
	answers.py complete.py list.py phases.py run.py setup.py lint.py session_runs.py verify.py)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check-long nightly test-oldest mutants lint check crash bench docs build clean

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s  %s\n", $$1, $$2 }' Makefile

demo: .venv/.runtime ## see runr at work in a small repository of its own
	@$(BIN)/runr demo

test: .venv/.test ## run the tests; ARGS="-k name" narrows them
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check-long: .venv/.test ## the tests that take long, more examples, and commands that are not forked
	@$(BIN)/python -m pytest -n auto --dist worksteal \
	  -m "(long or hypothesis) and not nightly" --hypothesis-profile=long $(ARGS)
	@RUNR_TEST_INSTALLED=1 $(BIN)/python -m pytest -n auto --dist worksteal \
	  -m "not long and not nightly and not installed" $(NOT_FORKED_TESTS) $(ARGS)

nightly: .venv/.test ## ten thousand random workers, and a hundred times ten runs at once
	@$(BIN)/python -m pytest -n auto --dist worksteal --hypothesis-profile=nightly \
	  -m "not long" tests/acceptance/test_verified_means_a_clone_passes.py tests/cli/test_together.py $(ARGS)

test-oldest: .venv-oldest/.test ## the same with the oldest packages that are allowed
	@.venv-oldest/bin/python -m pytest -n auto --dist worksteal $(OLDEST_TESTS) $(ARGS)

mutants: .venv/.mutants ## change pure modules, print what no unit test notices; ARGS=status.staleness
	@cd tests && ../$(BIN)/python -m mutation $(ARGS)

lint: .venv/.dev ## ruff, mypy --strict and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test ## lint, then test

crash: .venv/.test ## kill runs two hundred times, fill their disk at every step, tell what they survived
	@cd tests && ../$(BIN)/python -m crash.harness 200
	@cd tests && unshare $$(unshare -m true 2>/dev/null && echo -m || echo -rm) \
	  ../$(BIN)/python -m crash.full_disk

bench: .venv/.test ## measure speed, beside a baseline from the same run
	@for bench in tests/perf/bench_*.py; do $(BIN)/python "$$bench" || exit 1; done

docs: .venv/.test ## write docs/reference again
	@$(BIN)/python tests/docs/generate.py

build: .venv/.runtime ## make the wheel and the source archive in dist/
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'hatchling>=1.25'
	@rm -rf dist
	@$(BIN)/python -m hatchling build -d dist

clean: ## remove .venv and everything else that was made
	rm -rf .venv .venv-oldest .ci/node .ci/conformance .ci/clients dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages; the larger sets hold the smaller ones.
.venv/.runtime: WHAT := .
.venv/.runtime: STAMPS := .venv/.runtime
.venv/.test: WHAT := .[test]
.venv/.test: STAMPS := .venv/.runtime .venv/.test
.venv/.dev: WHAT := .[dev]
.venv/.dev: STAMPS := .venv/.runtime .venv/.test .venv/.dev

.venv/.mutants: WHAT := .[mutants]
.venv/.mutants: STAMPS := .venv/.runtime .venv/.test .venv/.mutants

.venv/.runtime .venv/.test .venv/.dev .venv/.mutants: pyproject.toml
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
		"$(PYTHON)" -c '$(FITS)' 2>/dev/null || { \
			echo "runr needs Python 3.11 or later: install one, or name it: make PYTHON=/path/to/python3" >&2; \
			exit 1; }; \
		echo "Making .venv with $(PYTHON)"; \
		rm -rf .venv; \
		"$(PYTHON)" -m venv .venv || { \
			rm -rf .venv; \
			echo "$(PYTHON) -m venv failed; on Debian and Ubuntu: apt install python3-venv" >&2; \
			exit 1; }; }
	@echo "Installing $(WHAT) into .venv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '$(WHAT)'
	@touch $(STAMPS)

.venv-oldest/.test: pyproject.toml tests/oldest.py .venv/.test
	@echo "Installing the oldest packages into .venv-oldest"
	@rm -rf .venv-oldest
	@$(BIN)/python -m venv .venv-oldest
	@$(BIN)/python tests/oldest.py > .venv-oldest/constraints.txt
	@.venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check \
	  -c .venv-oldest/constraints.txt -e '.[test]'
	@touch .venv-oldest/.test
