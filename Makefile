# On a machine with just Python (3.11 to 3.13) and make: `make demo`, `make test`.
# PYTHON=python3.12 make test picks another interpreter.

PYTHON ?= python3
VENV   ?= .venv
RUN    := $(VENV)/bin/python
STAMP  := $(VENV)/.installed

.PHONY: help demo test docs notebooks proofs benchmarks samples clean

help:           ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	  || { echo "isms_data needs Python 3.11 to 3.13, and $(PYTHON) is another; try PYTHON=python3.12 make ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "$(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (once) ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)  ## the main job on the embedded sandbox: a messy list in; a typed list, a sent campaign, its delivery out
	@$(RUN) -m isms_data demo

test: $(STAMP)  ## lint, types, tests, doctests, notebooks
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	$(RUN) -m coverage run -m pytest
	$(RUN) -m coverage report

docs: $(STAMP)  ## the documentation as a site in out/site; no warning, every link checked
	rm -rf out/site
	$(RUN) -m sphinx -W --keep-going -q docs out/site
	$(RUN) docs/_sphinx/check_links.py out/site
	@echo "out/site/index.html"

notebooks: $(STAMP)  ## execute the notebooks and keep them with their outputs in docs/notebooks/
	$(RUN) docs/_sphinx/render_notebooks.py

proofs: $(STAMP)  ## the long proofs: 200 kills each of a lookup and of campaigns by HTTP and SMPP, a million numbers
	ISMS_KILLS=200 $(RUN) -m pytest tests/test_kill.py
	ISMS_SEND_CANCELS=300 $(RUN) -m pytest tests/test_campaign_attacks.py
	$(RUN) benchmarks/cleaning.py --agreement 1000000

benchmarks: $(STAMP)  ## every benchmark, as ratios in one run
	$(RUN) benchmarks/run.py

samples: $(STAMP)  ## make data/samples/ again
	$(RUN) data/samples/make_samples.py
	$(RUN) data/samples/make_delivery_sample.py

clean:          ## remove what was installed and made
	rm -rf $(VENV) build out *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
