#!/usr/bin/env bash
# Our log cosigned by witnesses nobody here wrote: auditledgerd asks two of torchwood's litewitness
# and two auditledger-witness processes under a policy that needs all four, and answers WITNESSED
# with receipts that auditledger-verify accepts under that policy. With one litewitness killed it
# fails closed; when it is back the same events get their receipts. Torchwood's policy and proof
# code (policy/) then accepts those receipts under the same file, for all four cosignatures.
#
# Usage: check_litewitness.sh BUILD_FOLDER
# Exit code: 0 all of that, 1 something else, 2 a program could not be built.
#
# Needs Go 1.24 or newer, ssh-agent (litewitness signs through it), and the Go module proxy.
# torchwood is pinned to the newest version that Go 1.26 builds: 0.10.0 asks for 1.27. witnessctl,
# by which litewitness is told of a log, needs a module that not every proxy serves: the two rows
# that it writes are written here. The policy code is first in 0.10.0, so Go fetches its 1.27 for
# it; where it cannot, that is said and the rest counts.
set -euo pipefail
TORCHWOOD=v0.6.1
ORIGIN=litewitness.test/log

build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
PATH=$build/tools:$build/verifier:$build/api:$PATH:/usr/local/go/bin
for program in go ssh-agent ssh-keygen ssh-add; do
  command -v $program >/dev/null || { echo "check_litewitness: no $program" >&2; exit 2; }
done
work=$(mktemp -d)
running=()
stop_all() {
  local pid
  for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap stop_all EXIT
cd "$work"
bin=${LITEWITNESS_BIN:-$work}
# A proxy that does not answer at once is asked again; one that refuses is told.
install_litewitness() {
  for _ in 1 2 3; do
    GOBIN=$bin go install "filippo.io/torchwood/cmd/litewitness@$TORCHWOOD" 2>log && return 0
    sleep 5
  done
  return 1
}
[ -x "$bin/litewitness" ] || install_litewitness || {
  cat log >&2
  echo "check_litewitness: CANNOT TELL: torchwood did not build" >&2
  exit 2
}
refuse() {
  tail -5 ./*.log >&2 || true
  echo "check_litewitness: REFUSED: $*" >&2
  exit 1
}
# until_file FILE PATTERN: a line of it, within 20 seconds.
until_line() {
  timeout 20 sh -c "until grep -q '$2' '$1' 2>/dev/null; do sleep 0.1; done" ||
    refuse "$1 never had $2"
}

free_port() {
  python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}
# follow DATABASE VKEY: witnessctl add-log and add-key.
follow() {
  python3 - "$1" "$ORIGIN" "$2" <<'PYTHON'
import sqlite3, sys
database, origin, vkey = sys.argv[1:]
empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # SHA-256 of nothing
with sqlite3.connect(database, timeout=10) as db:
    db.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (origin, empty))
    db.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (origin, vkey))
PYTHON
}
serve_lite() {
  "$bin/litewitness" -db "lite$1.db" -name "lite.test/$1" -ssh-agent "$work/agent" \
    -key "$(ssh-keygen -lf "lite$1.pub" | cut -d' ' -f2)" -listen "127.0.0.1:${ports[$1]}" \
    2>>"lite$1.log" &
  running+=($!)
  lite_pid=$!
}
ssh-agent -D -a "$work/agent" >/dev/null &
running+=($!)
timeout 20 sh -c "until [ -S $work/agent ]; do sleep 0.1; done"
ports=(0)
for i in 1 2; do
  ssh-keygen -q -t ed25519 -N '' -C '' -f "lite$i"
  SSH_AUTH_SOCK=$work/agent ssh-add -q "lite$i"
  ports+=("$(free_port)")
  serve_lite $i
  until_line "lite$i.log" 'vkey='
  vkey=$(sed -nE 's/.*vkey="?([^" ]+).*/\1/p' "lite$i.log" | sed -n 1p)
  echo "witness lite$i $vkey http://127.0.0.1:${ports[$i]}" >>policy
done
for i in 1 2; do
  auditledger-witness keygen --name "own.test/$i" --key "own$i.key" --state "own$i" >"own$i.vkey"
  ports+=("$(free_port)")
  echo "witness own$i $(cat "own$i.vkey") http://127.0.0.1:${ports[$((i + 2))]}/" >>policy
done
printf 'group all all lite1 lite2 own1 own2\nquorum all\n' >>policy

auditctl dev-certs certs --local admin >/dev/null  # the socket's grants are all that is used here
auditledgerd --root "$work/ledger" --access_policy certs/access.policy \
  --allow_unix_socket --listen "admin,unix:$work/admin.sock" \
  --auto_create main=$ORIGIN --witness_policy policy --ready_file ready 2>daemon.log &
running+=($!)
timeout 60 sh -c "until [ -f ready ]; do sleep 0.1; done" || refuse "the daemon did not start"
vkey=$(cat ledger/keys/main/log.vkey)
echo "log $vkey" | cat - policy >verify.policy
echo "$vkey" >logs
for i in 1 2; do
  follow "lite$i.db" "$vkey"
  auditledger-witness serve --key "own$i.key" --state "own$i" --logs logs \
    --listen "127.0.0.1:${ports[$((i + 2))]}" 2>>"own$i.log" &
  running+=($!)
done

export AUDITCTL_SERVER=unix:$work/admin.sock AUDITCTL_LEDGER=main
auditledger-generate --events 300 >events
append() { auditctl append events --ack witnessed --receipts "$1" --timeout 20 >append.log 2>&1; }
for _ in $(seq 10); do append receipts && break; done
first=$(ls receipts/*.tlog-proof | sed -n 1p)
[ -f "$first" ] || refuse "nobody was answered WITNESSED"
last=$(ls receipts/*.tlog-proof | tail -1)
for receipt in "${first%.tlog-proof}" "${last%.tlog-proof}"; do
  auditledger-verify receipt "$receipt.tlog-proof" --event "$receipt.event.pb" \
    --policy verify.policy --no-trust-store >verdict ||
    { cat verdict >&2; refuse "our verifier does not accept $receipt"; }
done
grep -q 'lite.test/1' "$first" || refuse "litewitness is not on the receipt"

kill -9 $lite_pid
wait $lite_pid 2>/dev/null || true
auditledger-generate --events 320 | tail -20 >events
! append closed || refuse "WITNESSED was answered without litewitness"
grep -q WITNESSES_UNAVAILABLE append.log || { cat append.log >&2; refuse "another error"; }
serve_lite 2
for _ in $(seq 10); do append again && break; done
ls again/*.tlog-proof >/dev/null 2>&1 || refuse "no service after litewitness came back"

if (cd "$here/policy" && GOTOOLCHAIN=auto timeout 200 go build -o "$work/policy-verify" .) 2>log
then
  ./policy-verify verify.policy "$first" "$last" || refuse "torchwood does not accept our receipts"
else
  cat log >&2
  echo "check_litewitness: torchwood's policy code was NOT TRIED: it did not build here" >&2
fi
echo "check_litewitness: VERIFIED: torchwood's litewitness cosigns our heads, and nothing is" \
  "WITNESSED without it"
