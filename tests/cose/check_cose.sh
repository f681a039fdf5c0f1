#!/usr/bin/env bash
# COSE receipts of a running server, read and verified by @auth0/cose (npm), code nobody here wrote:
# each entry's holds, and with another entry's leaf or a flipped bit none does.
#
# Usage: check_cose.sh BUILD_FOLDER
# Exit code: 0 all as they should be, 1 one is not, 2 it could not run.
#
# Needs node, and COSE_MODULES, the folder that npm installed @auth0/cose into (tools/dev go-check).
set -euo pipefail
EVENTS=9

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
PATH=$build/api:$build/tools:$PATH
command -v node >/dev/null || { echo "check_cose: no node program" >&2; exit 2; }
[ -d "${COSE_MODULES:-}/node_modules/@auth0/cose" ] || {
  echo "check_cose: COSE_MODULES does not hold @auth0/cose" >&2
  exit 2
}
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; }; rm -rf "$work"' EXIT

cd "$work"
auditctl dev-certs certs >/dev/null
mkdir ledger
auditledgerd --root ledger \
  --listen main,127.0.0.1:0,certs/server.pem,certs/server.key,certs/ca.pem --log_file server.log \
  --access_policy certs/access.policy --ready_file ready &
server=$!
timeout 20 sh -c 'until [ -f ready ]; do sleep 0.1; done'
AUDITCTL_SERVER=$(sed -n 's/^main //p' ready)
export AUDITCTL_SERVER AUDITCTL_LEDGER=clinic AUDITCTL_CA=certs/ca.pem \
  AUDITCTL_CERT=certs/client.pem AUDITCTL_KEY_FILE=certs/client.key
origin=audit.example.org/clinic
auditctl create-ledger clinic --origin "$origin" --json >ledger.json
key=$(python3 -c 'import base64, json
print(base64.b64decode(json.load(open("ledger.json"))["vkey"].split("+", 2)[2])[1:].hex())')
auditledger-generate --events 200 >day  # its fewest
head -n "$EVENTS" day >events
auditctl append - <events >/dev/null 2>append.log || cat append.log >&2

verify() { node "$here/verify.mjs" "$1" "$2" "$origin" "$key" >>verify.log; }
refused() {
  if verify "$1" "$2"; then
    echo "check_cose: WRONG: $3 is accepted" >&2
    exit 1
  fi
}
for index in $(seq 0 "$EVENTS"); do
  auditctl receipt-cose "$index" --out "$index.cose" --leaf "$index.leaf" >/dev/null
  verify "$index.cose" "$index.leaf" || { cat verify.log >&2; exit 1; }
done
refused 1.cose 2.leaf "another entry's leaf"
python3 -c 'data = bytearray(open("1.cose", "rb").read()); data[-1] ^= 1
open("flipped.cose", "wb").write(data)'
refused flipped.cose 1.leaf "a flipped bit"
echo "check_cose: $((EVENTS + 1)) receipts verified by @auth0/cose, 2 wrong ones refused"
