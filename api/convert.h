// The ledger's types as messages.
//
// Thread-safety: pure functions.
#ifndef AUDITLEDGER_API_CONVERT_H_
#define AUDITLEDGER_API_CONVERT_H_

#include <cstdint>
#include <vector>

#include "auditledger/v1/ledger_service.pb.h"
#include "auditledger/v1/proof.pb.h"
#include "ledger/ledger.h"
#include "ledger/ledger_set.h"

namespace auditledger {

struct CosignerReport;

v1::Entry ToEntry(const StoredEntry& entry);
v1::InclusionProof ToInclusion(uint64_t index, uint64_t size, const std::vector<Hash>& hashes);
// `full_reasons` keeps file paths in state_reason: for operators only.
v1::Witnessing ToWitnessing(const CosignerReport& report, bool full_reasons);
v1::Ledger ToLedger(const LedgerSet::Slot& slot, bool full_reasons);
v1::Stream ToStream(const StreamInfo& stream);

}  // namespace auditledger

#endif  // AUDITLEDGER_API_CONVERT_H_
