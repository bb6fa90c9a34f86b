#!/usr/bin/env bash
# Looks for known vulnerabilities in the packages that we link (govulncheck).
# Whether we call what is vulnerable is not asked: govulncheck does not follow
# calls through the handlers that a router holds, so it would miss most of ours.
#
#   scripts/vulncheck.sh             with the database of the Go project
#   scripts/vulncheck.sh self-test   shows that it finds one, and only what concerns us
#
# The database is at vuln.go.dev, or where GOVULNDB says. Where it is out of
# reach nothing is checked, and the script says so; with LATCHKEY_REQUIRE_VULNDB=1
# that is a failure.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
GOVULNCHECK=golang.org/x/vuln/cmd/govulncheck@v1.9.0
database=${GOVULNDB:-https://vuln.go.dev}

check() { # database
  go run "$GOVULNCHECK" -scan package -db "$1" -tags lambda.norpc ./cmd/... ./functions/...
}

self_test() {
  local out status=0
  out=$(check "file://$PWD/scripts/vulndb" 2>&1) || status=$?
  # go run ends with 1 whatever the program ended with, and says what that was.
  if [ "$status" = 0 ] || ! grep -q 'GO-0000-0001' <<<"$out" || ! grep -q 'exit status 3' <<<"$out"; then
    echo "$out"
    echo "vulncheck: a vulnerability that is there was not found"
    exit 1
  fi
  if grep -q 'GO-0000-0002' <<<"$out"; then
    echo "$out"
    echo "vulncheck: a vulnerability of other versions was reported"
    exit 1
  fi
  echo "vulncheck: self-test ok"
}

reachable() {
  case $database in
  file://*) [ -e "${database#file://}/index/db.json" ] ;;
  *) curl --silent --fail --max-time 10 --output /dev/null "$database/index/db.json" ;;
  esac
}

case ${1:-} in
self-test) self_test ;;
"")
  if reachable; then
    check "$database"
    exit
  fi
  echo "*** vulncheck: NOT RUN. The database of vulnerabilities ($database) is out of reach:"
  echo "*** nothing is known about new vulnerabilities in what we use."
  [ "${LATCHKEY_REQUIRE_VULNDB:-}" != 1 ] || exit 1
  ;;
*) echo "usage: $0 [self-test]" >&2; exit 2 ;;
esac
