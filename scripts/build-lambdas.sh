#!/bin/sh
# Builds every function, or those that are named, into
# dist/lambda/<name>/bootstrap and <name>.zip, and prints hash and size of each
# zip. The same source gives the same zips.
#
#   LAMBDA_GOARCH=amd64 scripts/build-lambdas.sh    for another architecture
set -eu
cd "$(dirname "$0")/.."

if [ $# = 0 ]; then
	set -- $(cd functions && ls -d */main.go | xargs -n1 dirname)
fi
for name in "$@"; do
	make --no-print-directory --silent -f mk/lambda.mk "build-${name}Function" ARTIFACTS_DIR="dist/lambda/$name"
	go run ./internal/tools/lambdazip "dist/lambda/$name/bootstrap" "dist/lambda/$name.zip"
done
