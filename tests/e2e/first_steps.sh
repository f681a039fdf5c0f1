#!/usr/bin/env bash
# The root README's walk from promise to proof, run as it is printed there, and then the same export
# and receipts read by code nobody here wrote.
#   tests/e2e/first_steps.sh BUILD_FOLDER [--go]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
PATH=$build/api:$build/tools:$build/verifier:$PATH
work=$(mktemp -d)
XDG_STATE_HOME=$work/state
export XDG_STATE_HOME
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; }; rm -rf "$work"' EXIT
cd "$work"

# snippet-begin: serve
auditctl dev-certs certs                     # an authority and grants to play with
mkdir ledger
auditledgerd --root ledger \
  --listen main,127.0.0.1:7443,certs/server.pem,certs/server.key,certs/ca.pem \
  --access_policy certs/access.policy --ready_file ready &
# snippet-end: serve
server=$!
timeout 20 sh -c 'until [ -f ready ]; do sleep 0.1; done'

# snippet-begin: append
export AUDITCTL_SERVER=127.0.0.1:7443 AUDITCTL_LEDGER=clinic \
  AUDITCTL_CA=certs/ca.pem AUDITCTL_CERT=certs/client.pem AUDITCTL_KEY_FILE=certs/client.key
auditctl create-ledger clinic --origin audit.example.org/clinic --json | tee ledger.json
python3 -c 'import json; print(json.load(open("ledger.json"))["vkey"])' >clinic.vkey
auditledger-generate --events 500 | auditctl append - --receipts receipts/
# snippet-end: append

# snippet-begin: verify
pin="--origin audit.example.org/clinic --key clinic.vkey"
auditledger-verify receipt receipts/000000000002.tlog-proof \
  --event receipts/000000000002.event.pb $pin || test $? = 3  # 3: verified, unwitnessed
auditctl export export/ --in-clear
auditledger-verify log export/ $pin || test $? = 3
# snippet-end: verify

[ "${2:-}" != --go ] ||
  "$here/../go/check_export.sh" export audit.example.org/clinic clinic.vkey receipts/*.tlog-proof
