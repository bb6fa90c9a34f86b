#!/usr/bin/env bash
# Installs what the tests need besides Go: Debian packages (of Debian 12),
# DynamoDB Local, node-saml, python3-saml, axe-core, Fediz, moto. Does nothing for what is
# there. Of Apache only the program is installed: no service is started. Docker
# (docker.io), whose package does start its service where systemd runs, is for
# scripts/sam-local.sh and is installed for root only.
#
# LATCHKEY_CACHE (default .cache) is where what is not of Debian goes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cache=${LATCHKEY_CACHE:-.cache}
mkdir -p "$cache"

packages=(xmlsec1 libxml2-utils opensaml-schemas xmltooling-schemas chromium
  simplesamlphp php-cli php-xml php-curl php-mbstring maven curl openssl procps python3-venv
  apache2-bin libapache2-mod-auth-mellon)
have() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q "install ok installed"; }

debian() {
  local missing=() p sudo=""
  for p in "${packages[@]}"; do have "$p" || missing+=("$p"); done
  command -v javac >/dev/null || missing+=(default-jdk-headless)
  command -v gcc >/dev/null || missing+=(gcc libc6-dev)
  command -v node >/dev/null || missing+=(nodejs)
  command -v npm >/dev/null || missing+=(npm)
  if [ "$(id -u)" = 0 ]; then
    command -v dockerd >/dev/null || missing+=(docker.io)
    have busybox-static || missing+=(busybox-static)
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >"$cache/apt.log" 2>&1 || { tail -20 "$cache/apt.log"; exit 1; }
}

# The locked versions of scripts/NAME; installed again when the lock file is
# another.
node_modules() { # name
  local home=$cache/$1 source=scripts/$1
  cmp -s "$source/package-lock.json" "$home/.installed" && return
  mkdir -p "$home"
  cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$home/"
  npm ci --silent --prefix "$home" || { echo "installing $1 failed"; exit 1; }
  cp "$source/package-lock.json" "$home/.installed"
}

# The pinned versions of scripts/NAME, in a virtual environment; installed again
# when requirements.txt is another.
python_modules() { # name
  local home=$cache/$1 source=scripts/$1/requirements.txt
  cmp -s "$source" "$home/.installed" && return
  rm -rf "$home"
  python3 -m venv "$home"
  "$home/bin/pip" install --quiet --disable-pip-version-check --timeout 30 --retries 2 --only-binary :all: -r "$source" ||
    { echo "installing $1 failed"; exit 1; }
  cp "$source" "$home/.installed"
}

# The libraries of scripts/NAME/pom.xml; fetched again when that is another.
maven() { # name
  local pom=scripts/$1/pom.xml lib=$cache/$1/lib
  cmp -s "$pom" "$lib/pom.xml" && return
  rm -rf "$lib"
  mkdir -p "$cache/$1"
  mvn --quiet --batch-mode -Dstyle.color=never --file "$pom" dependency:copy-dependencies \
    -DoutputDirectory="$(cd "$cache/$1" && pwd)/lib" || { echo "fetching $1 failed"; exit 1; }
  cp "$pom" "$lib/pom.xml"
}

if command -v apt-get >/dev/null; then
  debian
else
  echo "This is not Debian: only what is already installed is used."
fi
if command -v npm >/dev/null; then
  node_modules node-saml
  node_modules axe
fi
if command -v python3 >/dev/null; then
  python_modules python3-saml
  python_modules moto
fi
if command -v mvn >/dev/null && command -v java >/dev/null; then
  scripts/dynamodb-local.sh fetch
  maven fediz
fi
