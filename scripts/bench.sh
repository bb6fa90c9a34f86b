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
