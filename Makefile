# make demo: see the main job on a real Airflow. make test: set-up, and what to run before each commit. make help: the rest.
# Any Python 3.11-3.13 with venv will do; to name one: make PYTHON=python3.12 ...
.DEFAULT_GOAL := help
.PHONY: help setup setup-2.11 demo test test-2.11 test-all proof wheel-test test-live lint fix emulator docs docs-serve bench constraints clean

RUN := .venv/bin/python
RUN_2_11 := .venv-2.11/bin/python
# Without bytecode, each of the many processes that the tests start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
# How many processes test side by side; 0: the one that make starts.
WORKERS ?= logical
PYTEST := -m pytest -n $(WORKERS)
# A whole run must have all tests and reach the gate of coverage (pyproject.toml); a part of it cannot.
WHOLE := $(if $(strip $(ARGS)),,--whole)
COVERED := $(if $(strip $(ARGS)),,--whole --cov)
# The theme's advertisement of its successor would hide what matters.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs
# Airflow 2.11 takes no Python above 3.12.
setup_venv = @python="$$(sh tools/find_python.sh $(3) $(PYTHON))" && "$$python" tools/make_venv.py $(1) $(2) $(4)

help: ## list the commands
	@sed -n 's/^\([a-z0-9.-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 22

setup: ## make .venv (current Airflow), or leave it when nothing has changed
	$(call setup_venv,.venv,constraints/airflow-3.3.txt,13,dev docs)

setup-2.11: ## make .venv-2.11 (Airflow 2.11), likewise
	$(call setup_venv,.venv-2.11,constraints/airflow-2.11.txt,12,dev)

demo: setup ## onboard a customer with a real Airflow against an emulated Polytomic, and look where the key went
	@$(RUN) -m demo $(ARGS)

test: setup ## what to run before each commit, in minutes; ARGS="tests/unit -k retry" for a part
	$(RUN) $(PYTEST) -m "not slow" $(COVERED) $(ARGS)

test-2.11: setup-2.11 ## the same on Airflow 2.11, without the gate of coverage
	$(RUN_2_11) $(PYTEST) -m "not slow" $(WHOLE) $(ARGS)

test-all: setup setup-2.11 ## everything on the current Airflow, and on 2.11 what can differ there; ARGS for a part
	$(RUN_2_11) $(PYTEST) -m "not airflow_independent" --durations=10 $(WHOLE) $(ARGS)
	$(RUN) $(PYTEST) --durations=25 $(COVERED) $(ARGS)

proof: setup ## kill, race and fault as often as the docs say, on the current Airflow: hours; ARGS="-k races" for a part
	$(RUN) $(PYTEST) tests/stress --proof=full $(ARGS)

wheel-test: setup ## install the built wheel in an empty environment and ask Airflow for the provider
	$(RUN) -m pytest tests/packaging -m wheel $(ARGS)

test-live: setup ## a round on a real Polytomic server, named by environment variables (CONTRIBUTING.md); it removes what it creates
	$(RUN) -m pytest tests/live -m live $(ARGS)

lint: setup ## ruff and mypy --strict
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

fix: setup ## let ruff mend and format
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

emulator: setup ## serve the emulated Polytomic API; ARGS="--port 8766"
	$(RUN) -m airflow_provider_polytomic.testing $(ARGS)

docs: setup ## build the documentation's site into build/site; any warning is an error
	$(MKDOCS) build --strict

docs-serve: setup ## show the site while you write; ARGS="--dev-addr 127.0.0.1:8001"
	$(MKDOCS) serve $(ARGS)

bench: setup ## measure, save the results in benchmarks/results and write docs/benchmarks.md: ten minutes; ARGS=--quick to try it
	$(RUN) -m benchmarks $(ARGS)

constraints: ## resolve the pinned versions anew (with Python 3.11)
	@python="$$(sh tools/find_python.sh 11 $(PYTHON))" && "$$python" tools/make_constraints.py

clean: ## remove the environments and everything made
	rm -rf .venv .venv-2.11 .demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
