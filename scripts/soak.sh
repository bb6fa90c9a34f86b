#!/usr/bin/env bash
# make soak: what takes too long for make test. Each part prints its figures;
# those of docs/operations.md come from here.
#
#   scripts/soak.sh           every part
#   scripts/soak.sh faults    only that one
#
# PAIRS (5000) and LOGINS (2000) say how many pairs of faults and sign-ins in
# chaos; SEED (1) makes them others.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LATCHKEY_CACHE=${LATCHKEY_CACHE:-$PWD/.cache}

faults() {
  eval "export $(scripts/dynamodb-local.sh start)"
  trap 'scripts/dynamodb-local.sh stop' EXIT
  LATCHKEY_REQUIRE_ALL=1 go test -timeout 6h -v ./internal/faults \
    -soak -pairs "${PAIRS:-5000}" -logins "${LOGINS:-2000}" -seed "${SEED:-1}" |
    grep -E '^(---|FAIL|ok|panic)|^ +--- FAIL|_test\.go:'
}

for part in "${@:-faults}"; do
  "$part"
done
