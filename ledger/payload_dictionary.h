// Dictionary 1 of payload compression: the code systems, codes and words that events of healthcare
// repeat, as the bytes they have inside an AuditEvent (a field "coding" of a CodeableConcept).
//
// It is part of a stored format: what was compressed under it opens under no other. It never
// changes; a better one gets the next number (payload_compression.h). Its SHA-256 is pinned by a
// test. Sources: the code systems of FHIR R4 AuditEvent, DICOM PS3.16 annex D and IHE BALP.
//
// Thread-safety: safe. Lives for ever.
#ifndef AUDITLEDGER_LEDGER_PAYLOAD_DICTIONARY_H_
#define AUDITLEDGER_LEDGER_PAYLOAD_DICTIONARY_H_

#include "absl/strings/string_view.h"

namespace auditledger {

absl::string_view PayloadDictionary1();

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_PAYLOAD_DICTIONARY_H_
