#!/usr/bin/env bash
# A complaint, as a privacy officer deals with it and tools/README.md prints it: who opened this
# chart? The answer as evidence, complete and redacted, sealed for who reads it, on another machine
# without network; and what happens to it where it is tampered with or not recorded.
#   tests/e2e/evidence.sh BUILD_FOLDER [SCREENSHOT_FOLDER]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/walk.sh
. "$here/walk.sh"

auditctl dev-certs certs --client client=spiffe://hospital.example/officer \
  --client reader=spiffe://hospital.example/reader \
  --grant reader=auditor >/dev/null
start
as client
create_clinic
auditledger-generate --events 400 >day
auditctl append - <day >/dev/null 2>&1
auditctl checkpoint --out earlier.txt
cp ledger/keys/clinic/index.key index.key
# The patient of the most events, and a word that only other patients' entries have.
python3 - <<'PY'
import collections, json
counts = collections.Counter()
for line in open("day"):
    for patient in json.loads(line).get("patient", []):
        identifier = patient.get("identifier", {})
        counts[identifier.get("system", "") + "|" + identifier.get("value", "")] += 1
(most, n), = counts.most_common(1)
others = [key.split("|")[1] for key in counts if key != most]
open("patient", "w").write(most)
open("count", "w").write(str(n))
open("others", "w").write("\n".join(others))
PY
patient=$(cat patient)
export AUDITCTL_PIN_KEY=clinic.vkey

# Who reads it: each makes a key and keeps it; the certificates are what they send.
mkdir court
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -subj "/CN=officer" -keyout officer.key -out officer.pem 2>/dev/null
openssl req -x509 -newkey rsa:3072 -nodes -days 30 \
  -subj "/CN=court" -keyout court/court.key -out court.pem 2>/dev/null
# Files in which words of the bundle stand in the clear.
in_clear() { grep -rl 'complaint of a patient' . || true; }

# Without a word it is not made, nor is the server asked.
before=$(auditctl checkpoint)
about=(--purpose audit --requester r --approver a)
ends 64 "--in-clear" auditctl bundle x.bundle --all "${about[@]}"
ends 64 "--to CERT.pem" auditctl bundle x.bundle --all "${about[@]}" --to officer.pem --in-clear
ends 64 "no certificate in PEM form" auditctl bundle x.bundle --all "${about[@]}" --to officer.key
ends 64 "in the clear" auditctl bundle x.bundle --all "${about[@]}" --to officer.pem --page x.html
ends 4 "x.bundle.tmp" auditctl bundle absent/x.bundle --all "${about[@]}" --to officer.pem
[ "$(auditctl checkpoint)" = "$before" ]

# snippet-begin: bundle
auditctl bundle answer.sealed --to officer.pem --subject "$patient" --index-key index.key \
  --minimum-necessary --case 'case 12' --purpose 'complaint of a patient' \
  --legal-basis '45 CFR 164.308(a)(1)(ii)(D)' --requester 'P. Officer' --approver 'C. Counsel' \
  --earlier earlier.txt
# snippet-end: bundle
[ "$(stat -c %a answer.sealed)" = 600 ]
[ -z "$(in_clear)" ] || { echo "in the clear: $(in_clear)"; exit 1; }

# snippet-begin: hand-over
auditctl hand-over answer.sealed --recipient-key officer.key --out court.sealed --to court.pem \
  --by 'P. Officer' --receiver 'District court' --purpose 'order 7 O 12'
# snippet-end: hand-over
[ -z "$(in_clear)" ] || { echo "in the clear: $(in_clear)"; exit 1; }

# A sealed file opens for its recipients alone, and is handed on by them.
pin="--origin audit.example.org/clinic --key clinic.vkey"
give=(--by 'P. Officer' --receiver 'District court' --purpose 'order 7 O 12')
ends 64 "open it with --recipient-key" auditctl hand-over answer.sealed "${give[@]}"
ends 64 "say by one of these" auditctl hand-over answer.sealed --recipient-key officer.key \
  --out x.sealed "${give[@]}"
ends 64 "--out FILE too" auditctl hand-over answer.sealed --recipient-key officer.key "${give[@]}"
ends 4 "none of the recipients" auditctl hand-over court.sealed --recipient-key officer.key \
  --out x.sealed --to court.pem "${give[@]}"
[ ! -e x.sealed ] && [ ! -e x.sealed.tmp ]
ends 2 "give --recipient-key" auditledger-verify bundle answer.sealed $pin
ends 3 "PASS *completeness" auditledger-verify bundle answer.sealed $pin \
  --recipient-key officer.key
ends 2 "none of the recipients" auditledger-verify open-export court.sealed \
  --recipient-key officer.key --out x.bundle
cp court.sealed bent.sealed
printf 'x' | dd of=bent.sealed bs=1 seek=20000 conv=notrunc status=none
ends 1 "its tag does not verify" auditledger-verify open-export bent.sealed \
  --recipient-key court/court.key --out x.bundle
head -c 20000 court.sealed >bent.sealed
ends 2 "is not a sealed file" auditledger-verify open-export bent.sealed \
  --recipient-key court/court.key --out x.bundle
[ -z "$(ls -d x.bundle* 2>/dev/null)" ]
[ -z "$(in_clear)" ] || { echo "in the clear: $(in_clear)"; exit 1; }

# snippet-begin: read
auditledger-verify bundle answer.sealed --recipient-key officer.key $pin --page answer.html ||
  test $? = 3
# snippet-end: read

# Another machine: nothing but the file and the key as it was published.
cp court.sealed clinic.vkey court/
# snippet-begin: verify
pin="--origin audit.example.org/clinic --key court/clinic.vkey"
auditledger-verify open-export court/court.sealed --recipient-key court/court.key \
  --out court/answer.bundle
auditledger-verify bundle court/answer.bundle $pin --page court/answer.html || test $? = 3
# snippet-end: verify
openssl cms -decrypt -binary -inform DER -in court.sealed -inkey court/court.key -out by-openssl
cmp by-openssl court/answer.bundle
auditledger-verify bundle court/answer.bundle $pin --json >verdict.json || test $? = 3
python3 - <<'PY'
import json
claims = {c["claim"]: c for c in json.load(open("verdict.json"))["claims"]}
for name in ("file", "head", "entries", "contents", "scope", "completeness", "consistency",
             "custody"):
    assert claims[name]["result"] == "PASS", claims[name]
found, wanted = claims["scope"]["reason"].split()[0], open("count").read()
assert found == wanted, (found, wanted)
assert "hand-overs: 1" in claims["custody"]["reason"], claims["custody"]
bundle = open("court/answer.bundle", "rb").read()
for other in open("others").read().split("\n"):
    assert other.encode() not in bundle, other
PY

# One byte, anywhere: refused.
python3 - <<'PY'
data = bytearray(open("court/answer.bundle", "rb").read())
data[len(data) // 2] ^= 1
open("tampered.bundle", "wb").write(data)
PY
ends 1 "REFUSED" auditledger-verify bundle tampered.bundle $pin

# The other questions, and what nobody can tell without the other leaves.
about+=(--in-clear)
auditctl bundle all.bundle --all "${about[@]}" >/dev/null 2>&1
ends 3 "PASS *completeness all" auditledger-verify bundle all.bundle $pin
auditctl bundle range.bundle --range 5-20 --redact staff-names,network "${about[@]}" >/dev/null 2>&1
ends 3 "entries 5 to 20 are all here" auditledger-verify bundle range.bundle $pin
ends 3 "PASS *completeness every entry recorded" sh -c "auditctl bundle window.bundle \
  --recorded 2020-01-01T00:00:00Z 2099-01-01T00:00:00Z --purpose p --requester r --approver a \
  --in-clear \
  >/dev/null 2>&1; auditledger-verify bundle window.bundle $pin"
auditctl bundle sparse.bundle --subject "$patient" --index-key index.key --sparse "${about[@]}" \
  >/dev/null 2>&1
ends 2 "CANNOT TELL *completeness" auditledger-verify bundle sparse.bundle $pin
ends 3 "0 entries are what was asked for" sh -c "auditctl bundle none.bundle --subject '|nobody' \
  --index-key index.key --purpose p --requester r --approver a --in-clear >/dev/null 2>&1;
  auditledger-verify bundle none.bundle $pin"
ends 3 "PASS *tags" auditledger-verify bundle all.bundle $pin --index-key index.key

# A complete answer in place of the other leaves: as small as --sparse, and nothing is left out.
auditctl export leaves --leaves-only >/dev/null
"$here"/make_answer.py leaves index.key "$patient" patient.answer
"$here"/make_answer.py leaves index.key '|nobody' nobody.answer
ends 64 "no other question" auditctl bundle x.bundle --answer patient.answer "${about[@]}"
ends 64 "another tag" auditctl bundle x.bundle --answer patient.answer --subject '|nobody' \
  --index-key index.key "${about[@]}"
auditctl bundle answered.bundle --answer patient.answer --subject "$patient" "${about[@]}" \
  >/dev/null 2>&1
ends 3 "PASS *completeness exactly these $(cat count) entries" \
  auditledger-verify bundle answered.bundle $pin --index-key index.key
auditctl bundle nobody.bundle --answer nobody.answer --subject '|nobody' "${about[@]}" \
  >/dev/null 2>&1
ends 3 "PASS *completeness exactly these 0 entries" auditledger-verify bundle nobody.bundle $pin
python3 - <<'PY'
data = bytearray(open("patient.answer", "rb").read())
data[len(data) // 2] ^= 1
open("false.answer", "wb").write(data)
PY
ends 1 "NOT PROVEN" auditctl bundle x.bundle --answer false.answer --subject "$patient" \
  "${about[@]}"
[ ! -e x.bundle ]

# One in the clear grows where it lies; its copy for a receiver may be sealed.
auditctl hand-over range.bundle "${give[@]}" >/dev/null 2>&1
ends 3 "hand-overs: 1" auditledger-verify bundle range.bundle $pin
auditctl hand-over range.bundle --out range.sealed --to court.pem "${give[@]}" >/dev/null 2>&1
ends 3 "hand-overs: 2" auditledger-verify bundle range.sealed $pin \
  --recipient-key court/court.key
ends 3 "hand-overs: 1" auditledger-verify bundle range.bundle $pin
auditctl hand-over range.sealed --recipient-key court/court.key --out open.bundle --in-clear \
  "${give[@]}" >/dev/null 2>&1
ends 3 "hand-overs: 3" auditledger-verify bundle open.bundle $pin
[ "$(stat -c %a open.bundle)" = 600 ]

# Whose word the log does not take gets no bundle.
AUDITCTL_CERT=certs/reader.pem AUDITCTL_KEY_FILE=certs/reader.key \
  ends 4 "did not record" auditctl bundle unrecorded.bundle --all "${about[@]}"
[ ! -e unrecorded.bundle ]
AUDITCTL_CERT=certs/reader.pem AUDITCTL_KEY_FILE=certs/reader.key \
  ends 4 "did not record" auditctl bundle unrecorded.bundle --all --purpose p --requester r \
  --approver a --to court.pem
[ ! -e unrecorded.bundle ] && [ ! -e unrecorded.bundle.tmp ]
AUDITCTL_CERT=certs/reader.pem AUDITCTL_KEY_FILE=certs/reader.key \
  ends 4 "" auditctl hand-over range.bundle --out unrecorded.bundle --in-clear "${give[@]}"
[ ! -e unrecorded.bundle ]

echo "evidence: $(wc -l <day) events; the whole log in $(stat -c %s all.bundle) bytes, the" \
  "redacted answer, with every other leaf, in $(stat -c %s court/answer.bundle)"
if [ -n "${2:-}" ]; then cp answer.html court/answer.bundle all.bundle clinic.vkey "$2/"; fi
