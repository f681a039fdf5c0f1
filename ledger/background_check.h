// Re-reads a serving ledger slowly, from the genesis to the newest signed head and then anew: what
// fsck says of a stopped one (fsck_log.h, fsck_payloads.h), said while the damage can still be
// mended from a copy, and not in the year when somebody asks for the entry.
//
// It only reads and reports: appends go on, since a lost event is worse than one more behind a
// damaged one, and what is written is read back by its own commit.
//
// Example:
//   BackgroundCheck check(parts);
//   check.Start(limits.check_entries_per_second);  // or Step() in a test
//
// Thread-safety: Step belongs to one thread (Start's, once that was called); state may be called by
// any. What the parts name must outlive it. Cost: some 15 us of one core an entry; memory: the
// leaves and payloads of kTileWidth entries.
#ifndef AUDITLEDGER_LEDGER_BACKGROUND_CHECK_H_
#define AUDITLEDGER_LEDGER_BACKGROUND_CHECK_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "ledger/engine.h"
#include "ledger/erasures.h"
#include "ledger/fsck_findings.h"
#include "ledger/fsck_log.h"
#include "ledger/fsck_payloads.h"
#include "ledger/key_files.h"
#include "ledger/seed_store.h"

namespace auditledger {

// Findings that a round keeps; the others are counted.
inline constexpr size_t kMaxBackgroundFindings = 100;

struct BackgroundCheckParts {
  std::string origin;
  const LedgerKeys* keys = nullptr;
  Engine* engine = nullptr;
  SeedStore* seeds = nullptr;
  uint64_t max_conflicts = 0;
  const Erasures* erasures = nullptr;  // what the ledger itself knows of them
  std::function<Head()> signed_head;   // the newest
  // Asked at the end of each round; not OK is a finding.
  std::function<absl::Status()> verify_indexes;
};

struct BackgroundCheckState {
  uint64_t checked_entries = 0;  // since start
  uint64_t rounds = 0;           // through the whole log
  // Of the last whole round or of the one under way, whichever found more.
  uint64_t findings = 0;
  std::string first_finding;  // of that round; names the entry, and holds nothing personal
};

class BackgroundCheck {
 public:
  explicit BackgroundCheck(BackgroundCheckParts parts) : parts_(std::move(parts)) {}
  ~BackgroundCheck();

  // Calls Step on a thread of its own, so often that all that were started in this process read
  // about so many entries a second together: a hundred ledgers must not take a hundred shares of
  // the machine. REQUIRES: not 0, and called once.
  void Start(uint64_t entries_per_second);
  // Checks the next tile's entries. Returns how many; 0 at the end of a round.
  uint64_t Step();
  BackgroundCheckState state() const;

 private:
  // One pass over the log as of a head.
  struct Round {
    Round(const BackgroundCheckParts& parts, const Head& head);
    const Head head;
    Findings findings{kMaxBackgroundFindings};
    PayloadCheck payloads;
    LogCheck log;
  };
  void Publish(uint64_t checked, bool ended);
  void Run(uint64_t entries_per_second);

  const BackgroundCheckParts parts_;
  std::unique_ptr<Round> round_;
  uint64_t last_findings_ = 0;  // of the last whole round
  std::string last_first_;

  mutable std::mutex mutex_;  // guards the members below
  std::condition_variable stop_;
  bool stopping_ = false;
  BackgroundCheckState state_;
  std::thread thread_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_BACKGROUND_CHECK_H_
