# Everything runs in a .venv of its own. uv makes it where uv is installed, else python3 -m venv.
PYTHON ?= python3
PORT ?= 8786
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help gallery test check bench cluster docs clean

help:
	@echo "make gallery   the parts of real faces, digits, textures and a swimmer: out/*/index.html"
	@echo "make test      the tests"
	@echo "make check     ruff, mypy --strict, the layers"
	@echo "make bench     how fast it is, beside scikit-learn"
	@echo "make cluster   a dask scheduler and two workers on this machine, until Ctrl-C (PORT=8786)"
	@echo "make docs      the documentation: docs/_build/html"
	@echo "make clean     remove what the others made"

# The stamp is older than a changed pyproject.toml, so that new dependencies are installed.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "imgnmf needs Python 3.11 or newer, found " + sys.version.split()[0] + "; pass PYTHON=/path/to/python3.12")'
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python "$(PYTHON)" $(VENV) && \
		uv pip install --quiet --python $(BIN)/python --editable '.[test]'; \
	else \
		$(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --editable '.[test]'; \
	fi
	@touch $@

gallery: $(READY)
	$(BIN)/python scripts/make_gallery.py --into out

test: $(READY)
	@scripts/install_chromium.sh
	$(BIN)/python -m pytest -n auto

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py

bench: $(READY)
	$(BIN)/python -m benchmarks.speed

cluster: $(READY)
	@exec $(BIN)/python scripts/local_cluster.py --port $(PORT)

docs: $(READY)
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf $(VENV) out docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
