# Everything a contributor or CI calls. `setup` is implied by every other target and does nothing when it is up to date.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
BROWSER_STAMP := $(VENV)/.installed-browser
FILE   ?= statemachines/examples/hello-world/workflow.json
PORT   ?= 8006
SECONDS ?= 600

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# uv installs in a sixth of the time; where it does not reach the index as pip is set up to, pip does it.
install = $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(1) 2>/dev/null || $(PIP) --require-hashes -r $(1)
# What pytest makes of the tests' modules is kept: else each process of a run spends seven seconds on it before its first test.
export PYTHONDONTWRITEBYTECODE :=
# To compile modules takes as long as all else that a command does; where Python may not write what it compiled, every time.
# What does not parse is no module but a template of one.
compile = $(BIN)/python -m compileall -q -j 0 -x node_modules $(1) >/dev/null || true

.PHONY: setup run serve wheel console test-console e2e-console test fuzz clients e2e lint format bench synth generate lock

setup: $(STAMP)

$(STAMP): requirements.lock requirements-setup.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements-setup.lock
	$(call install,requirements.lock)
	$(PIP) --no-deps --no-build-isolation -e .
	$(call compile,$(VENV)/lib functions infra layers)
	@touch $(STAMP)

run: setup
	@$(BIN)/workflow run $(FILE)

serve: setup
	@$(BIN)/python -m infra.console --if-missing
	@$(BIN)/workflow serve --port $(PORT)

# The wheel, with its console, in dist: what a laptop installs.
wheel: setup
	@$(BIN)/python -m infra.console --if-missing
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python

# The page that `make serve` shows, built by Node from PyPI and packages from npm.
console: setup
	$(BIN)/python -m infra.console

test-console: setup
	$(BIN)/python -m infra.console --test

test: setup
	$(BIN)/python -m pytest

# Property tests over new random examples, for so long. Make what it finds an @example of the test.
fuzz: setup
	$(BIN)/python -m pytest -p tests.support.fuzz --fuzz-seconds $(SECONDS)

# The OpenAPI document by its linters, and a call with each client that is generated from it. Installs packages from npm once.
clients: setup
	$(BIN)/python -m pytest -n 0 -m slow tests/clients

# The CDK app, deployed to an emulator of AWS that enforces IAM, and every journey over its API.
e2e: setup
	$(BIN)/python -m pytest -p tests.e2e.harness.plugin -n 0 -m "not benchmark and not slow" tests/e2e tests/journeys

# The console in a browser, on a local server with real runs. Debian's Chromium is installed where there is none.
e2e-console: setup console $(BROWSER_STAMP)
	@command -v chromium >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends chromium; } \
	  || { echo "The tests of the console need Chromium: install the package 'chromium', as root." >&2; exit 1; }
	$(BIN)/python -m pytest -n 0 -m browser tests/console

$(BROWSER_STAMP): requirements-console.lock $(STAMP)
	$(call install,requirements-console.lock)
	@touch $(BROWSER_STAMP)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup $(BENCH_STAMP)
	$(BIN)/python -m pytest -m benchmark -n 0 -s

$(BENCH_STAMP): requirements-bench.lock $(STAMP)
	$(call install,requirements-bench.lock)
	$(call compile,$(VENV)/lib)
	@touch $(BENCH_STAMP)

# The CDK app as CloudFormation templates and assets, in cdk.out: without the cdk command line, an account or Docker.
# Settings: make synth CONTEXT="-c stage=prod"
synth: setup
	CDK_OUTDIR=cdk.out $(BIN)/python -m infra.app $(CONTEXT)

# What is derived from the code and committed; tests compare it.
generate: setup
	$(BIN)/python -m infra.reference schema > statemachines/workflow.schema.json
	$(BIN)/python -m infra.openapi > infra/openapi.json
	cp infra/local/mocking/workflow.test.schema.json statemachines/workflow.test.schema.json
	$(BIN)/python -m infra.reference diagnostics > docs/diagnostics.md
	$(BIN)/python -m infra.reference errors > docs/errors.md
	$(BIN)/python -m infra.reference language > docs/language.md
	$(BIN)/python -m infra.step_types > docs/step-types.md
	$(BIN)/python -m infra.local.cli.reference > docs/cli.md
	$(BIN)/python -m infra.local.cli.completion > infra/local/cli/completion.json

# Needs uv on the PATH. Hashes are kept, the address of the package index is not.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url
ALL := pyproject.toml --extra lambda --extra llm --extra files --extra graph --extra infra --extra dev
# The layers are what these extras ask for and nothing of what a laptop needs, without what Lambda's Python runtimes bring.
extras = $(PYTHON) -c "import sys, tomllib; extras = tomllib.load(sys.stdin.buffer)['project']['optional-dependencies']; \
  print(*(line for name in sys.argv[1:] for line in extras[name]), sep='\n')" $(1) < pyproject.toml
IN_LAMBDAS_RUNTIME := boto3 botocore s3transfer urllib3 python-dateutil six
LAYER := $(LOCK) - --no-header -c requirements.lock $(IN_LAMBDAS_RUNTIME:%=--no-emit-package %)
lock:
	$(LOCK) $(ALL) -o requirements.lock
	grep '^uv==' requirements.lock | cut -d' ' -f1 | uv pip compile --quiet --generate-hashes --no-emit-index-url \
	  --no-header - -o requirements-setup.lock
	$(LOCK) $(ALL) --extra bench -c requirements.lock -o requirements-bench.lock
	$(LOCK) $(ALL) --extra console -c requirements.lock -o requirements-console.lock
	$(call extras,lambda) | $(LAYER) -o layers/deps/requirements.lock
	$(call extras,lambda llm) | $(LAYER) -o layers/llm_deps/requirements.lock
	$(call extras,lambda files) | $(LAYER) -o layers/files_deps/requirements.lock
