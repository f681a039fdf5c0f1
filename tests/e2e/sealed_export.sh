#!/usr/bin/env bash
# A log handed to its auditors as one file that only they read, as tools/README.md prints it; and
# that payloads leave in the clear nowhere else, unless somebody said so.
#   tests/e2e/sealed_export.sh BUILD_FOLDER
# shellcheck source=tests/e2e/walk.sh
. "$(dirname "$0")/walk.sh"
export TMPDIR=$work/tmp
mkdir "$TMPDIR"

# Files below this folder in which the marker stands.
planted() { grep -rl PLANTED . | grep -v -e '^./events.jsonl$' -e '^./said$' || true; }

auditctl dev-certs certs >/dev/null
start
as client
create_clinic
pin="--origin audit.example.org/clinic --key clinic.vkey"
python3 - >events.jsonl <<'PY'
import json
for i in range(700):
    print(json.dumps({
        "eventId": f"event-{i}", "schemaVersion": 1,
        "recorded": {"at": "2026-03-01T10:00:00Z", "utcOffsetMinutes": 0},
        "action": "ACTION_READ",
        "outcome": {"indicator": "INDICATOR_SUCCESS", "description": "PLANTED"},
        "category": [{"text": "rest"}], "purposeOfUse": [{"text": "TREAT"}],
        "agent": [{"requestor": True, "who": {"reference": "Practitioner/12"}}],
        "source": {"observer": {"reference": "Device/ehr"}, "streamId": "ehr-1",
                   "streamSequence": str(i + 1)},
        "entity": [{"what": {"reference": "Observation/1"}}]}))
PY
auditctl append events.jsonl >/dev/null

# Those who get it: each makes a key and keeps it; the certificates are what they send.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -subj "/CN=auditor" -keyout auditor.key -out auditor.pem 2>/dev/null
openssl req -x509 -newkey rsa:3072 -nodes -days 30 \
  -subj "/CN=court" -keyout court.key -out court.pem 2>/dev/null

# Without a word nothing leaves, nor is the server asked.
before=$(auditctl checkpoint)
ends 64 "--leaves-only" auditctl export out/
ends 64 "--in-clear" auditctl export out/ --leaves-only --in-clear
ends 64 "--to CERT.pem" auditctl export out.sealed --to auditor.pem --in-clear
ends 64 "no certificate in PEM form" auditctl export out.sealed --to auditor.key
ends 64 "absent.pem" auditctl export out.sealed --to absent.pem
mkdir folder
ends 64 "name the file to write" auditctl export folder --to auditor.pem
ends 4 "out.sealed.tmp" auditctl export absent/out.sealed --to auditor.pem
[ "$(auditctl checkpoint)" = "$before" ]
[ ! -e out ] && [ ! -e out.sealed ]

# snippet-begin: seal
auditctl export clinic.sealed --to auditor.pem --to court.pem
# snippet-end: seal
[ "$(stat -c %a clinic.sealed)" = 600 ]
[ -z "$(planted)" ] || { echo "in the clear: $(planted)"; exit 1; }

# snippet-begin: open
auditledger-verify open-export clinic.sealed --recipient-key auditor.key --out export/
auditledger-verify log export/ $pin || test $? = 3      # 3: verified, unwitnessed
# snippet-end: open
[ "$(stat -c %a export)" = 700 ]
grep -rq PLANTED export/payload

# snippet-begin: openssl
openssl cms -decrypt -binary -inform DER -in clinic.sealed -inkey court.key -out clinic.tar &&
  mkdir court && tar -xf clinic.tar -C court      # only if openssl ended with 0
# snippet-end: openssl
diff -r export court
auditledger-verify log court/ $pin --no-trust-store || test $? = 3
rm -r export court clinic.tar

# Changed on its way, another's key, what is there already: nothing of it is left.
cp clinic.sealed bent.sealed
printf 'x' | dd of=bent.sealed bs=1 seek=20000 conv=notrunc status=none
ends 1 "its tag does not verify" auditledger-verify open-export bent.sealed \
  --recipient-key auditor.key --out export/
ends 2 "of none of the recipients" auditledger-verify open-export clinic.sealed \
  --recipient-key certs/client.key --out export/
ends 2 "is not a sealed file" auditledger-verify open-export auditor.pem \
  --recipient-key auditor.key --out export/
ends 64 "is there already" auditledger-verify open-export clinic.sealed \
  --recipient-key auditor.key --out folder
[ ! -e export ] && [ -z "$(ls -d export.* 2>/dev/null)" ]
[ -z "$(planted)" ] || { echo "in the clear: $(planted)"; exit 1; }
[ -z "$(ls -A "$TMPDIR")" ]

# A server that goes away in the midst leaves yesterday's file as it was.
cp clinic.sealed yesterday
stop
ends 2 "UNAVAILABLE" auditctl export clinic.sealed --to auditor.pem
cmp clinic.sealed yesterday
[ ! -e clinic.sealed.tmp ]
echo "sealed_export: read by two recipients, by two programs, and by nobody else"
