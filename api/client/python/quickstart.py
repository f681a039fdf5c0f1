"""What README.md shows; tests/test_ledger.py runs it where `auditctl dev-certs` wrote certs/."""
import os

ADDRESS = os.environ.get("AUDITLEDGER", "localhost:7443")
# snippet-begin: quickstart
import auditledger, uuid
from auditledger.v1.event_pb2 import Agent, AuditEvent, Outcome, Reference, Source
log = auditledger.PinnedLog("audit.example.org/clinic", open("certs/clinic.vkey").read())
event = AuditEvent(event_id=str(uuid.uuid4()), schema_version=1, agent=[Agent(name="Dr. A")],
                   outcome=Outcome(indicator=Outcome.INDICATOR_SUCCESS),
                   source=Source(observer=Reference(display="EHR"), stream_id="ehr-1"))
event.recorded.at.GetCurrentTime()
with auditledger.connect(ADDRESS, "clinic", log, ca="certs/ca.pem",
                         cert="certs/ehr.pem", key="certs/ehr.key") as ledger:
    print("recorded as entry", ledger.append(event).index)
# snippet-end: quickstart
