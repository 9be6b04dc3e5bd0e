# The two commands of README: `make demo` and `make test`. Both make .venv first, where it is missing.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test lint types pytest format site clean

demo: $(INSTALLED)  ## scan the sample images: digits, and pictures of fruit
	$(BIN)/labelaudit scan sample_data/fruit -o labelaudit-fruit --effort quick
	$(BIN)/labelaudit scan sample_data/digits

test: lint types pytest  ## everything that must hold before a commit; `make -j 2` does two at a time

pytest: $(INSTALLED)  # commands in processes of their own start sooner where bytecode is kept
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 2

types: $(INSTALLED)
	$(BIN)/mypy

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

site: $(INSTALLED)  ## the documentation as a site, in build/site
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[site]'
	$(BIN)/python docs/make_site.py

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis labelaudit-run labelaudit-fruit

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "labelaudit needs Python 3.11 or newer: make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "Python's venv is missing: on Debian or Ubuntu, apt install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "Installing labelaudit into .venv; torch is large, this can take some minutes"
	$(BIN)/python -m pip install --disable-pip-version-check --no-input --progress-bar off -e '.[dev]'
	@touch $@
