# Latchkey. `make demo` shows it, `make test` proves it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# As in a release: what is linked needs no C, and a C compiler would only cost time.
export CGO_ENABLED := 0

include $(wildcard mk/*.mk)

.PHONY: help demo unit test soak lint bench fuzz build local sbom release deploy screenshots openapi clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: build-cli ## identity provider, application and phone; ARGS=--headless signs in by itself
	@./bin/latchkey demo $(ARGS)

unit: ## the quick loop: Go only
	go test ./...

test: ## everything, with its real counterparts; installs on Debian what it needs
	scripts/test.sh

soak: ## load, capacity, pairs of faults: what takes too long for make test; SECTIONS=load
	scripts/soak.sh $(SECTIONS)

lint: ## formatting, vet, linters, template, workflows, licences, known vulnerabilities
	scripts/lint.sh

bench: ## the figures of docs/operations.md, compared within one run
	scripts/bench.sh

FUZZTIME ?= 20s
fuzz: ## every fuzz target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

build: lambdas build-cli ## the Lambda zips (dist/lambda) and the command line (bin/latchkey)

local: ## the functions in containers at http://localhost:3000 (sam local start-api); needs Docker
	scripts/sam-local.sh up

sbom: ## dist/latchkey.cdx.json: everything of others that is linked (CycloneDX)
	go run ./internal/tools/sbom -bom dist/latchkey.cdx.json -notices dist/THIRD_PARTY_NOTICES

release: ## everything that a release consists of, into dist/release
	scripts/release.sh

deploy: ## sam build && sam deploy --guided
	scripts/sam.sh build
	scripts/sam.sh deploy --guided

screenshots: ## the pictures of README and docs; FOLDER=... every page in every state
	scripts/screenshots.sh $(FOLDER)

openapi: ## docs/openapi.json from docs/openapi.yaml
	go test ./docs -update

clean: ## what builds and tests leave behind
	rm -rf bin dist .aws-sam
