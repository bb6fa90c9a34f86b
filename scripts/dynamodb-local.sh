#!/usr/bin/env bash
# DynamoDB Local for the tests of internal/table/dynamo.
#
#   scripts/dynamodb-local.sh start   fetch it if needed, start it, print DYNAMODB_ENDPOINT=...
#   scripts/dynamodb-local.sh stop    stop the one that start started
#   scripts/dynamodb-local.sh fetch   only fetch it
#
# So:  eval "export $(scripts/dynamodb-local.sh start)" && go test ./internal/table/...
#
# Needs Java 17 or newer and Maven, on x86-64 (DynamoDB Local's SQLite library
# comes for x86 only); on other machines run any DynamoDB Local and set
# DYNAMODB_ENDPOINT yourself. Everything lives in memory and is gone after stop.
# LATCHKEY_CACHE (default .cache) is where it is kept.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

pom=scripts/dynamodb-local/pom.xml
home=${LATCHKEY_CACHE:-.cache}/dynamodb-local
mkdir -p "$home"
home=$(cd "$home" && pwd)
lib=$home/lib pid_file=$home/pid port_file=$home/port log=$home/log

die() { echo "dynamodb-local: $*" >&2; exit 1; }

fetch() {
  cmp -s "$pom" "$lib/pom.xml" && return # what we have is of this very pom
  command -v mvn >/dev/null || die "mvn (Maven) is needed to fetch DynamoDB Local"
  rm -rf "$lib"
  mvn --quiet --batch-mode -Dstyle.color=never --file "$pom" dependency:copy-dependencies -DoutputDirectory="$lib" >&2 ||
    die "fetching DynamoDB Local failed"
  cp "$pom" "$lib/pom.xml"
}

running() {
  [[ -s $pid_file && -s $port_file ]] &&
    ps -o args= -p "$(<"$pid_file")" 2>/dev/null | grep -q "ServerRunner.*-port $(<"$port_file")"
}

# Any HTTP answer, even an error, means that it is up.
answers() { curl --silent --noproxy '*' --max-time 2 --output /dev/null "http://127.0.0.1:$1/"; }

free_port() {
  local port
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  die "no free port"
}

launch() { # port
  nohup java -Djava.library.path="$lib" -cp "$lib/*" \
    com.amazonaws.services.dynamodbv2.local.main.ServerRunner \
    -inMemory -sharedDb -disableTelemetry -port "$1" </dev/null >"$log" 2>&1 &
  echo $! >"$pid_file"
  echo "$1" >"$port_file"
  for _ in {1..120}; do
    kill -0 "$(<"$pid_file")" 2>/dev/null || return 1 # died, perhaps the port was taken meanwhile
    answers "$1" && return 0
    sleep 0.25
  done
  return 1
}

start() {
  command -v java >/dev/null || die "java is needed to run DynamoDB Local"
  fetch
  if ! running; then
    for _ in 1 2 3; do
      launch "$(free_port)" && break
      stop
    done
    running || { tail -n 20 "$log" >&2; die "it does not start"; }
  fi
  echo "DYNAMODB_ENDPOINT=http://127.0.0.1:$(<"$port_file")"
}

stop() {
  if running; then
    local pid
    pid=$(<"$pid_file")
    kill "$pid"
    for _ in {1..40}; do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.25
    done
  fi
  rm -f "$pid_file" "$port_file"
}

case ${1:-} in
start | stop | fetch) "$1" ;;
*) die "usage: $0 start|stop|fetch" ;;
esac
