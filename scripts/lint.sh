#!/usr/bin/env bash
# make lint
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GOLANGCI=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.8.0
ACTIONLINT=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

step() { echo "== $*"; }

step gofmt
unformatted=$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l)
[ -z "$unformatted" ] || { echo "not gofmt-ed:" $unformatted; exit 1; }

step go vet
go vet ./...
go vet -tags browser ./internal/...

step modules
go mod verify >/dev/null
cp go.mod go.sum "${tmp:=$(mktemp -d)}"/
go mod tidy -diff
grep -nE '^replace' go.mod && { echo "no replace in go.mod"; exit 1; } || true

step licences
go run ./internal/tools/sbom

step vulnerabilities
scripts/vulncheck.sh

step workflows
go run "$ACTIONLINT" -shellcheck= -pyflakes=

step golangci-lint
go run "$GOLANGCI" run ./...

step shell
for s in scripts/*.sh .ci/run; do bash -n "$s"; done

step template
scripts/sam.sh validate --lint
scripts/sam.sh cfn-lint template.yaml
echo "lint: ok"
