#!/usr/bin/env bash
# A log that grows, published as tiles and served by the daemon, read over HTTP by code nobody here
# wrote: Tessera's client follows it while events are appended, Tessera's fsck checks the result.
#
# Usage: check_tiles.sh BUILD_FOLDER
# Exit code: 0 both verify, 1 one refuses, 2 one could not run.
#
# Needs Go 1.24 or newer; both programs come by the Go module proxy at pinned versions.
set -euo pipefail
TESSERA=v1.0.4
EVENTS=3000
BATCHES=30

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "$1" && pwd)
PATH=$build/api:$build/tools:$build/verifier:$PATH:/usr/local/go/bin
command -v go >/dev/null || { echo "check_tiles: no go program" >&2; exit 2; }
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill "$server"; wait "$server"; }; rm -rf "$work"' EXIT

(cd "$here/follow" && go build -o "$work/follow" .) 2>"$work/log" &&
  GOBIN=$work go install "github.com/transparency-dev/tessera/cmd/fsck@$TESSERA" 2>>"$work/log" || {
  cat "$work/log" >&2
  echo "check_tiles: CANNOT TELL: the Go programs did not build" >&2
  exit 2
}

cd "$work"
auditctl dev-certs certs >/dev/null
mkdir ledger
auditledgerd --root ledger \
  --listen main,127.0.0.1:0,certs/server.pem,certs/server.key,certs/ca.pem \
  --publish_dir "$work/public" --tiles_listen 127.0.0.1:0 --log_file server.log \
  --access_policy certs/access.policy --ready_file ready &
server=$!
timeout 20 sh -c 'until [ -f ready ]; do sleep 0.1; done'
AUDITCTL_SERVER=$(sed -n 's/^main //p' ready)
export AUDITCTL_SERVER AUDITCTL_LEDGER=clinic AUDITCTL_CA=certs/ca.pem \
  AUDITCTL_CERT=certs/client.pem AUDITCTL_KEY_FILE=certs/client.key
url=http://$(sed -n 's/^tiles //p' ready)/clinic/
origin=audit.example.org/clinic
auditctl create-ledger clinic --origin "$origin" --json >ledger.json
python3 -c 'import json; print(json.load(open("ledger.json"))["vkey"])' >vkey
timeout 20 sh -c 'until [ -f public/clinic/checkpoint ]; do sleep 0.1; done'

auditledger-generate --events "$EVENTS" >events
split --number="l/$BATCHES" events batch-
for batch in batch-*; do
  auditctl append - <"$batch" >/dev/null 2>append.log || cat append.log >&2
  sleep 0.3 # so that several heads are published
done &
appending=$!
# The genesis, the access policy's entry and all events.
entries=$(($(wc -l <events) + 2))
timeout 120 ./follow "$url" "$origin" vkey "$entries" 3
wait "$appending"

# Its exit code is 0 even when it fails, so its words decide.
fsck() { # NAME STORAGE_URL
  timeout 120 ./fsck --storage_url="$2" --public_key=vkey --origin="$origin" --ui=false --N=2 \
    --v=1 >fsck.log 2>&1 || true
  if ! grep -q 'Completed ranges' fsck.log || grep -q 'failed' fsck.log; then
    cut -c1-300 fsck.log | tail -5 >&2
    echo "Tessera fsck: REFUSED $1" >&2
    exit 1
  fi
}
fsck "the published tiles" "$url"
# What our monitor keeps is a log's folder too.
auditledger-monitor --state monitor --key vkey --place "$url" --once || exit 1
fsck "the monitor's mirror" "file://$work/monitor/log/mirror/"
verdict=0
auditledger-verify log monitor/log/mirror --origin "$origin" --key vkey --no-trust-store \
  >verdict || verdict=$?
[ "$verdict" = 3 ] || { cat verdict >&2; exit 1; } # verified, unwitnessed
echo "check_tiles: VERIFIED over HTTP by Tessera's client, while it grew, and Tessera's fsck"
