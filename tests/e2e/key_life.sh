#!/usr/bin/env bash
# The runbook of tools/README.md, run as it is printed there, on one machine: `systemctl` is a
# function here that starts and stops the daemon.
#   tests/e2e/key_life.sh BUILD_FOLDER
# shellcheck source=tests/e2e/walk.sh
. "$(dirname "$0")/walk.sh"

systemctl() {
  case $1 in
    stop) stop ;;
    start) start ;;
    restart) stop && start ;;
  esac
}
# A day of its own each: an event id is unique for ever.
append() {
  auditledger-generate --events 200 --seed "$1" --date "2026-03-0$1" |
    auditctl append - --receipts "$2" >/dev/null
}

auditctl dev-certs certs >/dev/null
as client
mkdir backup vault
start
create_clinic
append 1 receipts-1

# --- rotate --------------------------------------------------------------------------------------
# snippet-begin: rotate
auditctl rotate-key --key_dir "$root/keys/clinic" --origin audit.example.org/clinic \
  --old-key destroy >next.vkey
# Before the restart give next.vkey to emitters (PinnedLog::other_keys), to witnesses (one more line
# in their logs.txt) and to whoever keeps a policy (one more "log" line). Then:
systemctl restart auditledgerd
auditctl export export/ --in-clear
auditledger-verify log export/ --origin audit.example.org/clinic --key clinic.vkey || test $? = 3
# snippet-end: rotate
append 2 receipts-2
grep -q "$(cat next.vkey)" <(auditctl ledgers)
receipt=$(ls receipts-2/*.tlog-proof | tail -1)
size=$(sed -n '/^audit.example.org\/clinic$/{n;p;q}' "$receipt")
pin="--origin audit.example.org/clinic --key clinic.vkey --no-trust-store"
# shellcheck disable=SC2086
ends 1 "other key\|key" auditledger-verify receipt "$receipt" $pin
# snippet-begin: key-changes
auditctl key-changes --size "$size" --out changes.txt     # the size of the head in the receipt
auditledger-verify receipt "$receipt" --key-changes changes.txt $pin || test $? = 3
# snippet-end: key-changes
auditctl backup --pin-key clinic.vkey --to backup/clinic --seeds vault/clinic >/dev/null
auditctl backup-verify backup/clinic --seeds vault/clinic --pin-key clinic.vkey >/dev/null

# --- the signer's state is lost ------------------------------------------------------------------
auditctl checkpoint --pin-key clinic.vkey --out newest.txt
stop
rm "$root/state/clinic/signer.state"
# snippet-begin: state-lost
size=$(sed -n 2p newest.txt)   # newest.txt: the newest head that a witness or a receipt has
root_hash=$(sed -n 3p newest.txt | base64 -d | od -An -v -tx1 | tr -d ' \n')
flags="--adopt_signer_state=clinic@$size:$root_hash"   # of auditledgerd, for this one start
# snippet-end: state-lost
start "$flags"
grep -q serving <(auditctl ledgers)

# --- the key is stolen ---------------------------------------------------------------------------
cp newest.txt witnessed.txt
append 3 receipts-3
rm -rf export
auditctl export old-export/ --in-clear >/dev/null
# snippet-begin: stolen
systemctl stop auditledgerd
auditctl retire --head witnessed.txt --pin-key clinic.vkey \
  --state_dir "$root/state/clinic" --key_dir "$root/keys/clinic"
systemctl start auditledgerd
auditctl create-ledger clinic-2 --origin audit.example.org/clinic-2 \
  --successor-of witnessed.txt --predecessor-key next.vkey
# snippet-end: stolen
grep -q "frozen" <(auditctl ledgers)
ends 4 LEDGER_FROZEN append 4 receipts-4
vkey() { auditctl ledgers --json | python3 -c "
import json, sys
print([l['vkey'] for l in map(json.loads, sys.stdin) if l['name'] == 'ledgers/$1'][0])"; }
vkey clinic-2 >clinic-2.vkey
AUDITCTL_LEDGER=clinic-2 append 5 receipts-5
# snippet-begin: follow
auditctl export new-export/ --in-clear --ledger clinic-2
auditledger-verify log new-export/ --origin audit.example.org/clinic-2 --key clinic-2.vkey \
  --predecessor old-export/ --predecessor-key clinic.vkey || test $? = 3
# snippet-end: follow
# shellcheck disable=SC2016
ends 3 "NOT CARRIED OVER" auditledger-verify log new-export/ --origin audit.example.org/clinic-2 \
  --key clinic-2.vkey --predecessor old-export/ --predecessor-key clinic.vkey --no-trust-store

# --- an orderly end ------------------------------------------------------------------------------
export AUDITCTL_LEDGER=clinic-2
# snippet-begin: freeze
auditctl freeze --ledger clinic-2 --successor audit.example.org/clinic-3
auditctl checkpoint --ledger clinic-2 --out last.txt       # have it cosigned, if witnesses
auditctl create-ledger clinic-3 --origin audit.example.org/clinic-3 \
  --successor-of last.txt --predecessor-key clinic-2.vkey
# snippet-end: freeze
systemctl restart auditledgerd
[ "$(auditctl ledgers | grep -c frozen)" = 2 ]
vkey clinic-3 >clinic-3.vkey
auditctl export export-2/ --in-clear --ledger clinic-2 >/dev/null
auditctl export export-3/ --in-clear --ledger clinic-3 >/dev/null
ends 3 "is the predecessor's last" auditledger-verify log export-3/ --no-trust-store \
  --origin audit.example.org/clinic-3 --key clinic-3.vkey \
  --predecessor export-2/ --predecessor-key clinic-2.vkey

# --- the machine is lost, and the backup is older than what was signed ---------------------------
export AUDITCTL_LEDGER=clinic-3
append 6 receipts-6
auditctl backup --pin-key clinic-3.vkey --to backup/clinic-3 --seeds vault/clinic-3 >/dev/null
append 7 receipts-7
end=$(auditctl checkpoint | sed -n 2p)
stop
rm -rf "$root/data/clinic-3" "$root/seeds/clinic-3"
# snippet-begin: restore
auditctl restore --from backup/clinic-3 --seeds vault/clinic-3 --pin-key clinic-3.vkey \
  --data_dir "$root/data/clinic-3" --seed_dir "$root/seeds/clinic-3" --key_dir "$root/keys/clinic-3"
# snippet-end: restore
start
ends 0 "rollback" auditctl ledgers
# shellcheck disable=SC2012
# snippet-begin: restore-older
head=$(ls backup/clinic-3/head-* | tail -1)       # where the copy ends; $end is how far it had gone
systemctl stop auditledgerd
auditctl retire --head "$head" --pin-key clinic-3.vkey \
  --state_dir "$root/state/clinic-3" --key_dir "$root/keys/clinic-3"
systemctl start auditledgerd
auditctl create-ledger clinic-4 --origin audit.example.org/clinic-4 \
  --successor-of "$head" --predecessor-key clinic-3.vkey --predecessor-end "$end"
# snippet-end: restore-older
auditctl get 2 --ledger clinic-3 >/dev/null
AUDITCTL_LEDGER=clinic-4 append 8 receipts-8
vkey clinic-4 >clinic-4.vkey
auditctl export export-4/ --in-clear --ledger clinic-4 >/dev/null
auditctl export restored/ --in-clear --ledger clinic-3 >/dev/null
ends 3 "has it: entries 0 to" auditledger-verify log export-4/ --no-trust-store \
  --origin audit.example.org/clinic-4 --key clinic-4.vkey \
  --predecessor restored/ --predecessor-key clinic-3.vkey
auditctl list --ledger clinic-4 --json >entries
grep -q operator entries

# --- a witness is lost ---------------------------------------------------------------------------
# snippet-begin: witness-lost
auditledger-witness keygen --name witness.union.example/w2 --key w2.key --state w2 >w2.vkey
cat clinic-4.vkey >logs.txt             # every key the log has, one a line
auditledger-witness cosign --key w2.key --state w2 --log "$(cat clinic-4.vkey)" \
  export-4/checkpoint --note >cosigned.txt
# snippet-end: witness-lost
printf 'log %s\nwitness w2 %s\nquorum w2\n' "$(cat clinic-4.vkey)" "$(cat w2.vkey)" >policy.txt
auditledger-verify checkpoint cosigned.txt --policy policy.txt --allow-weak-policy \
  --no-trust-store >/dev/null

# --- damage --------------------------------------------------------------------------------------
stop
# snippet-begin: damaged
auditledger-fsck --root "$root" --ledger clinic-4         # the server is stopped, or on a copy
# snippet-end: damaged
echo "the runbook holds"
