#!/usr/bin/env bash
# A complaint, as a privacy officer deals with it and tools/README.md prints it: who opened this
# chart? The answer as evidence, complete and redacted, on another machine without network; and what
# happens to it where it is tampered with or not recorded.
#   tests/e2e/evidence.sh BUILD_FOLDER [SCREENSHOT_FOLDER]
# shellcheck source=tests/e2e/walk.sh
. "$(dirname "$0")/walk.sh"

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

# snippet-begin: bundle
auditctl bundle answer.bundle --subject "$patient" --index-key index.key --minimum-necessary \
  --case 'case 12' --purpose 'complaint of a patient' --legal-basis '45 CFR 164.308(a)(1)(ii)(D)' \
  --requester 'P. Officer' --approver 'C. Counsel' --earlier earlier.txt --page answer.html
# snippet-end: bundle

# snippet-begin: hand-over
auditctl hand-over answer.bundle --by 'P. Officer' --to 'District court' --purpose 'order 7 O 12'
# snippet-end: hand-over

# Another machine: nothing but the file and the key as it was published.
mkdir court
cp answer.bundle clinic.vkey court/
# snippet-begin: verify
pin="--origin audit.example.org/clinic --key court/clinic.vkey"
auditledger-verify bundle court/answer.bundle $pin --page court/answer.html || test $? = 3
# snippet-end: verify
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
data = bytearray(open("answer.bundle", "rb").read())
data[len(data) // 2] ^= 1
open("tampered.bundle", "wb").write(data)
PY
ends 1 "REFUSED" auditledger-verify bundle tampered.bundle $pin

# The other questions, and what nobody can tell without the other leaves.
about=(--purpose audit --requester r --approver a)
auditctl bundle all.bundle --all "${about[@]}" >/dev/null 2>&1
ends 3 "PASS *completeness all" auditledger-verify bundle all.bundle $pin
auditctl bundle range.bundle --range 5-20 --redact staff-names,network "${about[@]}" >/dev/null 2>&1
ends 3 "entries 5 to 20 are all here" auditledger-verify bundle range.bundle $pin
ends 3 "PASS *completeness every entry recorded" sh -c "auditctl bundle window.bundle \
  --from 2020-01-01T00:00:00Z --to 2099-01-01T00:00:00Z --purpose p --requester r --approver a \
  >/dev/null 2>&1; auditledger-verify bundle window.bundle $pin"
auditctl bundle sparse.bundle --subject "$patient" --index-key index.key --sparse "${about[@]}" \
  >/dev/null 2>&1
ends 2 "CANNOT TELL *completeness" auditledger-verify bundle sparse.bundle $pin
ends 3 "0 entries are what was asked for" sh -c "auditctl bundle none.bundle --subject '|nobody' \
  --index-key index.key --purpose p --requester r --approver a >/dev/null 2>&1;
  auditledger-verify bundle none.bundle $pin"
ends 3 "PASS *tags" auditledger-verify bundle all.bundle $pin --index-key index.key

# Whose word the log does not take gets no bundle.
AUDITCTL_CERT=certs/reader.pem AUDITCTL_KEY_FILE=certs/reader.key \
  ends 4 "did not record" auditctl bundle unrecorded.bundle --all "${about[@]}"
[ ! -e unrecorded.bundle ]

echo "evidence: $(wc -l <day) events; the whole log in $(stat -c %s all.bundle) bytes, the" \
  "redacted answer, with every other leaf, in $(stat -c %s answer.bundle)"
if [ -n "${2:-}" ]; then cp answer.html answer.bundle all.bundle clinic.vkey "$2/"; fi
