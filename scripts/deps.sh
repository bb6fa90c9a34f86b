#!/usr/bin/env bash
# Installs what the tests need besides Go: Debian packages, DynamoDB Local,
# node-saml. Does nothing for what is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=${LATCHKEY_CACHE:-.cache}
mkdir -p "$cache"

packages=(xmlsec1 libxml2-utils opensaml-schemas xmltooling-schemas chromium
  simplesamlphp php-cli php-xml php-curl maven curl procps python3-venv)
have() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q "install ok installed"; }

if command -v apt-get >/dev/null; then
  missing=()
  for p in "${packages[@]}"; do have "$p" || missing+=("$p"); done
  command -v java >/dev/null || missing+=(openjdk-17-jre-headless)
  command -v node >/dev/null || missing+=(nodejs npm)
  if [ ${#missing[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}"
    sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$cache/apt.log" 2>&1 ||
      { tail -20 "$cache/apt.log"; exit 1; }
  fi
else
  echo "This is not Debian: only what is already installed is used."
fi
