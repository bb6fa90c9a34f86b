#!/usr/bin/env bash
# The functions in containers, by the SAM CLI, as template.yaml describes them.
#
#   scripts/sam-local.sh up                          start-api at http://localhost:3000, until Ctrl-C
#   scripts/sam-local.sh invoke FUNCTION EVENT       while up runs: one function, one event
#   scripts/sam-local.sh test                        an event for each function, then a whole sign-in
#
# Needs Docker: the daemon that runs, or, for root, one that this starts for itself
# (Debian's docker.io). Beside the containers it runs DynamoDB Local and a fake of
# KMS. `test` says so where no daemon can be had, and is content.
#
# The image is built here, from nothing but Debian's busybox-static, where that is
# installed; elsewhere the SAM CLI pulls the one of AWS. The SAM CLI brings Lambda's
# runtime interface emulator itself.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LATCHKEY_CACHE=${LATCHKEY_CACHE:-$PWD/.cache}
home=$LATCHKEY_CACHE/sam-local
PORT=${PORT:-3000}
image=latchkey/provided:al2023
# No credentials: with some, the SAM CLI asks AWS whose they are.
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE
export AWS_EC2_METADATA_DISABLED=true
# Where the keys of the fake are.
export AWS_DEFAULT_REGION=eu-central-1 AWS_REGION=eu-central-1

started=() # processes of ours
own_database= why=
finish() {
  local i
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do # the daemon last: the SAM CLI ends its containers
    kill "${started[i]}" 2>/dev/null && wait "${started[i]}" 2>/dev/null || true
  done
  [ -z "$own_database" ] || scripts/dynamodb-local.sh stop
  rm -rf "${sockets:-}"
}

wait_for() { # seconds command...
  local tries=$(($1 * 4))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $((tries -= 1)) -gt 0 ] || return 1
    sleep 0.25
  done
}

# The daemon that DOCKER_HOST or the default names, else one of our own; else it
# says why not.
daemon() {
  docker version >/dev/null 2>&1 && return
  if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
    why="Docker is not installed"; return 1
  fi
  [ "$(id -u)" = 0 ] || { why="no Docker daemon runs, and only root can start one"; return 1; }
  sockets=$(mktemp -d /tmp/latchkey-docker.XXXXXX)
  dockerd --storage-driver=vfs --data-root "$home/docker" --exec-root "$sockets/exec" --pidfile "$sockets/pid" \
    -H "unix://$sockets/docker.sock" >"$home/dockerd.log" 2>&1 &
  started+=($!)
  export DOCKER_HOST=unix://$sockets/docker.sock
  wait_for 30 docker version && return
  why="the Docker daemon does not start: $(tail -n 1 "$home/dockerd.log")"
  return 1
}

# Options of sam local, one a line: those of both commands.
options() { # environment
  printf '%s\n' --template "$home/build/template.yaml" --env-vars "$home/$1.json" --add-host host.docker.internal:host-gateway
  [ ! -e "$home/image" ] || printf '%s\n' --invoke-image "$image" --skip-pull-image
}

make_image() {
  rm -rf "$home/image"
  command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1 || return 0
  mkdir -p "$home/image"
  cp "$(command -v busybox)" "$home/image/busybox"
  # sh, mv and chmod are what the SAM CLI needs to put its emulator in.
  printf 'FROM scratch\nADD busybox /bin/sh\nADD busybox /bin/mv\nADD busybox /bin/chmod\n' >"$home/image/Dockerfile"
  DOCKER_BUILDKIT=0 docker build --quiet --tag "$image" "$home/image" >/dev/null 2>"$home/image.log" || { cat "$home/image.log"; return 1; }
}

# Builds what sam build builds, from a template that differs in three places: it
# is for this machine's processor; it names two variables that AWS does not need,
# as sam local sets only what the template names; and the API stands before the
# functions: by the first resource that may have routes, start-api decides whether
# to look for those of AWS::ApiGatewayV2 or for those of AWS::Serverless.
make_build() {
  local arch=x86_64 goarch=amd64
  case $(uname -m) in arm64 | aarch64) arch=arm64 goarch=arm64 ;; esac
  rm -rf "$home/source"
  mkdir -p "$home/source"
  # sam build copies the whole folder for each function: only what git knows.
  git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do
    [ ! -e "$f" ] || printf '%s\0' "$f"
  done | tar --null --files-from=- --create --file=- | tar --extract --directory "$home/source" --file=-
  awk '/^  HttpApi:$/ {inside = 1} /^$/ {inside = 0} inside' template.yaml >"$home/api.yaml"
  sed -e "/^Resources:\$/r $home/api.yaml" \
    -e '/^  HttpApi:$/,/^$/d' \
    -e "s/^    Architectures: \[arm64\]/    Architectures: [$arch]/" \
    -e 's/^        LATCHKEY_PUBLIC_URL: .*/&\n        AWS_ENDPOINT_URL_DYNAMODB: ""\n        AWS_ENDPOINT_URL_KMS: ""/' \
    template.yaml >"$home/source/template.yaml"
  grep -q "AWS_ENDPOINT_URL_KMS" "$home/source/template.yaml" && grep -q "Architectures: \[$arch\]" "$home/source/template.yaml" &&
    grep -A1 '^Resources:$' "$home/source/template.yaml" | grep -q HttpApi ||
    { echo "sam-local: template.yaml is not as expected"; return 1; }
  (cd "$home/source" && LAMBDA_GOARCH=$goarch ./scripts/sam.sh build --template template.yaml --build-dir "$home/build") \
    >"$home/build.log" 2>&1 || { tail -n 20 "$home/build.log"; return 1; }
}

make_cloud() {
  local listen=127.0.0.1
  if [ -z "${DYNAMODB_ENDPOINT:-}" ]; then
    DYNAMODB_ENDPOINT=$(scripts/dynamodb-local.sh start)
    export DYNAMODB_ENDPOINT=${DYNAMODB_ENDPOINT#*=}
    own_database=1
  fi
  [ "$(uname -s)" != Linux ] || listen=$(docker network inspect bridge --format '{{(index .IPAM.Config 0).Gateway}}')
  rm -f "$home/events.json" "$home/api.json"
  go build -o "$home/samlocal" ./internal/testkit/samlocal
  "$home/samlocal" cloud -listen "$listen" -dir "$home" -public "http://localhost:$PORT" >"$home/cloud.log" 2>&1 &
  started+=($!)
  wait_for 20 test -s "$home/api.json" -a -s "$home/events.json" || { cat "$home/cloud.log"; return 1; }
}

prepare() {
  make_image
  make_build
  make_cloud
  mapfile -t for_events < <(options events)
  mapfile -t for_api < <(options api)
}

port_is_free() {
  ! (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || { echo "sam-local: port $PORT is in use; give another with PORT=" >&2; return 1; }
}

# Runs in the background: the process that finish ends must be the SAM CLI itself.
start_api() {
  scripts/sam.sh local start-api --port "$PORT" --warm-containers LAZY "${for_api[@]}" &
  started+=($!)
}

mkdir -p "$home"
case ${1:-} in
invoke)
  [ $# = 3 ] || { echo "usage: $0 invoke FUNCTION EVENT" >&2; exit 2; }
  [ ! -e "$home/docker-host" ] || export DOCKER_HOST=$(<"$home/docker-host")
  mapfile -t for_events < <(options events)
  exec scripts/sam.sh local invoke "$2" --event "$3" "${for_events[@]}"
  ;;
up)
  port_is_free || exit 1
  trap finish EXIT
  daemon || { echo "sam-local: $why" >&2; exit 1; }
  prepare
  rm -f "$home/docker-host"
  [ -z "${DOCKER_HOST:-}" ] || echo "$DOCKER_HOST" >"$home/docker-host"
  echo "http://localhost:$PORT  (sam local start-api)"
  start_api
  wait $!
  ;;
test)
  PORT=$((20000 + RANDOM % 12000))
  port_is_free || exit 1
  trap finish EXIT
  if ! daemon; then
    echo "*** sam local: NOT RUN: $why."
    exit 0
  fi
  prepare
  timeout 240 "$home/samlocal" events scripts/sam.sh local invoke "${for_events[@]}"
  start_api >"$home/api.log" 2>&1
  wait_for 60 curl --silent --noproxy '*' --max-time 20 --fail --output /dev/null "http://localhost:$PORT/v1/healthz" ||
    { tail -n 40 "$home/api.log"; exit 1; }
  timeout 180 "$home/samlocal" sign-in -url "http://localhost:$PORT" scripts/sam.sh local invoke "${for_api[@]}" || { tail -n 60 "$home/api.log"; exit 1; }
  echo "sam local: ok"
  ;;
*) echo "usage: $0 up | invoke FUNCTION EVENT | test" >&2; exit 2 ;;
esac
