# make demo: watch the package on a real Airflow. make test: the tests before each commit. make help: all commands.
# Any Python 3.11 to 3.13 with venv works; to select one: make PYTHON=python3.12 ...
.DEFAULT_GOAL := help
.PHONY: help setup setup-2.11 demo test test-2.11 test-all proof wheel-test test-live lint fix emulator docs docs-serve bench constraints clean

RUN := .venv/bin/python
RUN_2_11 := .venv-2.11/bin/python
# Without bytecode, each of the many processes that the tests start would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
# The number of parallel test processes; 0 runs the tests in one process.
WORKERS ?= logical
PYTEST := -m pytest -n $(WORKERS)
# Only a run without ARGS has all tests, and is compared with the coverage gate in pyproject.toml.
WHOLE := $(if $(strip $(ARGS)),,--whole)
COVERED := $(if $(strip $(ARGS)),,--whole --cov)
# Hides the theme's advertisement of its successor.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs
# Airflow 2.11 supports Python up to 3.12.
setup_venv = @python="$$(sh tools/find_python.sh $(3) $(PYTHON))" && "$$python" tools/make_venv.py $(1) $(2) $(4)

help: ## list the commands
	@sed -n 's/^\([a-z0-9.-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 22

setup: ## create .venv (current Airflow), unless nothing has changed
	$(call setup_venv,.venv,constraints/airflow-3.3.txt,13,dev docs)

setup-2.11: ## create .venv-2.11 (Airflow 2.11), unless nothing has changed
	$(call setup_venv,.venv-2.11,constraints/airflow-2.11.txt,12,dev)

demo: setup ## onboard a customer with a real Airflow and an emulated Polytomic, and search for the keys
	@$(RUN) -m demo $(ARGS)

test: setup ## run the tests before each commit, in minutes; ARGS="tests/unit -k retry" for a part
	$(RUN) $(PYTEST) -m "not slow" $(COVERED) $(ARGS)

test-2.11: setup-2.11 ## run the same tests on Airflow 2.11, without the coverage gate
	$(RUN_2_11) $(PYTEST) -m "not slow" $(WHOLE) $(ARGS)

test-all: setup setup-2.11 ## run all tests on the current Airflow, and on 2.11 those that can differ; ARGS for a part
	$(RUN_2_11) $(PYTEST) -m "not airflow_independent" --durations=10 $(WHOLE) $(ARGS)
	$(RUN) $(PYTEST) --durations=25 $(COVERED) $(ARGS)

proof: setup ## run the full crash, race and fault-injection suite, in hours; ARGS="-k races" for a part
	$(RUN) $(PYTEST) tests/stress --proof=full $(ARGS)

wheel-test: setup ## install the built wheel in an empty environment, and test it there
	$(RUN) -m pytest tests/packaging -m wheel $(ARGS)

test-live: setup ## run one round on a real Polytomic server (CONTRIBUTING.md), and delete what it creates
	$(RUN) -m pytest tests/live -m live $(ARGS)

lint: setup ## run ruff and mypy --strict
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

fix: setup ## let ruff fix and format
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

emulator: setup ## serve the emulated Polytomic API; ARGS="--port 8766"
	$(RUN) -m airflow_provider_polytomic.testing $(ARGS)

docs: setup ## build the documentation site into build/site; a warning is an error
	$(MKDOCS) build --strict

docs-serve: setup ## serve the site while you write; ARGS="--dev-addr 127.0.0.1:8001"
	$(MKDOCS) serve $(ARGS)

bench: setup ## measure, save the results and write docs/benchmarks.md: ten minutes; ARGS=--quick to try it
	$(RUN) -m benchmarks $(ARGS)

constraints: ## resolve the pinned versions again (with Python 3.11)
	@python="$$(sh tools/find_python.sh 11 $(PYTHON))" && "$$python" tools/make_constraints.py

clean: ## remove the environments and all build results
	rm -rf .venv .venv-2.11 .demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
