#!/usr/bin/env bash
# make test: everything with its real counterparts. On Debian what is missing
# is installed, and the run fails if anything was skipped. Elsewhere the
# Go-only part runs and the run says what was left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LATCHKEY_CACHE=${LATCHKEY_CACHE:-$PWD/.cache}

if ! command -v apt-get >/dev/null; then
  echo "Not Debian: running the Go-only part. Left out: xmlsec1, OASIS schemas,"
  echo "SimpleSAMLphp, mod_auth_mellon, node-saml, python3-saml, Fediz, axe-core, DynamoDB Local, moto, Chromium, unless installed."
  exec go test ./...
fi

scripts/deps.sh
eval "export $(scripts/dynamodb-local.sh start)"
trap 'scripts/dynamodb-local.sh stop' EXIT
export LATCHKEY_REQUIRE_ALL=1

log=$LATCHKEY_CACHE/test.json
status=0
go test -json -p 2 -tags browser -timeout 15m ./... >"$log" || status=$?
go run ./internal/tools/testreport docs/requirements.txt <"$log" || status=1
exit $status
