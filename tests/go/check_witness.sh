#!/usr/bin/env bash
# Our witness, asked by a log nobody here wrote: Tessera (POSIX) publishes a checkpoint only when
# four of five auditledger-witness processes have cosigned it, by the very policy file that
# auditledger-verify then judges it by. With one witness killed it goes on; with two nothing is
# published.
#
# Usage: check_witness.sh BUILD_FOLDER
# Exit code: 0 all of that, 1 something else, 2 a program could not be built.
#
# Needs Go 1.24 or newer; Tessera comes by the Go module proxy at a pinned version.
set -euo pipefail
TESSERA=v1.0.4
ORIGIN=tessera.test/log

build=$(cd "$1" && pwd)
PATH=$build/tools:$build/verifier:$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo "check_witness: no go program" >&2; exit 2; }
work=$(mktemp -d)
witnesses=()
stop_all() {
  local pid
  for pid in "${witnesses[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap stop_all EXIT
cd "$work"
GOBIN=$work go install \
  "github.com/transparency-dev/tessera/cmd/examples/posix-oneshot@$TESSERA" 2>log || {
  cat log >&2
  echo "check_witness: CANNOT TELL: Tessera did not build" >&2
  exit 2
}
refuse() {
  tail -5 tessera.log >&2 || true
  echo "check_witness: REFUSED: $*" >&2
  exit 1
}

# A key file is a note signer key, whoever uses it; the log's vkey names it as type 0x01.
auditledger-witness keygen --name "$ORIGIN" --key log.key --state unused >cosigner.vkey
python3 - >log.vkey <<'PYTHON'
import base64, hashlib
name, _, key = open("cosigner.vkey").read().strip().split("+", 2)
key = b"\x01" + base64.b64decode(key)[1:]
key_id = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
print(name, key_id, base64.b64encode(key).decode(), sep="+")
PYTHON
echo "log $(cat log.vkey)" >policy
for w in 1 2 3 4 5; do
  auditledger-witness keygen --name "witness.test/$w" --key "$w.key" --state "$w" >"$w.vkey"
  auditledger-witness serve --key "$w.key" --state "$w" --logs log.vkey --listen 127.0.0.1:0 \
    --ready-file "$w.ready" 2>>"$w.log" &
  witnesses+=($!)
done
for w in 1 2 3 4 5; do
  timeout 20 sh -c "until [ -f $w.ready ]; do sleep 0.1; done"
  echo "witness w$w $(cat "$w.vkey") http://$(cat "$w.ready")/" >>policy
done
printf 'group most 4 w1 w2 w3 w4 w5\nquorum most\n' >>policy

# append ROUND SECONDS: a hundred entries, published or not within SECONDS.
append() {
  local i
  mkdir "entries-$1"
  for i in $(seq 100); do echo "$1 $i" >"entries-$1/$i"; done
  timeout "$2" ./posix-oneshot --storage_dir="$work/published" --entries="$work/entries-$1/*" \
    --private_key=log.key --witness_policy_file=policy --witness_timeout=2s >>tessera.log 2>&1
}
# expect SIZE: the published head has that size and is verified and witnessed for our verifier.
expect() {
  [ "$(sed -n 2p published/checkpoint)" = "$1" ] || refuse "the published size is not $1"
  auditledger-verify checkpoint published/checkpoint --policy policy --no-trust-store >verdict ||
    { cat verdict >&2; refuse "our verifier does not accept the head of size $1"; }
}
append one 60 || refuse "the first head was not cosigned"
expect 100
append two 60 || refuse "a head that extends it was not cosigned"
expect 200
kill_witness() {
  kill -9 "$1"
  wait "$1" 2>/dev/null || true
}
kill_witness "${witnesses[0]}"
append three 60 || refuse "four of five witnesses were not enough"
expect 300
kill_witness "${witnesses[1]}"
! append four 15 || refuse "three of five witnesses were enough"
expect 300
echo "check_witness: VERIFIED: Tessera published under our witnesses' quorum, and not without"
