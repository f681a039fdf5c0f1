#!/usr/bin/env bash
# Erasing a patient's events, as tools/README.md prints it, and that nothing of them is left: not
# on the server's disks, not in a backup whose secrets were renewed, while every proof stands.
#   tests/e2e/erasure.sh BUILD_FOLDER
# shellcheck source=tests/e2e/walk.sh
. "$(dirname "$0")/walk.sh"

has() { grep -q -- "$2" "$1" || { echo "no \"$2\" in:" && cat "$1" && return 1; }; }
# Files below the folders given in which the bytes of file $1 stand.
found_in() {
  python3 - "$@" <<'PY'
import pathlib, sys
needles = [pathlib.Path(sys.argv[1]).read_bytes()[i:i + 64]
           for i in range(0, pathlib.Path(sys.argv[1]).stat().st_size, 64)]
for folder in sys.argv[2:]:
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and any(n in path.read_bytes() for n in needles):
            print(path)
PY
}

auditctl dev-certs certs --client officer=spiffe://hospital.example/officer \
  --client director=spiffe://hospital.example/director >/dev/null
as officer
start
create_clinic
pin="--origin audit.example.org/clinic --key clinic.vkey"

# A hundred events, ten of them of one patient, with words that stand nowhere else.
python3 - >events.jsonl <<'PY'
import json
for i in range(100):
    mine = i % 10 == 3
    print(json.dumps({
        "eventId": f"event-{i}", "schemaVersion": 1,
        "recorded": {"at": "2026-03-01T10:00:00Z", "utcOffsetMinutes": 0},
        "action": "ACTION_READ", "outcome": {"indicator": "INDICATOR_SUCCESS",
                    "description": "PLANTED-WORDS" if mine else "looked"},
        "category": [{"text": "rest"}], "purposeOfUse": [{"text": "TREAT"}],
        "patient": [{"identifier": {"system": "urn:oid:1.2.3",
                                    "value": "PLANTED-4711" if mine else f"P{i % 7}"}}],
        "agent": [{"requestor": True, "who": {"reference": "Practitioner/12"},
                   "network": {"address": "10.0.0.7"}}],
        "source": {"observer": {"reference": "Device/ehr"}, "streamId": "ehr-1",
                   "streamSequence": str(i + 1)},
        "entity": [{"what": {"reference": "Observation/1"}}]}))
PY
auditctl append events.jsonl --receipts receipts/ >/dev/null
[ "$(found_in receipts/000000000005.event.pb "$root" | wc -l)" = 0 ] # encrypted to begin with
auditctl backup --pin-key clinic.vkey --to backup --seeds vault >/dev/null

# The wrapped secrets of the ten, as they lie in their slots.
python3 - "$root" <<'PY'
import pathlib, sys
slots = (pathlib.Path(sys.argv[1]) / "seeds/clinic/seeds-0000000000000000").read_bytes()
pathlib.Path("secrets").write_bytes(b"".join(slots[i * 64:i * 64 + 64] for i in range(5, 102, 10)))
PY
[ "$(found_in secrets "$root" vault | wc -l)" = 2 ]

# snippet-begin: find
auditctl erase --subject 'urn:oid:1.2.3|PLANTED-4711'
# snippet-end: find
auditctl erase --subject 'urn:oid:1.2.3|PLANTED-4711' >shown 2>said
has shown "10 entries"
has said "nothing was changed"
ends 64 "give both" auditctl erase --index 5 --yes
ends 4 "NOT_ERASABLE" auditctl erase --index 0 --reason other --why test --yes

# snippet-begin: request
auditctl erase --subject 'urn:oid:1.2.3|PLANTED-4711' \
  --reason subject-request --why 'case 12, asked for in writing' --yes --receipts asked/
# snippet-end: request
request=$(basename asked/*.tlog-proof .tlog-proof | sed 's/^0*//')
ends 4 SECOND_PERSON_NEEDED auditctl approve-erasure "$request"
as director
hold=$(auditctl hold --index 15 --why 'court order 5/26' --json |
  python3 -c 'import json, sys; print(json.load(sys.stdin)["entry"])')
ends 4 "legal hold of entry $hold" auditctl approve-erasure "$request"
auditctl lift-hold "$hold" --why 'closed' >/dev/null

# snippet-begin: approve
auditctl approve-erasure "$request" --why 'checked, case 12' --receipts approved/
# snippet-end: approve
erasure=$(basename approved/*.tlog-proof .tlog-proof | sed 's/^0*//')
ends 4 REQUEST_DONE auditctl approve-erasure "$request"
[ -z "$(found_in secrets "$root")" ]
stop
[ -z "$(found_in secrets "$root")" ]
start

# The next increment of the backup destroys them in its copy too.
[ "$(found_in secrets vault | wc -l)" = 1 ]
auditctl backup --pin-key clinic.vkey --to backup --seeds vault >/dev/null
[ -z "$(found_in secrets vault)" ]
auditctl backup-verify backup --seeds vault --pin-key clinic.vkey >/dev/null

# Every proof stands, and each reader names the entry.
auditctl get 5 --pin-key clinic.vkey >entry.json
has entry.json "\"erased_by\": $erasure"
as officer # who sent them
ends 4 "erased by entry $erasure" auditctl append events.jsonl
# snippet-begin: verify
auditctl export export/ --in-clear
auditledger-verify log export/ $pin || test $? = 3 # 3: verified, unwitnessed
# snippet-end: verify
ends 3 "10 events, erased by entry $erasure: 5, 15, 25" auditledger-verify log export/ $pin
ends 3 "erased by entry $erasure" auditledger-verify entry export/ 5 $pin
ends 3 "erased by entry $erasure, yet it is shown here" auditledger-verify receipt \
  receipts/000000000005.tlog-proof --event receipts/000000000005.event.pb --log export/ $pin
ends 3 "entry $erasure says that the content of entries 5, 15" auditledger-verify receipt \
  approved/*.tlog-proof --event approved/*.event.pb --log export/ $pin
if grep -rq PLANTED export/ "$root" backup vault; then echo "the words are there" && exit 1; fi
stop
auditledger-fsck --root "$root" --ledger clinic >fsck.out
has fsck.out "10 erased"
echo "erasure: 10 events of a patient gone, all proofs good"
