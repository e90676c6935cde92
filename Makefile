# One command each. Everything happens in .venv; `make clean` removes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Most of a test's time is waiting for phones and processes, so there are three workers for each core.
PYTEST_WORKERS ?= $(shell $(PYTHON) -c "import os; print(3 * (os.cpu_count() or 1))")
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: install install-fleet demo test bench fmt lint typecheck lock clean

install: $(VENV)/.installed

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# The project itself is installed editable from this folder; its pinned dependencies come hash-checked from the lock.
$(VENV)/.installed: $(VENV)/bin/python requirements/runtime.txt pyproject.toml
	$(PIP) install --quiet --require-hashes -r requirements/runtime.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# For a host of a fleet: the same, with PostgreSQL's driver and the engine.
install-fleet: $(VENV)/.installed
	$(PIP) install --quiet --require-hashes -r requirements/fleet.txt

$(VENV)/.installed-test: $(VENV)/.installed requirements/test.txt
	$(PIP) install --quiet --require-hashes -r requirements/test.txt
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/runner demo

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist worksteal --cov --cov-report=term:skip-covered $(ARGS)

bench: $(VENV)/.installed-test
	$(BIN)/python -m pytest -p no:randomly -p no:xdist -s --override-ini addopts= tests/benchmarks $(ARGS)

fmt: $(VENV)/.installed-test
	$(BIN)/ruff check --fix-only --exit-zero .
	$(BIN)/ruff format .

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

typecheck: $(VENV)/.installed-test
	$(BIN)/mypy

# Re-pins everything for every platform. No download host is written.
lock:
	$(PYTHON) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --quiet pyproject.toml requirements/build.in -o requirements/runtime.txt
	$(PYTHON) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --quiet --extra test --extra fleet pyproject.toml requirements/build.in \
	  -c requirements/runtime.txt -o requirements/test.txt
	$(PYTHON) -m uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --custom-compile-command "make lock" --quiet --extra fleet pyproject.toml requirements/build.in \
	  -c requirements/test.txt -o requirements/fleet.txt

clean:
	rm -rf $(VENV)
