#!/usr/bin/env bash
# Emitters under fire: the ledger is killed, the wire cut, the emitter killed, its disk filled.
# What `auditctl emit` said it had accepted is in the ledger then, once, and the stream has no gap.
#   tests/e2e/emit.sh BUILD_FOLDER [ROUNDS]     four rounds are one of each
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/walk.sh
. "$here/walk.sh"
rounds=${2:-8}

auditctl dev-certs certs
start
as client
create_clinic
python3 "$here/cut_proxy.py" "$work" &
proxy=$!
trap 'kill $proxy || true; stop; rm -rf "$work"' EXIT
timeout 60 sh -c 'until [ -f proxy ]; do sleep 0.1; done'
wire=127.0.0.1:$(cat proxy)
export AUDITCTL_SERVER=$wire

# events [SEED]: 200 of them, without an id of their own.
events() { auditledger-generate --seed "${1:-1}" --events 200 | sed 's/"eventId":"[^"]*",//'; }
events >all.jsonl
head -3 all.jsonl >events.jsonl
head -1 all.jsonl >one.json

# snippet-begin: emit
head -c 32 /dev/urandom >spool.key
chmod 600 spool.key
export AUDITCTL_SPOOL=spool AUDITCTL_SPOOL_KEY=spool.key AUDITCTL_STREAM=backup-1
auditctl emit events.jsonl
# snippet-end: emit

# A disk of its own, where that may be made; else no round fills it.
disk=
if mkdir small && mount -t tmpfs -o size=12m,mode=0700 tmpfs small 2>/dev/null; then
  disk=1
  mv spool small/
  mv small/spool small/inner
  export AUDITCTL_SPOOL=$work/small/inner
  trap 'kill $proxy || true; stop; umount -l "$work/small"; rm -rf "$work"' EXIT
fi
emit=(auditctl emit --pin-key clinic.vkey --timeout 5 --spool-mib 8) # no function: it is killed
# feed SEED: events one after the other, for about a second.
feed() {
  events "$1" | python3 -c '
import sys, time
for line in sys.stdin:
    print(line, end="", flush=True)
    time.sleep(0.005)' 2>/dev/null
}
moment() { sleep "0.$((RANDOM % 9 + 1))"; }

touch accepted
for round in $(seq "$rounds"); do
  "${emit[@]}" --wait 1 - < <(feed "$round") >>accepted 2>>emit.log &
  emitter=$!
  moment
  case $((round % 4)) in
    0) kill -9 "$emitter" 2>/dev/null || true ;;
    1) kill -9 "$server"
       wait "$server" || true
       server=
       moment
       start
       export AUDITCTL_SERVER=$wire ;;
    2) kill -USR1 "$proxy"
       moment
       kill -USR2 "$proxy" ;;
    3) [ -z "$disk" ] || head -c 20M /dev/zero >small/filler 2>/dev/null || true
       moment
       rm -f small/filler ;;
  esac
  status=0
  wait "$emitter" || status=$?
  case $status in
    0 | 2 | 4 | 137) ;;
    *) tail -5 emit.log; echo "round $round ends with $status"; exit 1 ;;
  esac
done

# Whatever still waits goes out now.
"${emit[@]}" --wait 60
auditctl list --full --json >log.json
auditctl streams --json >streams.json
python3 - "$rounds" "${disk:-0}" <<'PYTHON'
import collections, json, sys
accepted = [line.rstrip("\n").split("\t") for line in open("accepted")]
entries = [json.loads(line) for line in open("log.json")]
events = [one for one in entries if one.get("stream_id", "").startswith("backup-1@")]
times = collections.Counter(one["event_id"] for one in events)
lost = [name for _, name in accepted if times[name] != 1]
twice = [name for name, count in times.items() if count != 1]
numbers = sorted(one["stream_sequence"] for one in events)
assert not lost, f"accepted, but not once in the ledger: {lost[:5]}"
assert not twice, f"recorded twice: {twice[:5]}"
assert numbers == list(range(1, len(numbers) + 1)), "the stream has gaps"
assert all(one["event_id"] in times for one in events)
streams = [one for one in map(json.loads, open("streams.json"))
           if one["stream_id"].startswith("backup-1@")]
assert len(streams) == 1 and not streams[0]["gaps"], streams
assert len(accepted) >= 5 * int(sys.argv[1]), len(accepted)
print(f"{sys.argv[1]} rounds: {len(accepted)} accepted, {len(events)} recorded, 0 lost, 0 twice,"
      f" 0 gaps" + ("" if sys.argv[2] == "1" else "; no disk of its own to fill"))
PYTHON

# Honest exit codes.
stop
ends 2 "1 events wait" "${emit[@]}" --wait 0.1 --event "$(cat one.json)"
start
export AUDITCTL_SERVER=$wire
ends 0 " 0 wait" "${emit[@]}" --wait 60
head -c 31 spool.key >short.key
chmod 600 short.key
ends 64 "key has 32 bytes" "${emit[@]}" --spool-key short.key
ends 64 "was not accepted" "${emit[@]}" --event '{"schemaVersion": 1}'
long=$(printf 'x%.0s' {1..200})
sed "s/^{/{\"eventId\":\"$long\",/" one.json >refused.json
# Signed by the emitter itself: the ledger checks it, and the receipt says so.
openssl genpkey -algorithm ed25519 -out emitter.pem
chmod 600 emitter.pem
ends 0 "1 were recorded" "${emit[@]}" --wait 60 --sign-key emitter.pem one.json
ends 4 "refused 1 events" "${emit[@]}" --wait 60 refused.json
ends 0 MALFORMED_EVENT "${emit[@]}" --refused
# Taken away, mended, emitted again.
ends 0 MALFORMED_EVENT "${emit[@]}" --take-refused taken.jsonl
ends 64 "give a new file" "${emit[@]}" --take-refused taken.jsonl
[ -z "$("${emit[@]}" --refused)" ]
sed "s/$long/mended/" taken.jsonl >mended.jsonl
ends 0 "1 were recorded" "${emit[@]}" --wait 60 mended.jsonl
ends 4 "of the stream backup-1" "${emit[@]}" --stream backup-2
ends 0 " 0 wait" "${emit[@]}" --wait 60
