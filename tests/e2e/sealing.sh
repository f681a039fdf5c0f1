#!/usr/bin/env bash
# A ledger's keys sealed under a master key, as tools/README.md prints it; and what a thief of all
# the disks then has: nothing that was recorded, whole or by part, and no key of it.
#   tests/e2e/sealing.sh BUILD_FOLDER
# shellcheck source=tests/e2e/walk.sh
. "$(dirname "$0")/walk.sh"
export TMPDIR=$work/tmp

safe=$work/safe # of the master keys: another machine's, a token, the TPM
mkdir "$TMPDIR" "$safe"
# Files below the folders given that hold a marker, as it is or in another way of saying it.
found_in() {
  python3 - "$@" <<'PY'
import base64, pathlib, sys
markers = ["MARKER-PATIENT-4711-Zk", "MARKER-EVENT-8Qw", "MARKER-WORDS-lp3V"]
ways = []
for marker in markers:
    raw = marker.encode()
    ways += [raw, marker.encode("utf-16-le"), marker.encode("utf-16-be"),
             raw.hex().encode(), raw.hex().upper().encode()]
    for skip in range(3):
        group = raw[skip:skip + (len(raw) - skip) // 3 * 3]
        ways += [base64.b64encode(group), base64.urlsafe_b64encode(group)]
for folder in sys.argv[1:]:
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and any(way in path.read_bytes() for way in ways):
            print(path)
PY
}
append() {
  python3 - "$1" <<'PY' | auditctl append - >/dev/null
import json, sys
for i in range(20):
    print(json.dumps({
        "eventId": f"MARKER-EVENT-8Qw-{sys.argv[1]}-{i}", "schemaVersion": 1,
        "recorded": {"at": "2026-03-01T10:00:00Z", "utcOffsetMinutes": 0},
        "action": "ACTION_READ", "outcome": {"indicator": "INDICATOR_SUCCESS",
                                             "description": "MARKER-WORDS-lp3V"},
        "category": [{"text": "rest"}], "purposeOfUse": [{"text": "TREAT"}],
        "patient": [{"identifier": {"system": "urn:oid:1.2.3", "value": "MARKER-PATIENT-4711-Zk"}}],
        "agent": [{"requestor": True, "who": {"reference": "Practitioner/12"},
                   "network": {"address": "10.0.0.7"}}],
        "source": {"observer": {"reference": "Device/ehr"}, "streamId": "ehr-1"},
        "entity": [{"what": {"reference": "Observation/1"}}]}))
PY
}

auditctl dev-certs certs >/dev/null
as client
start
create_clinic
append first
stop

# --- made, and the keys sealed --------------------------------------------------------------------
# snippet-begin: seal
auditctl new-master-key --out "$safe/master.key"      # prints its fingerprint
auditctl seal-keys --key_dir "$root/keys/clinic" --origin audit.example.org/clinic \
  --master_key "file:$safe/master.key"
# snippet-end: seal
ends 4 "is sealed under master key" auditledger-fsck --root "$root" --ledger clinic
start # without it the ledger is refused, and operators are told why
ends 4 "LEDGER_REFUSED" auditctl get 2
grep -q "is sealed under master key" <(auditctl status)
stop
start --master_key "file:$safe/master.key"
append second
auditctl get 2 >got
grep -q MARKER-PATIENT-4711 got
auditctl backup --pin-key clinic.vkey --to backup --seeds vault >/dev/null
auditctl create-ledger ward --origin audit.example.org/ward >/dev/null # sealed from the first
stop
grep -q "^auditledger-sealed/v1 " "$root/keys/ward/wrap-1.key"

# --- what a thief has -----------------------------------------------------------------------------
rm got
[ "$(find "$root" backup vault -type f | wc -l)" -gt 20 ]
[ -z "$(found_in "$root" backup vault "$TMPDIR" daemon.log)" ]
printf 'xMARKER-WORDS-lp3V' | base64 >"$TMPDIR/planted" # the search can find
[ "$(found_in "$root" "$TMPDIR")" = "$TMPDIR/planted" ]
rm "$TMPDIR/planted"
restore() {
  rm -rf restored restored-seeds
  mkdir restored restored-seeds
  auditctl restore --from backup --seeds vault --pin-key clinic.vkey --data_dir restored \
    --seed_dir restored-seeds --key_dir "$root/keys/clinic" "$@"
}
ends 4 "is sealed under master key" restore
restore --master_key "file:$safe/master.key" >/dev/null

# --- another takes its place ----------------------------------------------------------------------
# snippet-begin: reseal
auditctl new-master-key --out "$safe/master-2.key"
for origin in clinic ward; do
  auditctl seal-keys --key_dir "$root/keys/$origin" --origin "audit.example.org/$origin" \
    --master_key "file:$safe/master.key" --new_master_key "file:$safe/master-2.key"
done
# snippet-end: reseal
ends 4 "seal-keys --new_master_key" auditledger-fsck --root "$root" --ledger clinic \
  --master_key "file:$safe/master.key"
auditledger-fsck --root "$root" --ledger clinic --quiet \
  --master_key "command:/bin/cat $safe/master-2.key" >/dev/null
MASTER=$(cat "$safe/master-2.key")
export MASTER
start --master_key env:MASTER
append third

# --- the wrapping key changes while the ledger serves ---------------------------------------------
# snippet-begin: rewrap
auditctl rotate-wrapping-key --old-key destroy
until auditctl ledgers --json | grep '"ledgers/clinic"' |
  grep -q '"rewrap_segments_left":0[,}]'; do sleep 1; done
auditctl backup --pin-key clinic.vkey --to backup-2 --seeds vault-2 # those from before open no more
# snippet-end: rewrap
append fourth
auditctl get 2 | grep -q MARKER-PATIENT-4711
stop
[ ! -e "$root/keys/clinic/wrap-1.key" ] && [ -z "$(ls "$root/keys/clinic" | grep destroyed)" ]
grep -q "^auditledger-sealed/v1 " "$root/keys/clinic/wrap-2.key"
grep -q " rotate done to=wrap-2" "$root/state/clinic/key-use.log"
[ -z "$(found_in "$root" backup-2 vault-2)" ]
ends 1 "wrap" restore --master_key env:MASTER
rm -rf restored restored-seeds && mkdir restored restored-seeds
auditctl restore --from backup-2 --seeds vault-2 --pin-key clinic.vkey --data_dir restored \
  --seed_dir restored-seeds --key_dir "$root/keys/clinic" --master_key env:MASTER >/dev/null
echo "sealing: all held"
