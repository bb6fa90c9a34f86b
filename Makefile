# Latchkey. `make demo` shows it, `make test` proves it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

include $(wildcard mk/*.mk)

.PHONY: help demo unit test lint bench soak fuzz build deploy screenshots openapi clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: build-cli ## identity provider, application and phone; ARGS=--headless signs in by itself
	@./bin/latchkey demo $(ARGS)

unit: ## the quick loop: Go only
	go test ./...

test: ## everything, with its real counterparts; installs on Debian what it needs
	scripts/test.sh

lint: ## formatting, vet, linters, template, licences of what is vendored
	scripts/lint.sh

bench: ## the figures of docs/operations.md, compared within one run
	scripts/bench.sh

soak: ## what takes longer: every fault of AWS in every call, pairs of them, chaos (PAIRS, LOGINS, SEED)
	scripts/soak.sh

FUZZTIME ?= 20s
fuzz: ## every fuzz target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

build: lambdas build-cli ## the Lambda zips (dist/lambda) and the command line (bin/latchkey)

deploy: ## sam build && sam deploy --guided
	scripts/sam.sh build
	scripts/sam.sh deploy --guided

screenshots: ## the pictures of README and docs; FOLDER=... every page in every state
	scripts/screenshots.sh $(FOLDER)

openapi: ## docs/openapi.json from docs/openapi.yaml
	go test ./docs -update

clean: ## what builds and tests leave behind
	rm -rf bin dist .aws-sam
