#!/usr/bin/env bash
# Five witnesses, and a server whose policy asks for four of them:
#   one killed            WITNESSED goes on; its p99 at RATE events a second is printed and judged
#   two killed            WITNESSED fails closed; DURABLE goes on; status, health, metrics say so
#   one back              WITNESSED is answered again, without a restart of the server
#   data, seeds and the signer's memory rolled back together: the server refuses the ledger
#   restored from an older backup: the same, and no witness ever saw a fork
#
# Usage: witnesses.sh BUILD_FOLDER [SECONDS [RATE [P99_MS]]]        (15 seconds, 1000/s, 1500 ms)
# Exit code: 0 all of that holds, 1 something does not.
set -euo pipefail
build=$(cd "$1" && pwd)
seconds=${2:-15} rate=${3:-1000} wanted_ms=${4:-1500}
PATH=$build/api:$build/tools:$build/verifier:$PATH
work=$(mktemp -d)
declare -A pids=()
stop_all() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap stop_all EXIT
cd "$work"
fail() {
  tail -n 5 daemon.log >&2 || true
  echo "witnesses: DOES NOT HOLD: $*" >&2
  exit 1
}
say() { echo "witnesses: $*"; }
# eventually COMMAND...: within 30 seconds.
eventually() {
  local deadline=$((SECONDS + 30))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.1
  done
}
stop() {  # NAME SIGNAL
  kill "-$2" "${pids[$1]}"
  wait "${pids[$1]}" 2>/dev/null || true
  unset "pids[$1]"
}

serve_witness() {
  auditledger-witness serve --key "w$1.key" --state "w$1" --logs logs --listen "${at[$1]}" \
    --ready-file "w$1.ready" 2>>"w$1.log" &
  pids[w$1]=$!
}
auditctl dev-certs certs --local admin >/dev/null  # the socket's grants are all that is used here
serve_ledger() {
  rm -f ready
  auditledgerd --root ledger --allow_unix_socket --listen "admin,unix:$work/admin.sock" \
    --auto_create clinic=witnesses.test/clinic --witness_policy policy --alarm_after_seconds 2 \
    --ack_timeout_ms 3000 --metrics_address 127.0.0.1:0 --publish_dir "$work/public" \
    --access_policy certs/access.policy --ready_file ready "$@" 2>>daemon.log &
  pids[daemon]=$!
  eventually test -f ready || fail "the server does not start"
}
status() {  # EXPRESSION over the ledger `l` and its witnessing `w`
  auditctl status --json | python3 -c "
import json, sys
l = [json.loads(line) for line in sys.stdin][1]
w = l.get('witnessing', {})
sys.exit(0 if ($1) else 1)"
}
metric() {
  python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())' \
    "http://$(sed -n 's/^metrics //p' ready)/metrics" | grep -F "$1"
}
witnessed() {  # FILE: a made-up event's receipt under the quorum's head
  auditctl append "$1" --ack witnessed --receipts "receipts-$1" --timeout 9 >"$1.out" 2>&1
}

# Witnesses need the log's key, and the policy their addresses: the ledger is made first.
printf 'witness a %s http://127.0.0.1:9/\ngroup g all a\nquorum g\n' \
  "$(auditledger-witness keygen --name none.test/w --key none.key --state none)" >policy
serve_ledger --allow_weak_policy
stop daemon TERM
cp ledger/keys/clinic/log.vkey logs
declare -A at=()
echo "log $(cat logs)" >policy
for i in 1 2 3 4 5; do
  at[$i]=127.0.0.1:0
  auditledger-witness keygen --name "witness.test/$i" --key "w$i.key" --state "w$i" >"w$i.vkey"
  serve_witness $i
  eventually test -s "w$i.ready" || fail "witness $i does not start"
  at[$i]=$(cat "w$i.ready")
  echo "witness w$i $(cat "w$i.vkey") http://${at[$i]}/" >>policy
done
printf 'group four 4 w1 w2 w3 w4 w5\nquorum four\n' >>policy

export AUDITCTL_SERVER=unix:$work/admin.sock AUDITCTL_LEDGER=clinic
serve_ledger
eventually status "l['state'] == 'serving' and w['confirmed'] and w['f'] == 2" ||
  fail "the witnesses do not confirm the first start"
auditledger-generate --events 200 >all
sed -n 1,20p all >one; sed -n 21,40p all >two; sed -n 41,60p all >three; sed -n 61,80p all >four
witnessed one || fail "five witnesses: $(cat one.out)"
receipt=$(ls receipts-one/*.tlog-proof | sed -n 1p)
auditledger-verify receipt "$receipt" --event "${receipt%.tlog-proof}.event.pb" \
  --policy policy --no-trust-store >verdict ||
  fail "the receipt does not verify under the policy: $(cat verdict)"

stop w1 KILL
auditledger-load --server "$AUDITCTL_SERVER" --ack witnessed --rate "$rate" --event-bytes 300 \
  --seconds "$seconds" --warmup 2 --max-outstanding 5000 --connections 4 --verify 50 --json >load
python3 - "$rate" "$wanted_ms" <<'PYTHON' || fail "one witness killed: $(cat load)"
import json, sys
load = json.load(open("load"))
latency = load["latency"]
print(f"witnesses: four of five, {load['events_per_second']:.0f} events/s WITNESSED: "
      f"p50 {latency['p50_ms']:.0f} ms, p99 {latency['p99_ms']:.0f} ms, "
      f"{load['verified']} receipts verified")
wanted = float(sys.argv[2])
enough = load["events_per_second"] > 0.95 * float(sys.argv[1])
sys.exit(0 if enough and latency["p99_ms"] < wanted and load["refused_events"] == 0 else 1)
PYTHON

stop w2 KILL
! witnessed two || fail "three of five were enough"
grep -q WITNESSES_UNAVAILABLE two.out || fail "two killed: $(cat two.out)"
auditctl append three --json >three.out 2>&1 || fail "DURABLE does not go on: $(cat three.out)"
grep -q '"witnessed":false' three.out || fail "the receipt does not say that it is not witnessed"
eventually status "w['quorum_away'] and l['state'] == 'serving'" || fail "the status says nothing"
eventually grep -q '"name":"ledgers/clinic/witnesses","status":"NOT_SERVING"' daemon.log ||
  fail "health says nothing"
[ "$(metric 'auditledger_witnessed_quorum_away{ledger="clinic"} ' | cut -d' ' -f2)" = 1 ] ||
  fail "the metrics say nothing"
metric 'auditledger_witness_failures_total{ledger="clinic",witness="w2",outcome="unreachable"}' \
  >/dev/null || fail "no failure of w2 is counted"
say "three of five: WITNESSED refused, DURABLE goes on, status, health and metrics say so"

serve_witness 2
eventually witnessed two || fail "no service after the witness came back: $(cat two.out)"
eventually status "not w['quorum_away'] and w['lag_entries'] == 0" || fail "the quorum stays away"
say "four of five again: WITNESSED answered without a restart"
eventually auditledger-verify checkpoint public/clinic/checkpoint --policy policy \
  --no-trust-store || fail "the published head is not witnessed"

# An older backup, and an older copy of everything.
auditctl backup --to backup --seeds vault --pin-key logs >backup.out 2>&1 ||
  fail "backup: $(cat backup.out)"
stop daemon TERM
cp -a ledger older
serve_ledger
eventually status "w['confirmed']" || fail "a start that four of five can confirm is not confirmed"
eventually witnessed four || fail "after a restart: $(cat four.out)"
newest=$(auditctl checkpoint --witnessed | sed -n 2p)
stop daemon TERM
mv ledger newer
cp -a older ledger
rm -rf public
serve_ledger
eventually status "l['state'] == 'refused' and 'rollback' in l['state_reason']" ||
  fail "a rollback of data and signer's memory is served: $(auditctl status)"
ls ledger/state/clinic/witnessed/witnessed-* >/dev/null || fail "no evidence is kept"
stop daemon TERM
say "data and signer's memory rolled back together: refused, the evidence is kept"

rm -rf ledger
cp -a older ledger
rm -rf ledger/data/clinic ledger/seeds/clinic
auditctl restore --from backup --seeds vault --pin-key logs --data_dir ledger/data/clinic \
  --seed_dir ledger/seeds/clinic --key_dir ledger/keys/clinic >restore.out 2>&1 ||
  fail "restore: $(cat restore.out)"
serve_ledger
eventually status "l['state'] == 'refused'" || fail "a restore that lost entries is served"
stop daemon TERM
rm -rf ledger
mv newer ledger
serve_ledger
eventually status "l['state'] == 'serving' and l['size'] >= $newest" ||
  fail "the newest copy is not served"
for i in 2 3 4 5; do
  ! grep -q ' 422 ' "w$i.log" || fail "witness $i was shown a fork"
done
say "an older backup: refused; the newest copy serves, and no witness ever saw a fork"
