#!/usr/bin/env bash
# Tests under Go's race detector, which needs a C compiler and several times as long;
# it also switches on the checks that pebble has of itself.
#
#   scripts/race.sh         packages that start goroutines of their own: part of make test
#   scripts/race.sh all     and what drives them from many sides: make soak SECTIONS=race
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
packages=(table/embedded keys/... ratelimit lambdahttp localdeps demo mdrefresh precheck awsdeps outbound web/...)
[ "${1:-}" != all ] || packages+=(table/tabletest store login audit app)
CGO_ENABLED=1 go test -race -timeout 40m "${packages[@]/#/./internal/}" | { grep --line-buffered -v 'no test files' || true; }
