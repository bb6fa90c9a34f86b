#!/usr/bin/env bash
# Pictures of the pages, taken by the browser tests:
#
#   scripts/screenshots.sh             those of README and docs, into docs/images
#   scripts/screenshots.sh FOLDER      every page in every state, at 320, 768 and
#                                      1280 px, light and dark, to look at
#
# The states are those of walks in internal/web/pages/browser_states_test.go.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-docs/images}
mkdir -p "$folder"
export LATCHKEY_SCREENSHOTS
LATCHKEY_SCREENSHOTS=$(cd "$folder" && pwd)
if [ $# = 0 ]; then
  go test -count=1 -tags browser -run '^(TestSignIn|TestDeny|TestExpiryAndNewCode|TestTypedCode|TestErrorPage|TestEnrollOnTheWeb|TestSignInOnTheWeb|TestSetUpToTheEnd|TestOwnPage|TestAddAPhoneWithAPhone)$' ./internal/browsertest
  for picture in "$folder"/*.png; do # the tests take more than the documents show
    grep -qF "images/${picture##*/}" README.md docs/*.md || rm "$picture"
  done
else
  go test -count=1 -tags browser -run '^(TestEveryState|TestTwoWindows)$' ./internal/web/pages ./internal/demo
fi
ls -l "$folder"/*.png
