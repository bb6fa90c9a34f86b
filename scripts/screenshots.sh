#!/usr/bin/env bash
# The pictures of the documentation, taken by the browser tests:
#
#   scripts/screenshots.sh [FOLDER]     default docs/images
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-docs/images}
mkdir -p "$folder"
LATCHKEY_SCREENSHOTS=$(cd "$folder" && pwd) go test -count=1 -tags browser \
  -run '^(TestSignIn|TestDeny|TestExpiryAndNewCode|TestTypedCode|TestErrorPage|TestEnrollOnTheWeb|TestSignInOnTheWeb)$' ./internal/browsertest
ls -l "$folder"/*.png
