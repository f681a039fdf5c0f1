#!/usr/bin/env bash
# Reports of a day with planted snoops, out of a bundle and nothing else; each row worked out anew
# from the events by report_reference.py.
#   tests/e2e/reports.sh BUILD_FOLDER [EVENTS]
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/walk.sh
. "$here/walk.sh"
events=${2:-2000}

auditctl dev-certs certs --client client=spiffe://hospital.example/officer >/dev/null
start
as client
create_clinic
export AUDITCTL_PIN_KEY=clinic.vkey
auditledger-generate --seed 7 --events "$events" --billing-spree --truth truth.json >day
"$here/report_reference.py" --add-disclosures day
auditctl append - <day >/dev/null 2>&1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
  -subj "/CN=officer" -keyout officer.key -out officer.pem 2>/dev/null
auditctl bundle day.bundle --in-clear --all --case 'review of March' --purpose 'regular review' \
  --requester 'P. Officer' --approver 'C. Counsel' >/dev/null 2>&1
auditctl bundle day.sealed --to officer.pem --all --purpose 'regular review' \
  --requester 'P. Officer' --approver 'C. Counsel' >/dev/null 2>&1
auditctl bundle redacted.bundle --in-clear --range 1-100 --redact other-patients \
  --purpose 'regular review' --requester 'P. Officer' --approver 'C. Counsel' >/dev/null 2>&1
stop

# The ledger's own entries are of today: out of the window.
about="--origin audit.example.org/clinic --key clinic.vkey --from 2025-03-02 --to 2025-03-05"
mkdir reports
for kind in patient-access disclosures user-activity break-glass watched activity-review \
    incident; do
  # 3: verified, and nobody else has witnessed it.
  # shellcheck disable=SC2086
  ends 3 "PASS *entries" auditledger-report $kind day.bundle $about --format json \
    --out reports/$kind.json
done
# shellcheck disable=SC2086
ends 3 "PASS *entries" auditledger-report coverage day.bundle ${about%% --from*} --format json \
  --out reports/coverage.json
python3 "$here/report_reference.py" day truth.json reports

# As a privacy officer types it, for a patient.
patient=$(python3 -c 'import json
print(*(json.loads(l)["patient"][0]["identifier"][k] for l in [next(
  l for l in open("day") if "\"patient\"" in l)] for k in ("system", "value")), sep="|")')
# snippet-begin: report
pin="--origin audit.example.org/clinic --key clinic.vkey"
auditledger-report patient-access day.bundle $pin --patient "$patient" --no-staff-names \
  --out report.html || test $? = 3
auditledger-report break-glass day.bundle $pin --as-of 2025-03-10 --format csv >owed.csv ||
  test $? = 3
# snippet-end: report
grep -q '<h1>Patient access report</h1>' report.html
if grep -q 'Practitioner/' report.html; then echo "a member of staff is named" && exit 1; fi
[ "$(stat -c %a report.html)" = 600 ]
grep -q overdue owed.csv

# Who is withheld cannot be found: that is told, not passed over.
# shellcheck disable=SC2086
auditledger-report patient-access redacted.bundle $pin --patient "$patient" 2>/dev/null \
  >none.html || test $? = 3
grep -q '<dt>not judged</dt><dd>[1-9][0-9]* entries' none.html

# One that is sealed is opened in memory, for who has the key.
# shellcheck disable=SC2086
ends 3 "PASS *completeness" auditledger-report incident day.sealed $pin \
  --recipient-key officer.key --out sealed.html
# shellcheck disable=SC2086
ends 64 "give --recipient-key" auditledger-report incident day.sealed $pin --out no.html
[ ! -e no.html ]

# What does not verify is not reported on.
python3 - <<'PY'
data = bytearray(open("day.bundle", "rb").read())
data[len(data) // 2] ^= 1
open("tampered.bundle", "wb").write(data)
PY
# shellcheck disable=SC2086
ends 1 "REFUSED\|FAIL" auditledger-report incident tampered.bundle $pin --out no.html
[ ! -e no.html ]
# shellcheck disable=SC2086
ends 64 "must be one of patient-access" auditledger-report nothing day.bundle $pin

echo "reports: $(wc -l <day) events, $(stat -c %s day.bundle) bytes of bundle"
