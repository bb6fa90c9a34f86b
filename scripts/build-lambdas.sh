#!/bin/sh
# Builds every function into dist/lambda/<name>/bootstrap and <name>.zip, and
# prints hash and size of each zip. The same source gives the same zips.
#
#   LAMBDA_GOARCH=amd64 scripts/build-lambdas.sh    for another architecture
set -eu
cd "$(dirname "$0")/.."

for dir in functions/*/; do
	name="$(basename "$dir")"
	[ -f "$dir/main.go" ] || continue
	make --no-print-directory --silent -f mk/lambda.mk "build-${name}Function" ARTIFACTS_DIR="dist/lambda/$name"
	go run ./internal/tools/lambdazip "dist/lambda/$name/bootstrap" "dist/lambda/$name.zip"
done
