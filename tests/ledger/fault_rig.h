// A whole ledger on a FaultDisk, and beside it what the world outside remembers: every receipt it
// was given, every signed head it saw, every event whose fate it does not know.
//
// Example:
//   FaultRig rig;
//   ASSERT_OK(rig.Create());
//   rig.Append({"a", "b"});
//   rig.disk.SetScript(...); rig.Append({"c"}).IgnoreError(); rig.Stop();
//   rig.disk.Restart(Survival::kSynced);
//   EXPECT_OK(rig.CheckRestart());
//
// One at a time in a process: it puts its disk below all ledgers. Thread-safety: one thread.
#ifndef AUDITLEDGER_TESTS_LEDGER_FAULT_RIG_H_
#define AUDITLEDGER_TESTS_LEDGER_FAULT_RIG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ledger/ledger.h"
#include "tests/ledger/fault_disk.h"
#include "tests/ledger/fault_sanitizers.h"
#include "tests/ledger/ledger_fixture.h"

namespace leveldb {
class Env;
}

namespace auditledger::testing {

// Begins what is broken of the promise; other errors are the ledger's.
inline constexpr char kWrong[] = "WRONG: ";

class FaultRig {
 public:
  // What is known outside.
  struct Receipt {
    uint64_t index = 0;
    std::string leaf;
  };
  struct Memory {
    bool created = false;
    std::map<std::string, Receipt> receipts;  // by event id
    std::map<std::string, bool> unanswered;   // ids that may be in the log or not
    std::map<std::string, bool> erased;       // ids of receipts: whether the erasure was answered
    std::map<uint64_t, Hash> heads;           // size -> root
    uint64_t wall_us = 1'700'000'000'000'000;
  };
  struct Saved {
    std::shared_ptr<const FaultDisk::Saved> disk;
    Memory memory;
  };

  FaultRig();
  ~FaultRig();
  FaultRig(const FaultRig&) = delete;
  FaultRig& operator=(const FaultRig&) = delete;

  absl::Status Create();
  absl::Status Open();
  // One request. What is answered is checked and remembered; the status is the answer's.
  absl::Status Append(const std::vector<std::string>& ids);
  // Asks that the event be erased, and approves it: remembered as for Append.
  absl::Status Erase(const std::string& id);
  // Ends the process, in an orderly way as far as the disk still lets it.
  void Stop();

  // After disk.Restart: the ledger must start, everything remembered must be there and proven,
  // repeats must be known, what was unanswered must go in once, and what is stored must re-derive.
  // The ledger is closed at the end. An error says what is wrong.
  absl::Status CheckRestart();

  Saved Save();  // stopped, and restarted with kAll
  void Load(const Saved& saved);

  FaultDisk disk;
  LedgerOptions options;
  Memory memory;
  std::unique_ptr<Ledger> ledger;
  int sync_failures = 0;

 private:
  absl::Status Start();
  absl::Status StartConfirmed();
  bool AsksToConfirm(absl::string_view why) const;
  absl::Status SeeHead(const PublishedHead& head);
  absl::Status Remember(const std::vector<std::string>& ids, const AppendOutcome& outcome);
  SealedEvent Seal(const std::string& id, const std::string& principal);
  absl::Status CheckReceipts();
  absl::Status CheckErased(const std::string& id, const StoredEntry& entry);
  absl::Status CheckForgotten(Engine& engine);
  absl::Status CheckHeads();
  absl::Status RepeatEverything();
  absl::Status CheckStored();

  std::unique_ptr<leveldb::Env> env_;
  SteppedClock clock_;
  CountedRandom random_;
  uint64_t fresh_ = 0;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_LEDGER_FAULT_RIG_H_
