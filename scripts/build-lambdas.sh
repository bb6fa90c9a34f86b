#!/bin/sh
# Builds every function into dist/lambda/<name>/bootstrap and prints the sizes.
#
#   LAMBDA_GOARCH=amd64 scripts/build-lambdas.sh    for another architecture
set -eu
cd "$(dirname "$0")/.."

for dir in functions/*/; do
	name="$(basename "$dir")"
	[ -f "$dir/main.go" ] || continue
	make --no-print-directory --silent -f mk/lambda.mk "build-${name}Function" ARTIFACTS_DIR="dist/lambda/$name"
	printf '%-10s %9d bytes\n' "$name" "$(wc -c <"dist/lambda/$name/bootstrap")"
done
