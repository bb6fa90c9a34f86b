#!/usr/bin/env bash
# make bench: what a Response and a refusal cost, compared within one run.
#
#   COUNT=6 BENCHTIME=1s scripts/bench.sh
#
# The first table is benchstat's over all runs, the second the judgement over
# the fastest one of each (internal/tools/benchratio), which fails if a figure
# that docs/operations.md promises is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
BENCHSTAT=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

out=$(mktemp)
trap 'rm -f "$out"' EXIT
go test -run '^$' -bench . -benchtime "${BENCHTIME:-1s}" -count "${COUNT:-6}" ./internal/saml/bench | tee "$out"
echo
echo "== the sign-in page's calls, with storage"
go test -run '^$' -bench . -benchtime "${BENCHTIME:-1s}" ./internal/app
echo
go run "$BENCHSTAT" "$out"
go run ./internal/tools/benchratio <"$out" | sed -n '/^| Figure/,$p'

echo
echo "== process start to first answer of each bootstrap"
if command -v java >/dev/null && command -v mvn >/dev/null; then
  DYNAMODB_ENDPOINT=$(scripts/dynamodb-local.sh start)
  export DYNAMODB_ENDPOINT=${DYNAMODB_ENDPOINT#*=}
  trap 'rm -f "$out"; scripts/dynamodb-local.sh stop' EXIT
  go test -count=1 -v -run '^TestStartFigures$' ./functions | grep -vE '^(=== RUN|---|PASS|ok)'
else
  echo "not measured: needs Java and Maven for DynamoDB Local"
fi
