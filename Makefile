# Everything there is to do with a checkout. `make` alone lists the targets.
#
# Set-up is part of every target: the environment is .venv, made by the first Python >= 3.11 that can make one, and
# filled from the hash-locked requirements. Stamps in .venv say what is done, so a second `make run` starts at once.
# The project itself is not installed: a .pth file points at the checkout and .venv/bin/arkbridge runs it.
#
#   PYTHON=/path/to/python   makes .venv with this interpreter
#   ARGS="..."               further words for `arkbridge serve`, pytest or the bench
#   UPGRADE=1                lets `make lock` take newer versions than the locks have

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-input
PYTHON ?=
ARGS ?=
UPGRADE ?=

UV_VERSION := 0.13.9
UV := .cache/uv-$(UV_VERSION)/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-header --no-annotate $(if $(UPGRADE),--upgrade,)

# A broken link to the interpreter (it was upgraded or removed) makes the environment anew.
CREATED := $(VENV)/.created
RUN := $(VENV)/.run
DEV := $(VENV)/.dev
STALE := $(shell test -x $(PY) || echo FORCE)

.PHONY: help run test test-long bench lint lock wheel clean FORCE

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: $(RUN) ## set up and start the gateway on 127.0.0.1:8686
	@exec $(VENV)/bin/arkbridge serve $(ARGS)

test: $(DEV) ## set up and run the tests, all but the slow ones
	$(PY) -m pytest -n auto --dist loadfile -m "not long" $(ARGS)

test-long: $(DEV) ## run the slow tests
	$(PY) -m pytest -m long $(ARGS)

bench: $(DEV) ## run the measurements
	@test -f bench/__main__.py || { echo "make bench: bench/__main__.py is missing, so there is nothing to measure" >&2; exit 1; }
	$(PY) -m bench $(ARGS)

lint: $(DEV) ## check style, types, layers, sizes and documents
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(if $(LINT_TESTS),$(PY) -m pytest -q $(LINT_TESTS))

LINT_TESTS := $(wildcard tests/test_layout.py tests/test_docs.py)

wheel: $(DEV) ## build dist/arkbridge-*.whl
	rm -rf dist
	$(PY) -m build --wheel --no-isolation --outdir dist

lock: $(RUN) $(UV) ## write all locks anew
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock
	for file in tests/sdk/*/requirements.in; do \
		$(COMPILE) "$$file" --override tests/sdk/overrides.txt -o "$${file%.in}.txt" || exit 1; \
	done
	@command -v npm >/dev/null || { echo "make lock: npm is missing, so tests/sdk/*/package-lock.json stay as they are" >&2; exit 1; }
	for file in tests/sdk/*/package.json; do \
		(cd "$${file%/*}" && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund) || exit 1; \
	done

clean: ## remove what make made; data/ and config.toml stay
	rm -rf $(VENV) .cache dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(CREATED): $(STALE)
	@sh -c "$$CREATE_ENVIRONMENT"
	@touch $@

$(RUN): $(CREATED) requirements.lock Makefile
	@echo "make: installing what the gateway needs" >&2
	@$(PIP) --require-hashes -r requirements.lock
	@$(PY) -c "$$INSTALL_COMMAND"
	@touch $@

$(DEV): $(RUN) requirements-dev.lock
	@echo "make: installing what the tests need" >&2
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

$(UV): $(RUN)
	$(PIP) --upgrade --target .cache/uv-$(UV_VERSION) uv==$(UV_VERSION)
	@touch $@

FORCE:

# Makes .venv with pip in it. Each interpreter has three ways: venv; venv without pip, filled by the pip outside (Debian
# splits ensurepip off); virtualenv in a folder of its own. Whatever fails goes to .cache/setup.log.
define CREATE_ENVIRONMENT
venv='$(VENV)'
log=.cache/setup.log
mkdir -p .cache && : > "$$log"
quiet() { echo "+ $$*" >> "$$log"; "$$@" >> "$$log" 2>&1; }
recent() { quiet "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }
works() { recent "$$venv/bin/python" && quiet "$$venv/bin/python" -m pip --version; }
outside_pip() { quiet "$$1" -m pip --disable-pip-version-check --no-input "$$2" "$$3" install pip; }
plain() { quiet "$$1" -m venv --clear "$$venv" && works; }
without_ensurepip() { quiet "$$1" -m venv --clear --without-pip "$$venv" && outside_pip "$$1" --python "$$venv/bin/python" && works; }
by_virtualenv() {
  quiet "$$1" -m pip install --disable-pip-version-check --no-input --upgrade --target .cache/virtualenv virtualenv &&
    quiet env PYTHONPATH=.cache/virtualenv "$$1" -m virtualenv --clear "$$venv" && works
}
works && exit 0
seen=
for python in $(if $(PYTHON),'$(PYTHON)',python3 python3.13 python3.12 python3.11 python3.14); do
  command -v "$$python" > /dev/null 2>&1 || continue
  recent "$$python" || { seen="$$seen $$python (older than 3.11, or does not start)"; continue; }
  echo "make: making $$venv with $$("$$python" -c 'import sys; print("Python", sys.version.split()[0], "at", sys.executable)')" >&2
  plain "$$python" || without_ensurepip "$$python" || by_virtualenv "$$python" && exit 0
  seen="$$seen $$python (has neither ensurepip nor a pip that could be used)"
done
rm -rf "$$venv"
cat >&2 <<END
make: no environment could be made in $$venv.
  tried:$${seen:- no Python at all was found}
  needed: Python 3.11 or newer, with its venv module and pip (on Debian and Ubuntu: apt-get install python3-venv python3-pip)
  what each attempt said: $$log
  another interpreter: make PYTHON=/path/to/python3.12 ...
END
exit 1
endef
export CREATE_ENVIRONMENT

# The command and the way to the checkout. The script's second line is shell: it finds the interpreter beside itself, so
# that neither blanks in the path nor a moved checkout break it. To Python that line is a string.
define INSTALL_COMMAND
import os, pathlib, sysconfig
site = pathlib.Path(sysconfig.get_path('purelib')).resolve()
command = pathlib.Path(sysconfig.get_path('scripts')).resolve() / 'arkbridge'
(site / 'arkbridge.pth').write_text(os.path.relpath(os.getcwd(), site) + '\n')
quotes = chr(39) * 3
command.write_text('\n'.join([
    '#!/bin/sh',
    quotes + chr(39) + 'exec "$$(dirname -- "$$(readlink -f -- "$$0")")/python" -P "$$0" "$$@" #' + quotes,
    'import sys',
    'from proxy.__main__ import main',
    'sys.exit(main())',
    '']))
command.chmod(0o755)
endef
export INSTALL_COMMAND
