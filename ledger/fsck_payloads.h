// An entry's payload opened against its leaf: the secret unwrapped, the payload decrypted,
// commitment, header, time and tags recomputed, its identity's MACs, and that its stream's record
// is its header's.
//
// A destroyed secret is a finding unless an erasure entry names its entry; since that one comes
// later, it is told by Finish. What an erasure names and is still there, secret, payload or the MAC
// of the event, is one too.
//
// Thread-safety: one thread. All that is given must outlive it. Memory: a hash a stream, and the
// pieces of entries that are erased.
#ifndef AUDITLEDGER_LEDGER_FSCK_PAYLOADS_H_
#define AUDITLEDGER_LEDGER_FSCK_PAYLOADS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "ledger/engine.h"
#include "ledger/erasures.h"
#include "ledger/fsck_findings.h"
#include "ledger/fsck_log.h"
#include "ledger/key_files.h"
#include "ledger/seed_store.h"
#include "merkle/erasure_history.h"
#include "merkle/hash.h"
#include "merkle/header.h"
#include "merkle/opening.h"

namespace auditledger {

class PayloadCheck {
 public:
  // `max_conflicts`: pieces of evidence that one identity has at most (options.h).
  // `serving`: what a ledger that erases meanwhile knows of it; nullptr for one that is stopped.
  PayloadCheck(std::string origin, const LedgerKeys& keys, Engine& engine, SeedStore& seeds,
               uint64_t max_conflicts, Findings& findings, const Erasures* serving = nullptr)
      : origin_(std::move(origin)),
        keys_(keys),
        engine_(engine),
        seeds_(seeds),
        max_conflicts_(max_conflicts),
        findings_(findings),
        serving_(serving) {}

  // REQUIRES: read with keep_payloads, in the order of the log.
  void Check(const CheckedEntry& entry);
  // After the last entry.
  void Finish();

  uint64_t opened() const { return opened_; }
  uint64_t erased() const { return CountEntries(destroyed_); }

 private:
  void CheckIdentity(const CheckedEntry& entry, const Opening& opening);
  bool IdentityFits(const CheckedEntry& entry, const Mac128& identity) const;
  void CheckStream(const CheckedEntry& entry, const EntryHeader& header);
  void ReadStreams();
  void AddDestroyed(uint64_t index);
  void CheckErasure(const CheckedEntry& entry);
  void CheckForgotten(uint64_t index, uint64_t erasure);

  const std::string origin_;
  const LedgerKeys& keys_;
  Engine& engine_;
  SeedStore& seeds_;
  const uint64_t max_conflicts_;
  Findings& findings_;
  const Erasures* const serving_;
  ErasureHistory erasures_;
  EntryRanges destroyed_;  // whose secrets are
  uint64_t opened_ = 0;
  // Of stream records, by number; read when the first is asked for.
  std::optional<absl::flat_hash_map<uint32_t, Hash>> streams_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_FSCK_PAYLOADS_H_
