#!/usr/bin/env bash
# What a release consists of, into dist/release: the command line for each
# system, the Lambda functions, the bill of materials, the notices of others, and
# the hashes of all that. The same source and the same Go give the same files.
#
#   scripts/release.sh [TAG]     fails if TAG is not the version of the source
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=dist/release
rm -rf "$out"
mkdir -p "$out"

for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do
  system=${target%/*} arch=${target#*/} end=
  [ "$system" != windows ] || end=.exe
  GOFLAGS= CGO_ENABLED=0 GOOS=$system GOARCH=$arch GOAMD64=v1 GOARM64=v8.0 go build -mod=readonly -trimpath -buildvcs=false \
    -ldflags "-s -w" -o "$out/latchkey_${system}_$arch$end" ./cmd/latchkey
done

version=v$("$out/latchkey_$(go env GOHOSTOS)_$(go env GOHOSTARCH)" version --json | sed -n 's/.*"version": "\([^"]*\)".*/\1/p')
if [ $# = 1 ] && [ "$1" != "$version" ]; then
  echo "release: the tag is $1, the source says $version (internal/build/build.go)" >&2
  exit 1
fi

LAMBDA_GOARCH=arm64 scripts/build-lambdas.sh
for zip in dist/lambda/*.zip; do
  name=$(basename "$zip" .zip)
  cp "$zip" "$out/lambda_${name}_arm64.zip"
  # what the function itself tells of its program
  echo "$(sha256sum <"dist/lambda/$name/bootstrap" | cut -d' ' -f1)  $name" >>"$out/FUNCTIONS"
done
go run ./internal/tools/sbom -bom "$out/latchkey.cdx.json" -notices "$out/THIRD_PARTY_NOTICES"
cp LICENSE "$out/"
(cd "$out" && sha256sum -- * >../SHA256SUMS && mv ../SHA256SUMS .)
echo "$version with $(go env GOVERSION), in $out:"
cat "$out/SHA256SUMS"
