#!/usr/bin/env bash
# make soak: what takes too long for `make test`. Figures: docs/operations.md.
#
#   scripts/soak.sh             every section, an hour and more
#   scripts/soak.sh load        only that one
#
# PAIRS (5000) and LOGINS (2000) say how many pairs of faults and sign-ins in chaos;
# SEED (1) makes them others.
#
# Each section is a function that ends with an error if a promise is broken.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LATCHKEY_CACHE=${LATCHKEY_CACHE:-$PWD/.cache} LATCHKEY_REQUIRE_ALL=1

# DynamoDB Local, until this shell ends.
database() {
  DYNAMODB_ENDPOINT=$(scripts/dynamodb-local.sh start)
  export DYNAMODB_ENDPOINT=${DYNAMODB_ENDPOINT#*=}
  trap 'scripts/dynamodb-local.sh stop' EXIT
}

# Sign-ins of many people at once through `latchkey serve`.
load() {
  local folder
  folder=$(mktemp -d)
  go build -trimpath -o "$folder/latchkey" ./cmd/latchkey
  go build -o "$folder/drive" ./internal/testkit/load/drive
  local status=0 people
  for people in 50 200 400; do
    "$folder/drive" -latchkey "$folder/latchkey" -people "$people" -for 30s || status=1
    echo
  done
  rm -rf "$folder"
  return $status
}

# The same through the functions, behind an HTTP API as API Gateway's, on DynamoDB Local.
functions() {
  database
  local people
  for people in 60 200; do
    go test -count=1 -timeout 15m -v -run '^TestManyThroughTheFunctions$' ./functions -people "$people" -times $((people * 5)) -think 2s |
      grep -v '^=== '
  done
}

# A sign-in among 1,000,000 people costs what it costs in an empty table.
capacity() {
  database
  go test -tags soak -count=1 -timeout 30m -v -run '^TestSoakCapacity$' ./internal/app | grep --line-buffered -v '^=== '
}

# Random pairs of faults of AWS within a flow, and sign-ins of which each call may fail.
faults() {
  database
  go test -timeout 6h -v ./internal/faults \
    -soak -pairs "${PAIRS:-5000}" -logins "${LOGINS:-2000}" -seed "${SEED:-1}" |
    grep -E '^(---|FAIL|ok|panic)|^ +--- FAIL|_test\.go:'
}

# Under the race detector, what make test has no time for.
race() {
  database
  scripts/race.sh all
}

sections=(load functions capacity faults race)
[ $# -gt 0 ] && sections=("$@")
if [ ${#sections[@]} = 1 ]; then
  echo "== ${sections[0]}"
  "${sections[0]}"
  exit
fi
broken=() # each in a shell of its own, so that one that is broken keeps none from running
for section in "${sections[@]}"; do
  "$0" "$section" || broken+=("$section")
done
[ ${#broken[@]} = 0 ] || { echo "broken: ${broken[*]}"; exit 1; }
