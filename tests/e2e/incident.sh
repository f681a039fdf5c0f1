#!/usr/bin/env bash
# From an alarm to a file for a court, and from a damaged disk to a whole ledger: the walk of
# tools/README.md, run as it is printed there.
#   tests/e2e/incident.sh BUILD_FOLDER
set -euo pipefail
build=$(cd "$1" && pwd)
PATH=$build/api:$build/tools:$build/verifier:$PATH
work=$(mktemp -d)
XDG_STATE_HOME=$work/state
export XDG_STATE_HOME
server=
stop() { [ -z "$server" ] || { kill "$server"; wait "$server"; server=; }; }
trap 'stop; rm -rf "$work"' EXIT
cd "$work"

# start ROOT PUBLIC: a server on that folder, on a port of the system's choosing.
start() {
  rm -f ready
  auditledgerd --root "$1" --publish_dir "$2" --ready_file ready \
    --access_policy certs/access.policy \
    --listen main,127.0.0.1:0,certs/server.pem,certs/server.key,certs/ca.pem &
  server=$!
  timeout 60 sh -c 'until [ -f ready ]; do sleep 0.1; done'
  read -r _ AUDITCTL_SERVER <ready
  export AUDITCTL_SERVER
}
# published FOLDER SIZE: until the folder shows a head of that size.
published() {
  timeout 60 sh -c "until [ \"\$(sed -n 2p $1/checkpoint)\" = $2 ]; do sleep 0.1; done"
}
export AUDITCTL_LEDGER=clinic AUDITCTL_CA=certs/ca.pem AUDITCTL_CERT=certs/client.pem \
  AUDITCTL_KEY_FILE=certs/client.key
auditctl dev-certs certs
mkdir -m 700 ledger
mkdir public other
start ledger public
auditctl create-ledger clinic --origin audit.example.org/clinic --json >ledger.json
python3 -c 'import json; print(json.load(open("ledger.json"))["vkey"])' >clinic.vkey
auditledger-generate --seed 1 --events 300 | auditctl append - >/dev/null
auditctl backup --pin-key clinic.vkey --to backup --seeds vault
published public/clinic 302

# snippet-begin: watch
auditctl export feed/ --leaves-only --pin-key clinic.vkey     # by gRPC, with a client certificate
auditledger-monitor --state monitor --key clinic.vkey \
  --place public/clinic --place feed --once                   # 0: all well
# snippet-end: watch

# The operator keeps a second copy, signer's state and all, and lets one of them go on otherwise.
stop
cp -a ledger second
start second other
auditledger-generate --seed 2 --date 2025-03-05 --events 200 |
  auditctl append - --receipts receipts >/dev/null
cp receipts/000000000310.tlog-proof handed-over.tlog-proof
stop
start ledger public
auditledger-generate --seed 3 --date 2025-03-06 --events 200 | auditctl append - >/dev/null
published public/clinic 502

# snippet-begin: alarm
auditledger-monitor --state monitor --key clinic.vkey --place public/clinic \
  --shown handed-over.tlog-proof --once || test $? = 1        # 1: misbehaviour
# snippet-end: alarm

# snippet-begin: judge
evidence=$(ls -t monitor/log/evidence/*.evidence | sed -n 1p)   # the newest
pin="--origin audit.example.org/clinic --key clinic.vkey"
auditledger-verify evidence "$evidence" $pin || test $? = 1   # 1: it convicts the log
# snippet-end: judge

# snippet-begin: court
mkdir court
cp "$evidence" handed-over.tlog-proof clinic.vkey court/
cp -r monitor/log/mirror court/log                            # every leaf; no personal data
auditledger-verify evidence "$evidence" $pin --json >court/verdict.json || test $? = 1
tar -czf court.tar.gz court
sha256sum court.tar.gz
# snippet-end: court
code=0
auditledger-verify evidence "$evidence" $pin --quiet || code=$?
[ "$code" = 1 ]
code=0
auditledger-verify log court/log $pin --quiet || code=$?
[ "$code" = 3 ]
grep -q '"kind": "receipt"' court/verdict.json

# A server that shows an export's folder another history by gRPC: the head is kept for the monitor.
auditctl export feed/ --leaves-only --pin-key clinic.vkey
stop
start second other
code=0
auditctl export feed/ --leaves-only --pin-key clinic.vkey || code=$?
[ "$code" = 1 ]
code=0
auditledger-monitor --state monitor2 --key clinic.vkey --place public/clinic \
  --shown feed/refused-checkpoint --once >monitor2.out || code=$?
[ "$code" = 1 ]
auditledger-monitor evidence monitor2/log/evidence/*.evidence --key clinic.vkey && exit 1
stop

# One table of the ledger is lost with its disk's sector: hundreds of entries of all kinds.
rm "$(find ledger/data/clinic/log -name '*.ldb' | sort | sed -n 1p)"

# snippet-begin: repair
auditledger-fsck --root ledger --ledger clinic --max-findings 3 || test $? = 1
auditledger-fsck repair --root ledger --ledger clinic --pin-key clinic.vkey \
  --from monitor/log/mirror --backup backup --backup-seeds vault
auditledger-fsck --root ledger --ledger clinic
# snippet-end: repair
start ledger public
auditctl list --json | grep '"operator"'
auditctl export after/ --in-clear --pin-key clinic.vkey
code=0
auditledger-verify log after/ $pin --no-trust-store --quiet || code=$?
[ "$code" = 3 ]
echo "the walk went through"
