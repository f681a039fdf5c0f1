// The fault table: every call that each part of the ledger makes to the disk x every way it can
// fail x what comes after. After each cell the ledger starts again, and everything it ever
// acknowledged is there, once, in its place and proven; what is stored is derived again from the
// raw keys.
//
// Covers: ledger/state_markers
//
//   rows     create, open, commit, tile writing, signer's state, key store, identity runs and
//   stream
//            ranges, a table flushed while serving, an erasure
//   faults   error and absent, error but present, torn at each sector, short, disk full; EIO on a
//            sync whose data is lost, or written all the same
//   after    the error returned, then a restart, or a power cut; or the process dies in the call,
//            with the page cache kept, or cut to what was synced
//
// AUDITLEDGER_FAULT_STRIDE=N plays each N-th cell (5; `tools/dev faults`: 1, which is all of them).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ledger/leveldb_engine.h"
#include "ledger/recovery.h"
#include "tests/ledger/fault_rig.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using Fault = FaultDisk::Fault;
using What = FaultDisk::Fault::What;
using Op = FaultDisk::Op;

enum class After { kRestart, kPowerCut, kDiesCacheKept, kDiesPowerCut };

struct Row {
  const char* name;
  const char* scope;  // calls on paths that contain it are failed
  // Brings the ledger to where the step begins; the process is stopped then.
  void (*prepare)(FaultRig& rig);
  // What is done on the failing disk, with or without success.
  absl::Status (*step)(FaultRig& rig);
  // Cells in which the fault struck, at least: what is covered may not fall. How many calls the
  // identities' thread makes is not the same each time.
  size_t cells;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

absl::Status OpenAndAppend(FaultRig& rig, const std::vector<std::vector<std::string>>& requests) {
  absl::Status status = rig.Open();
  for (const auto& ids : requests) {
    if (!status.ok()) return status;
    status = rig.Append(ids);
  }
  return status;
}

void PrepareFew(FaultRig& rig) {
  ASSERT_OK(rig.Create());
  ASSERT_OK(rig.Append({"a", "b"}));
}

// To the second tile: the start writes all of it as a table, whose blocks are compressed.
void PrepareBeforeFullTile(FaultRig& rig) {
  ASSERT_OK(rig.Create());
  for (int i = 0; i < 24; ++i) {
    std::vector<std::string> ids;
    for (int k = 0; k < 21; ++k) ids.push_back(absl::StrCat("old-", i, "-", k));
    ASSERT_OK(rig.Append(ids));
  }
  // Asking for all of them in each cell would take a minute.
  std::erase_if(rig.memory.receipts,
                [](const auto& receipt) { return !absl::EndsWith(receipt.first, "-0"); });
}

// One commit is stored and not signed, as a crash between both leaves it.
void PrepareUnsigned(FaultRig& rig) {
  PrepareFew(rig);
  rig.disk.SetScript([](const FaultDisk::Call& call) {
    const bool signs = call.op == Op::kWrite && absl::EndsWith(call.path, "signer.state");
    return signs ? Fault{What::kAbsent, EIO, 0, true} : Fault{};
  });
  EXPECT_FALSE(rig.Append({"unsigned"}).ok());
}

// LevelDB with the smallest buffer it takes, so that a few commits fill it.
void PrepareSmallBuffer(FaultRig& rig) {
  rig.options.open_engine = [&rig] {
    LevelDbOptions leveldb;
    leveldb.path = LogPath(rig.options.paths);
    leveldb.create_if_missing = true;
    leveldb.write_buffer_bytes = 64 << 10;
    return OpenLevelDbEngine(leveldb);
  };
  ASSERT_OK(rig.Create());
}

absl::Status FillBuffer(FaultRig& rig) {
  std::vector<std::vector<std::string>> requests(4);
  for (size_t i = 0; i < 4 * 25; ++i) requests[i % 4].push_back(absl::StrCat("event-", i));
  return OpenAndAppend(rig, requests);
}

absl::Status OpenAndErase(FaultRig& rig) {
  absl::Status status = rig.Open();
  if (status.ok()) status = rig.Erase("a");
  if (status.ok()) status = rig.Append({"c"});
  return status;
}

// The erasure's entry is signed, and nothing of it was carried out.
void PrepareErased(FaultRig& rig) {
  PrepareFew(rig);
  // Behind the secrets of the request and of the erasure.
  rig.disk.SetScript([writes = 0](const FaultDisk::Call& call) mutable {
    const bool is_slot = call.op == Op::kWrite && absl::StrContains(call.path, "/seeds/seeds-");
    const bool destroys = is_slot && ++writes == 3;
    return destroys ? Fault{What::kAbsent, EIO, 0, true} : Fault{};
  });
  EXPECT_FALSE(rig.Erase("a").ok());
}

const Row kRows[] = {
    {"Create", "", [](FaultRig&) {}, [](FaultRig& rig) { return rig.Create(); }, 1500},
    {"Open", "/", PrepareUnsigned, [](FaultRig& rig) { return rig.Open(); }, 540},
    {"Commit", "/data/log", PrepareFew,
     [](FaultRig& rig) {
       return OpenAndAppend(rig, {{"c"}, {"d", "e"}});
     },
     360},
    {"Tile", "/data/log", PrepareBeforeFullTile,
     [](FaultRig& rig) {
       return OpenAndAppend(rig, {{"c", "d", "e", "f", "g", "h", "i", "j"}});
     },
     2200},
    {"SignerState", "/state", PrepareFew,
     [](FaultRig& rig) {
       return OpenAndAppend(rig, {{"c"}, {"d"}, {"e"}});
     },
     210},
    {"KeyStore", "/seeds", [](FaultRig& rig) { ASSERT_OK(rig.Create()); },
     [](FaultRig& rig) {
       return OpenAndAppend(rig, {{"c"}, {"d", "e"}});
     },
     55},
    {"Identity", "/data/identity", PrepareFew,
     [](FaultRig& rig) {
       const absl::Status status =
           OpenAndAppend(rig, {{"c", "d"}, {"e", "f", "g"}, {"h", "i", "j", "k"}, {"l"}});
       rig.Stop();  // waits for the runs
       return status;
     },
     400},
    {"Flush", ".ldb", PrepareSmallBuffer, FillBuffer, 60},
    {"Erase", "/", PrepareFew, OpenAndErase, 2200},
    {"EraseAtStart", "/", PrepareErased, [](FaultRig& rig) { return rig.Open(); }, 1400},
};

class FaultTableTest : public ::testing::TestWithParam<Row> {
 protected:
  struct Cell {
    size_t call;
    Op op;
    Fault fault;
    After after;
  };

  // The calls of the step in scope, when nothing fails.
  std::vector<FaultDisk::Call> Record() {
    std::vector<FaultDisk::Call> calls;
    rig_.disk.SetScript([&](const FaultDisk::Call& call) {
      if (absl::StrContains(call.path, GetParam().scope)) calls.push_back(call);
      return Fault{};
    });
    EXPECT_OK(GetParam().step(rig_));
    rig_.Stop();
    rig_.disk.SetScript(nullptr);
    return calls;
  }

  static std::vector<Fault> FaultsOf(const FaultDisk::Call& call) {
    switch (call.op) {
      case Op::kRead:
        return {{What::kAbsent, EIO}, {What::kShort, 0, call.bytes / 2 + 1}};
      case Op::kLook:
        return {{What::kAbsent, EIO}};
      case Op::kOpen:
        return {{What::kAbsent, EMFILE}, {What::kAbsent, ENOSPC}, {What::kPresent, EIO}};
      case Op::kSync:
        return {{What::kAbsent, EIO}, {What::kPresent, EIO}};
      case Op::kRename:
      case Op::kRemove:
      case Op::kFolder:
        return {{What::kAbsent, EIO}, {What::kPresent, EIO}, {What::kAbsent, ENOSPC}};
      case Op::kWrite:
        return WriteFaults(call.bytes);
    }
    return {};
  }

  // Torn at each sector; of a long write, as the zeros of a new segment of seeds are, at each of
  // the first and then now and then.
  static std::vector<Fault> WriteFaults(size_t bytes) {
    constexpr size_t kEachSectorOf = 16 << 10;
    std::vector<Fault> faults = {{What::kAbsent, EIO},
                                 {What::kPresent, EIO},
                                 {What::kAbsent, ENOSPC},
                                 {What::kTorn, ENOSPC, bytes / 2},
                                 {What::kShort, 0, bytes / 2 + 1}};
    for (size_t at = kSectorBytes; at < bytes;) {
      faults.push_back({What::kTorn, EIO, at});
      at += at < kEachSectorOf ? kSectorBytes : bytes / 8;
    }
    return faults;
  }

  static std::vector<After> AftersOf(const FaultDisk::Call& call, const Fault& fault) {
    if (call.op == Op::kRead || call.op == Op::kLook) return {After::kRestart};
    if (fault.what == What::kShort) return {After::kRestart, After::kPowerCut};
    // Which error is answered is nothing to a process that is gone.
    if (fault.error != EIO) return {After::kRestart, After::kPowerCut};
    return {After::kRestart, After::kPowerCut, After::kDiesCacheKept, After::kDiesPowerCut};
  }

  void Play(const Cell& cell) {
    rig_.disk.SetScript([&, n = size_t{0}](const FaultDisk::Call& call) mutable {
      if (!absl::StrContains(call.path, GetParam().scope) || n++ != cell.call) return Fault{};
      ++struck_;
      Fault fault = cell.fault;
      fault.crash = cell.after == After::kDiesCacheKept || cell.after == After::kDiesPowerCut;
      return fault;
    });
    const absl::Status status = GetParam().step(rig_);
    EXPECT_FALSE(absl::StartsWith(status.message(), kWrong)) << status;
    if (cell.fault.what == What::kShort) {
      EXPECT_OK(status) << "a short read or write is no error";
    }
    rig_.Stop();
    const bool cut = cell.after == After::kPowerCut || cell.after == After::kDiesPowerCut;
    rig_.disk.Restart(cut ? Survival::kSynced : Survival::kAll);
    EXPECT_OK(rig_.CheckRestart());
    if (cell.op != Op::kSync) return;
    // What was acknowledged since stands on what a failed sync left in the cache, or does not.
    rig_.disk.Restart(Survival::kSynced);
    EXPECT_OK(rig_.CheckRestart()) << "after a later power cut";
  }

  FaultRig rig_;
  size_t struck_ = 0;
};

std::string Name(const FaultDisk::Call& call) {
  constexpr const char* kNames[] = {"open",   "read",   "write",       "sync",
                                    "rename", "remove", "make folder", "look at"};
  return absl::StrCat(kNames[static_cast<int>(call.op)], " ", call.path, " (", call.bytes, ")");
}

std::string Name(const Fault& fault) {
  constexpr const char* kNames[] = {"none", "absent", "present", "torn", "short"};
  return absl::StrCat(kNames[static_cast<int>(fault.what)], " at ", fault.bytes, ", errno ",
                      fault.error);
}

size_t Stride() {
  constexpr size_t kByDefault = 5;
  size_t stride = kByDefault * kFaultsSlower;
  const char* given = std::getenv("AUDITLEDGER_FAULT_STRIDE");
  EXPECT_TRUE(given == nullptr || absl::SimpleAtoi(given, &stride)) << given;
  return stride;
}

TEST_P(FaultTableTest, EveryCellKeepsThePromise) {
  constexpr size_t kFailuresShown = 3;
  constexpr const char* kAfters[] = {"restart", "power cut", "dies, cache kept", "dies, power cut"};
  GetParam().prepare(rig_);
  const FaultRig::Saved saved = rig_.Save();
  const std::vector<FaultDisk::Call> calls = Record();
  const size_t stride = Stride();
  size_t cells = 0;
  size_t failed = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    for (const Fault& fault : FaultsOf(calls[i])) {
      for (const After after : AftersOf(calls[i], fault)) {
        if (cells++ % stride != 0) continue;
        SCOPED_TRACE(absl::StrCat("call ", i, " ", Name(calls[i]), ": ", Name(fault), ", ",
                                  kAfters[static_cast<int>(after)]));
        rig_.Load(saved);
        Play({i, calls[i].op, fault, after});
        if (HasFailure() && ++failed == kFailuresShown) return;
      }
    }
  }
  std::printf("fault table, %s: %zu calls, %zu cells, %zu played\n", GetParam().name, calls.size(),
              cells, struck_);
  EXPECT_GE(struck_, GetParam().cells / stride) << "fewer cells are covered than were";
}

INSTANTIATE_TEST_SUITE_P(Rows, FaultTableTest, ::testing::ValuesIn(kRows),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace auditledger::testing
