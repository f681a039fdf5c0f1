# What the walks of this folder share, sourced with their arguments: programs of BUILD_FOLDER, a
# folder that goes with the run, one server on $root in it, and who asks it.
# shellcheck shell=bash
set -euo pipefail
build=$(cd "$1" && pwd)
PATH=$build/api:$build/tools:$build/verifier:$PATH
work=$(mktemp -d)
export XDG_STATE_HOME=$work/state
root=$work/ledger
server=
trap 'stop; rm -rf "$work"' EXIT
cd "$work"
mkdir "$root"

stop() {
  [ -n "$server" ] || return 0
  kill "$server"
  wait "$server" || true
  server=
}
# start [FLAG...]: on a port of the system's choosing.
start() {
  rm -f ready
  auditledgerd --root "$root" \
    --listen main,127.0.0.1:0,certs/server.pem,certs/server.key,certs/ca.pem \
    --access_policy certs/access.policy --ready_file ready "$@" 2>>daemon.log &
  server=$!
  timeout 60 sh -c 'until [ -f ready ]; do sleep 0.1; done'
  AUDITCTL_SERVER=$(sed -n 's/^main //p' ready)
  export AUDITCTL_SERVER
}
# as NAME: with that certificate of dev-certs.
as() { export AUDITCTL_CA=certs/ca.pem AUDITCTL_CERT=certs/$1.pem AUDITCTL_KEY_FILE=certs/$1.key; }
# The ledger of all walks; what verifies it is in clinic.vkey.
create_clinic() {
  export AUDITCTL_LEDGER=clinic
  auditctl create-ledger clinic --origin audit.example.org/clinic --json >ledger.json
  python3 -c 'import json; print(json.load(open("ledger.json"))["vkey"])' >clinic.vkey
}
# ends STATUS WORDS COMMAND...: so, and what it says has the words.
ends() {
  local status=0
  "${@:3}" >said 2>&1 || status=$?
  [ "$status" = "$1" ] && grep -q -- "$2" said && return 0
  echo "status $status, not $1, or without \"$2\":" && cat said && return 1
}
