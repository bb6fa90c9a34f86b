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

# What `sam deploy` would upload, made by SAM: of each function a program for arm64.
sam_build() {
  local to=$LATCHKEY_CACHE/sam-build function n=0
  scripts/sam.sh build --build-dir "$to" >"$to.log" 2>&1 || { tail -n 20 "$to.log"; return 1; }
  for function in $(awk '/^  [A-Za-z]+Function:$/ { sub(":", ""); print $1 }' template.yaml); do
    # bytes 18 and 19 of an ELF file are its machine: 183 is AArch64
    [ "$(od -An -tu2 -j18 -N2 "$to/$function/bootstrap" | tr -d ' ')" = 183 ] || { echo "sam build: $function has no program for arm64"; return 1; }
    n=$((n + 1))
  done
  [ "$n" -gt 0 ] && echo "sam build: $n functions for arm64"
}

scripts/deps.sh
DYNAMODB_ENDPOINT=$(scripts/dynamodb-local.sh start)
export DYNAMODB_ENDPOINT=${DYNAMODB_ENDPOINT#*=}
trap 'scripts/dynamodb-local.sh stop' EXIT
export LATCHKEY_REQUIRE_ALL=1

log=$LATCHKEY_CACHE/test.json
status=0
# First what takes long: the pages, last by name, would run alone at the end.
go test -json -p 2 -tags browser -timeout 25m \
  ./internal/tools/lambdazip ./internal/app ./internal/browsertest ./internal/web/pages ./... >"$log" || status=$?
go run ./internal/tools/testreport docs/requirements.txt <"$log" || status=1
scripts/race.sh || status=1
sam_build || status=1
scripts/sam-local.sh test || status=1
exit $status
