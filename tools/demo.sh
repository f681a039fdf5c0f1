#!/bin/bash
# A hospital's day, its audit ledger, and an administrator who tries to change what happened.
#
#   tools/demo.sh BUILD_DIR [WORK_DIR]
#
# Exits non-zero when anything that should be caught is not: this is a test as well. WORK_DIR is
# kept; without it a temporary folder is used and removed.
set -euo pipefail

build=$(realpath "${1:?usage: tools/demo.sh BUILD_DIR [WORK_DIR]}")
here=$(cd "$(dirname "$0")/.." && pwd)
shared=${AUDITLEDGER_SHARED:-$here/../shared}
if [ $# -gt 1 ]; then
  work=$2
  mkdir -p "$work"
  cleanup=:
else
  work=$(mktemp -d)
  cleanup="rm -rf $work"
fi
cd "$work"
daemon_pid=
trap '[ -z "$daemon_pid" ] || kill -9 "$daemon_pid" 2>/dev/null || true; $cleanup' EXIT

find_program() {
  local folder
  for folder in "$build" "$build/tools" "$build/api" "$build/verifier" "$build/bin"; do
    [ -x "$folder/$1" ] && [ ! -d "$folder/$1" ] && echo "$folder/$1" && return
  done
  echo "demo: $1 is not built in $build" >&2
  exit 1
}
auditctl_program=$(find_program auditctl)
verify_program=$(find_program auditledger-verify)
daemon_program=$(find_program auditledgerd)
generate_program=$(find_program auditledger-generate)
rogue_program=$(find_program auditledger-rogue)

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
chapter() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
say() { printf '  %s\n' "$*"; }
quote() { sed "s/^/    $dim| /; s/\$/$plain/" | cut -c1-150; }
fail() { printf '\nDEMO FAILED: %s\n' "$*" >&2; exit 1; }

origin=audit.example.org/clinic
ctl_as() {
  local who=$1
  shift
  "$auditctl_program" --server "$address" --ledger clinic --ca certs/ca.pem \
    --cert "certs/$who.pem" --key-file "certs/$who.key" "$@"
}
ctl() { ctl_as client "$@"; }
pinned() { ctl --pin-key clinic.vkey "$@"; }
# No witnesses here yet, and so no policy: "verified, unwitnessed" is exit code 3.
verify() {
  local code=0
  "$verify_program" --origin "$origin" --key clinic.vkey --trust-store "$work/trust" "$@" || code=$?
  [ $code = 3 ] || return $code
}

# start FOLDER [FLAGS]: the daemon on FOLDER, on a port of the system's choosing.
start() {
  local folder=$1
  shift
  rm -f ready
  "$daemon_program" --root "$folder" --ready_file ready \
    --access_policy certs/access.policy \
    --listen main,127.0.0.1:0,certs/server.pem,certs/server.key,certs/ca.pem "$@" 2>>daemon.log &
  daemon_pid=$!
  local tries
  for tries in $(seq 1 1000); do
    [ -e ready ] && break
    kill -0 "$daemon_pid" 2>/dev/null || fail "auditledgerd did not start: $(tail -5 daemon.log)"
    sleep 0.02
  done
  [ -e ready ] || fail "auditledgerd did not become ready on $folder in $tries tries"
  read -r _ address < ready
}
stop() {
  kill -TERM "$daemon_pid"
  wait "$daemon_pid" || fail "auditledgerd did not drain cleanly"
  daemon_pid=
}

attacks=()
# caught ATTACK BY EXIT_CODE PATTERN COMMAND...: COMMAND must end with EXIT_CODE and say PATTERN.
caught() {
  local attack=$1 by=$2 expected=$3 pattern=$4 output code=0
  shift 4
  output=$("$@" 2>&1) || code=$?
  if [ "$code" != "$expected" ]; then
    echo "$output" | quote
    fail "$attack: $by ended with $code, not $expected"
  fi
  local line
  if ! line=$(grep -m1 -o -E "$pattern.*" <<< "$output"); then
    echo "$output" | quote
    fail "$attack: $by does not say '$pattern'"
  fi
  printf '%s\n' "$line" | quote
  say "${bold}Caught by $by.${plain}"
  attacks+=("$attack|$by|$(cut -c1-110 <<< "$line")")
}

chapter "1. A ledger is made"
"$auditctl_program" dev-certs certs --client client=spiffe://hospital.example/client \
  --client ehr=spiffe://hospital.example/ehr --grant ehr=emitter > /dev/null
mkdir -m 700 live
start live
say "auditledgerd serves on $address, with mutual TLS, on a fresh folder."
ctl create-ledger clinic --origin "$origin" --json > ledger.json
sed -n 's/.*"vkey":"\([^"]*\)".*/\1/p' ledger.json > clinic.vkey
say "The auditor writes the ledger's key down, apart from the server:"
quote < clinic.vkey

chapter "2. A hospital's day"
"$generate_program" --seed 42 --events 2000 --truth truth.json > day.jsonl
pinned append day.jsonl --receipts receipts > day.appended 2> day.summary
quote < day.summary
planted=$(grep -c '"rule"' truth.json)
say "Doctors, nurses and clerks; $planted cases are planted for an investigator to find."
pinned append day.jsonl > day.again 2> again.summary
cmp -s <(cut -f1 day.appended) <(cut -f1 day.again) || fail "a repeat got other receipts"
say "The emitter lost its answer and sends all of it again: the same receipts, nothing twice."
gap=$(sed -n 's/.*"sequence": \([0-9]*\).*/\1/p' truth.json)
pinned streams | grep pacs-1 > pacs.stream
quote < pacs.stream
[ "$(cut -f5 pacs.stream)" = "$gap" ] || fail "the lost event $gap is not reported"
say "The imaging archive's event number $gap never arrived, and the ledger says so."
caught "an emitter that reads" "the access policy: it may append, and no more" 4 \
  "PERMISSION_DENIED" ctl_as ehr get 2

chapter "3. Overnight a backup is taken; the next morning goes on"
stop
cp -a live backup
start live
"$generate_program" --seed 43 --date 2025-03-04 --events 200 > morning.jsonl
pinned append morning.jsonl > morning.appended 2> morning.summary
quote < morning.summary
if compgen -G "$shared/testdata/events/fhir-r4/AuditEvent-*.json" > /dev/null; then
  pinned append --stream fhir-import --number-from 1 --receipts receipts \
    "$shared"/testdata/events/{fhir-r4,ihe-balp-1.1.4}/AuditEvent-*.json \
    > fhir.appended 2> fhir.summary
  quote < fhir.summary
  index=$(head -1 fhir.appended | cut -f1)
  pinned get "$index" --format fhir-r4 > back.json
  say "FHIR AuditEvents go in and come back as they were. Entry $index, read back:"
  head -8 back.json | quote
else
  say "(The real FHIR records are not here: ../shared is absent.)"
fi

chapter "4. Anyone can check, offline"
ctl export export --in-clear > /dev/null
verify log export > log.verdict || { quote < log.verdict; fail "the honest log does not verify"; }
quote < log.verdict
say "The whole log, by a program that knows the key and nothing else. It remembers this head."
count=0
for receipt in $(ls receipts/*.tlog-proof | awk 'NR % 97 == 1'); do
  verify receipt "$receipt" --event "${receipt%.tlog-proof}.event.pb" --log export --quiet ||
    fail "$receipt does not verify"
  count=$((count + 1))
done
say "And $count receipts of the day, each under a head that this log extends."
ctl checkpoint > honest.checkpoint
# Whoever exports payloads is on record, so that the log has grown since.
ctl prove-consistency "$(sed -n 2p export/checkpoint)" "$(sed -n 2p honest.checkpoint)" \
  > since.proof
verify checkpoint honest.checkpoint --proof since.proof > head.verdict ||
  { quote < head.verdict; fail "the newest head does not extend the export's"; }
stop
size=$(sed -n 2p honest.checkpoint)
victim=1000

chapter "5. The administrator changes one event on disk"
say "With root, on a copy of the stopped ledger: the time of entry $victim moves by an hour."
cp -a live edited
"$rogue_program" edit edited/data/clinic $victim
start edited
caught "edit on disk" "the reader's proof check" 1 "NOT PROVEN" pinned get $victim
caught "edit on disk" "the export" 1 "NOT PROVEN" pinned export edited-export --in-clear
stop

chapter "6. So he makes the whole store fit: tiles, root and head"
cp -a live consistent
"$rogue_program" edit-consistent consistent/data/clinic $victim
start consistent
caught "consistent edit" "the signer's own memory, at start" 0 "fork: " ctl ledgers
stop

chapter "7. So he takes the signer's memory away, and has the server adopt his head"
"$rogue_program" fork consistent/data/clinic consistent/keys/clinic/log.key > forged.checkpoint
rm -r consistent/state/clinic
start consistent
caught "lost signer state" "the start: no memory, no service" 0 "refused" ctl ledgers
stop
root_hex=$(sed -n 3p forged.checkpoint | base64 -d | od -An -tx1 | tr -d ' \n')
start consistent --adopt_signer_state "clinic@$size:$root_hex"
say "Now it serves, and signs the altered history with the true key ($(ctl ledgers | cut -f5))."
ctl export forged-export --in-clear > /dev/null
caught "adopted fork, exported" "the verifier: the event denies its leaf" 1 "entry $victim " \
  verify log forged-export
caught "adopted fork, exported" "the verifier's trust store" 1 "FORK: " \
  verify log forged-export
stop

chapter "8. He drops an entry instead"
cp -a live dropped
"$rogue_program" drop dropped/data/clinic $victim
start dropped
caught "dropped entry" "the signer's own memory, at start" 0 "rollback: " ctl ledgers
stop

chapter "9. He rolls the folder back to last night's backup"
cp -a live rolled
rm -r rolled/data rolled/seeds
cp -a backup/data backup/seeds rolled/
start rolled
caught "rollback" "the signer's own memory, at start" 0 "rollback: " ctl ledgers
stop
say "And the signer's memory with it: to itself, that server is an honest one."
start backup
ctl checkpoint > rolled.checkpoint
caught "rollback, memory too" "the verifier's trust store" 1 "ROLLBACK: " \
  verify checkpoint rolled.checkpoint
stop

chapter "10. He steals the key and signs a history of his own"
head -3 forged.checkpoint | quote
caught "fork with the stolen key" "whoever has seen the real head" 1 "FORK: " \
  verify checkpoint forged.checkpoint
say "What is left is evidence: signed heads that contradict each other, for anyone to check."
evidence=$(find trust/evidence -name '*.evidence' | sort | sed -n 1p)
{ verify evidence "$evidence" || [ $? = 1 ] || fail "the evidence of a fork is not judged"; } |
  head -5 | quote

chapter "What was tried, and who noticed"
printf '  %-24s %-42s %s\n' ATTACK "CAUGHT BY" MESSAGE
for row in "${attacks[@]}"; do
  IFS='|' read -r attack by line <<< "$row"
  printf '  %-24s %-42s %s\n' "$attack" "$(cut -c1-42 <<< "$by")" "$line"
done
say ""
say "What this does not show: an event that was never sent (only that its number is missing), and"
say "a fork shown to someone who never saw the other history. Witnesses are for that."
