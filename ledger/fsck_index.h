// Every index head of a log against the map that its leaves make (merkle/index_audit.h): part of
// fsck.
//
// Thread-safety: one thread. Memory: some 300 bytes a tag, none in a log without index heads.
#ifndef AUDITLEDGER_LEDGER_FSCK_INDEX_H_
#define AUDITLEDGER_LEDGER_FSCK_INDEX_H_

#include <cstdint>
#include <optional>

#include "ledger/engine.h"
#include "ledger/fsck_findings.h"
#include "ledger/fsck_log.h"
#include "merkle/index_audit.h"

namespace auditledger {

class IndexHeadCheck {
 public:
  // Looks for index heads among the first `size` leaves. `findings` must outlive it.
  IndexHeadCheck(Engine& engine, uint64_t size, Findings& findings);

  // REQUIRES: each entry in order. Behind one whose leaf is not there nothing more is compared.
  void Check(const CheckedEntry& entry);
  // Of the index heads, how many were compared and right.
  uint64_t right() const { return audit_->right(); }

 private:
  Findings& findings_;
  std::optional<IndexAudit> audit_;
  bool complete_ = true;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_INDEX_H_
