# Each target is a command or two; the README shows the same without make.
PYTHON ?= python3
# The stages that dvc starts find the environment's python there.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Exported, not pasted into commands: branch names may hold anything.
export BASE ?= origin/main

.PHONY: all serve experiments report benchmarks older test test-results test-image lint format requirements

all: .venv/installed
	@.venv/bin/dvc repro
	@.venv/bin/python -m fashion_mnist.summary

# The page and the HTTP API; PORT=8080 for another port.
PORT ?= 8000
serve: .venv/installed
	@.venv/bin/python -m service --port $(PORT)

# `dvc exp show` with the accuracies and what differs; without --drop it has 100 columns.
experiments: .venv/installed
	@.venv/bin/dvc exp show --no-pager --only-changed --drop \
	  '.*(export|similar_items|classes|low|high|loss|f1|error|train_acc|against|relu|parameters|images|\.py|data/|models/|plots/|Created).*'

# What the working tree's models are, against those of the merge base with BASE.
report: .venv/installed
	@.venv/bin/python -m fashion_mnist.report --base "$$BASE" --output report

# Hours: 12 rows and 4 ablations of 5 seeds. Each is cached; stop when you like.
benchmarks: .venv/installed
	.venv/bin/dvc repro benchmarks/dvc.yaml
	.venv/bin/python -m benchmarks.training_times
	.venv/bin/python -m benchmarks.table

# Which measured documents are older than the code and params that they measure.
older: .venv/installed
	@.venv/bin/python -m benchmarks.measured

test: .venv/installed
	.venv/bin/pytest

# After a real run: the results are of this code and above the floor, the exports agree.
test-results: .venv/installed
	.venv/bin/pytest tests/test_repository.py tests/test_agreement.py -k 'not made'

# The Dockerfile's steps without Docker, in a fresh folder and environment.
test-image: .venv/installed
	.venv/bin/python -m tests.follow_dockerfile

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: .venv/installed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# Pins what pyproject.toml asks for, at the newest versions; what the service needs, at the same.
COMPILE := .venv/bin/uv pip compile --quiet --system-certs --universal --python-version 3.10 \
  --generate-hashes --no-emit-index-url --no-header --no-annotate
requirements: .venv/installed
	$(COMPILE) --upgrade --group dev pyproject.toml --output-file requirements.txt
	$(COMPILE) --group service --constraint requirements.txt --output-file requirements-service.txt

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14) and \
	  "error: Python %d.%d found, 3.10 to 3.13 expected: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Installing packages into .venv: a minute, more on a slow line"
	$(PYTHON) -m venv --clear .venv
	@# pip gets only uv, by its pin and hashes: uv installs the rest in seconds.
	sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > .venv/uv.txt
	.venv/bin/pip install --quiet --require-hashes --requirement .venv/uv.txt
	.venv/bin/uv pip install --python .venv/bin/python --quiet --system-certs --require-hashes --compile-bytecode --requirements requirements.txt
	@touch .venv/installed
