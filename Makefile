# Each target is a command or two; the README shows the same without make.
PYTHON ?= python3
# dvc starts the stages with the python3 that it finds first: the environment's.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# With it, Python does not find the packages of this folder.
unexport PYTHONSAFEPATH
# The scripts of an environment name its folder, so in a folder that was moved it is made again.
$(if $(filter-out $(realpath .venv),$(file < .venv/installed)),$(shell rm -f .venv/installed))

# An exported variable, not pasted text, because a branch name may hold anything.
export BASE ?= origin/main

.PHONY: all serve experiments report gate promote benchmarks search photographs older new deps r r-test notebook test quick test-results test-image \
  lint format ci ci-code ci-results requirements

all: .venv/installed
	@.venv/bin/dvc repro
	@.venv/bin/python -m fashion_mnist.summary

# The page and the HTTP API; PORT=8080 for another port, TAG=models@v0.0.1 for promoted models.
PORT ?= 8000
TAG :=
SERVED := $(if $(TAG),.dvc/tmp/$(TAG),models)
serve: .venv/installed
	@$(if $(TAG),.venv/bin/python -m fashion_mnist.promoted '$(TAG)' '$(SERVED)')
	@.venv/bin/python -m service --port $(PORT) --models '$(SERVED)'

# `dvc exp show` with what differs and the accuracy to choose by; without --drop it has 100 columns,
# and without a pager it cuts off those that the terminal is too narrow for.
experiments: .venv/installed
	@DVC_PAGER=cat .venv/bin/dvc exp show --only-changed --drop \
	  '(Executor|Created|.*(\.accuracy|loss|onednn|cores|train_acc|classes|low|high|f1|error|against|relu|probes|export|similar_items|photographs|parameters|precision|images|/).*)'

# Compares the working tree's models with those of the merge base with BASE.
report: .venv/installed
	@.venv/bin/python -m fashion_mnist.report --base "$$BASE" --output report

# Fails where the committed results are worse than those of BASE, or not to be believed.
gate: .venv/installed
	@.venv/bin/python -m fashion_mnist.report --base "$$BASE" --now HEAD --fail-on not-trustworthy \
	  --fail-on stale --fail-on worse --fail-on mixed --fail-on removed

# Tags the last commit's models as the current ones, where the report says better; or REASON="...".
REASON :=
export REASON
promote: .venv/installed
	@.venv/bin/python -m fashion_mnist.promote $${REASON:+--reason "$$REASON"}

# Takes hours: 14 rows and 4 ablations of 5 seeds, 35 folds. Each is cached, so you may stop at any
# time.
benchmarks: .venv/installed
	.venv/bin/dvc --cd experiments repro
	.venv/bin/python -m experiments.training_times
	.venv/bin/python -m experiments.table

# Looks for better settings; stop it at any time, and the same command goes on. docs/search.md.
SPACE ?= experiments/spaces/recipe.yaml
TRIALS ?= 40
JOBS ?= 2
search: .venv/search
	@.venv/bin/python -m experiments.search "$(SPACE)" --trials $(TRIALS) --jobs $(JOBS)

# The head of photographs/ learns anew, in three minutes with AVX512-BF16, and is measured.
photographs: .venv/installed
	@.venv/bin/dvc --cd photographs repro
	@cp photographs/data/head.npz photographs/head.npz
	@.venv/bin/python -m photographs.document

# Lists the measured documents that are older than the code and params that they measure.
older: .venv/installed
	@.venv/bin/python -m benchmarks.measured

# A repository for your own pictures: make new NAME=shoes FROM=folder ITEM=shoe; docs/own_pictures.md.
export NAME FROM
export ITEM ?= item
new: .venv/installed
	@.venv/bin/python -m fashion_mnist.new "$$NAME" --from "$$FROM" --item "$$ITEM"

# Writes each stage's imports, and the stages of the models, into dvc.yaml.
deps: .venv/installed
	@.venv/bin/python -m fashion_mnist.dvc_yaml

# The CNN from R; Rscript is not needed elsewhere.
RSCRIPT := $(shell command -v Rscript)
r: .venv/installed
	@$(if $(RSCRIPT),,echo "error: Rscript: not found; install the packages of r/packages.txt" >&2; exit 1)
	@.venv/bin/dvc --cd r repro

r-test: .venv/installed
	@$(if $(RSCRIPT),,echo "error: Rscript: not found; install the packages of r/packages.txt" >&2; exit 1)
	@Rscript r/tests/run.R

# Opens the guided tour in the browser; installs JupyterLab on first use.
notebook: .venv/notebook
	@.venv/bin/jupyter lab notebooks/tour.ipynb

# What is not for everyone: .venv/notebook, .venv/search, .venv/tag, .venv/cluster, .venv/s3.
.venv/%: requirements-%.txt .venv/installed
	.venv/bin/uv pip install --python .venv/bin/python --quiet --system-certs --require-hashes --requirements $<
	@touch $@

test: .venv/installed
	.venv/bin/pytest

# The tests that take seconds each: three minutes together.
quick: .venv/installed
	.venv/bin/pytest -m 'not slow'

# After a real run: the results belong to this code, reach the floor, and the exports agree.
test-results: .venv/installed
	.venv/bin/pytest tests/test_repository.py tests/test_agreement.py tests/test_notebook.py -k 'not made'

# Follows the Dockerfile without Docker, in a fresh folder and environment.
test-image: .venv/installed
	.venv/bin/python -m tests.follow_dockerfile

lint: .venv/installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: .venv/installed
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# Everything that CI checks: the code, then a real run and its results.
ci:
	$(MAKE) ci-code
	$(MAKE) ci-results

ci-code: .venv/search .venv/tag .venv/cluster .venv/s3
	$(MAKE) lint
	$(MAKE) test

ci-results:
	$(MAKE) all
	$(MAKE) test-results
	$(MAKE) test-image

# Pins the dependencies of pyproject.toml at their newest versions, and the service's at the same.
COMPILE := .venv/bin/uv pip compile --quiet --system-certs --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-header --no-annotate
requirements: .venv/installed
	$(COMPILE) --upgrade --extra pipeline --group dev pyproject.toml --output-file requirements.txt
	$(COMPILE) --group service --constraint requirements.txt --output-file requirements-service.txt
	for name in notebook search tag cluster s3; do \
	  $(COMPILE) --group $$name --constraint requirements.txt --output-file requirements-$$name.txt || exit 1; \
	done

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and \
	  "error: Python %d.%d found, 3.11 to 3.13 expected: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Installing packages into .venv: a minute, more on a slow line"
	$(PYTHON) -m venv --clear .venv
	@# pip installs only uv, by its pin and hashes; uv installs the rest in seconds.
	sed -n '/^uv==/,/[^\\]$$/p' requirements.txt > .venv/uv.txt
	.venv/bin/pip install --quiet --require-hashes --requirement .venv/uv.txt
	.venv/bin/uv pip install --python .venv/bin/python --quiet --system-certs --require-hashes --compile-bytecode --requirements requirements.txt
	@# The chart library of `dvc plots diff`: .dvc/plots/page.html looks for it here.
	.venv/bin/python -X utf8 -c 'import vl_convert; print(vl_convert.javascript_bundle(vl_version="5.20"))' > .venv/vega.js
	@cd .venv && pwd -P > installed
