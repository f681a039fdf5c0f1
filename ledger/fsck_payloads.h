// An entry's payload opened against its leaf: the secret unwrapped, the payload decrypted,
// commitment, header, time and tags recomputed, its identity's MACs, and that its stream's record
// is its header's.
//
// A destroyed secret is a finding unless an erasure entry names its entry. The body of such entries
// is not defined yet (system_entries.h), so none does, and every destroyed secret is one.
//
// Thread-safety: one thread. All that is given must outlive it. Memory: a hash a stream.
#ifndef AUDITLEDGER_LEDGER_FSCK_PAYLOADS_H_
#define AUDITLEDGER_LEDGER_FSCK_PAYLOADS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "ledger/engine.h"
#include "ledger/fsck_findings.h"
#include "ledger/fsck_log.h"
#include "ledger/key_files.h"
#include "ledger/seed_store.h"
#include "merkle/hash.h"
#include "merkle/header.h"
#include "merkle/opening.h"

namespace auditledger {

class PayloadCheck {
 public:
  // `max_conflicts`: pieces of evidence that one identity has at most (options.h).
  PayloadCheck(std::string origin, const LedgerKeys& keys, Engine& engine, SeedStore& seeds,
               uint64_t max_conflicts, Findings& findings)
      : origin_(std::move(origin)),
        keys_(keys),
        engine_(engine),
        seeds_(seeds),
        max_conflicts_(max_conflicts),
        findings_(findings) {}

  // REQUIRES: read with keep_payloads.
  void Check(const CheckedEntry& entry);

  uint64_t opened() const { return opened_; }
  uint64_t erased() const { return erased_; }

 private:
  void CheckIdentity(const CheckedEntry& entry, const Opening& opening);
  bool IdentityFits(const CheckedEntry& entry, const Mac128& identity) const;
  void CheckStream(const CheckedEntry& entry, const EntryHeader& header);
  void ReadStreams();
  void AddErased(uint64_t index);

  const std::string origin_;
  const LedgerKeys& keys_;
  Engine& engine_;
  SeedStore& seeds_;
  const uint64_t max_conflicts_;
  Findings& findings_;
  uint64_t opened_ = 0;
  uint64_t erased_ = 0;
  // Of stream records, by number; read when the first is asked for.
  std::optional<absl::flat_hash_map<uint32_t, Hash>> streams_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_PAYLOADS_H_
