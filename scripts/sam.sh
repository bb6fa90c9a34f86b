#!/bin/sh
# Runs a pinned SAM CLI (or cfn-lint, as "sam.sh cfn-lint ...") from a virtual
# environment in the cache directory. The first run installs it; later runs
# need no network.
#
#   scripts/sam.sh validate --lint
#   scripts/sam.sh build
set -eu

SAM_VERSION=1.170.0
LINT_VERSION=1.58.0

root="$(cd "$(dirname "$0")/.." && pwd)"
venv="${LATCHKEY_CACHE:-$root/.cache}/sam/$SAM_VERSION-$LINT_VERSION"

if [ ! -e "$venv/.complete" ]; then
	python3 -m venv "$venv"
	"$venv/bin/pip" install --quiet "aws-sam-cli==$SAM_VERSION" "cfn-lint==$LINT_VERSION"
	touch "$venv/.complete"
fi

export SAM_CLI_TELEMETRY=0
# Validation talks to nobody, but botocore wants to know a region.
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-eu-central-1}"

if [ "${1:-}" = cfn-lint ]; then
	shift
	exec "$venv/bin/cfn-lint" "$@"
fi
exec "$venv/bin/sam" "$@"
