#include "tests/ledger/fault_rig.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/leveldb_engine.h"
#include "ledger/recovery.h"
#include "leveldb/env.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"
#include "tests/ledger/fault_env.h"
#include "tests/testing/check_ledger.h"

namespace auditledger::testing {
namespace {

constexpr char kStream[] = "ward-3";

absl::Status Wrong(const std::string& what) {
  return absl::UnknownError(absl::StrCat(kWrong, what));
}

// Sequence and event follow from the id, so that a retry has the same bytes.
uint64_t SequenceOf(const std::string& id) {
  uint64_t sequence = 1;
  for (const char c : id) sequence = sequence * 31 + static_cast<unsigned char>(c);
  return sequence % 1'000'000 + 1;
}

std::string EventOf(const std::string& id) {
  return MakeEvent(id, absl::StrCat("opened the chart of ", id), {kStream, SequenceOf(id)});
}

}  // namespace

FaultRig::FaultRig() : env_(NewFaultEnv(disk)) {
  options.origin = "test.example/faults";
  options.paths = {"/data", "/state", "/keys", "/seeds"};
  options.limits.identity_run_entries = 4;  // so that runs are written and merged
  options.clock = &clock_;
  options.random = &random_;
  options.free_bytes = [] { return uint64_t{1} << 40; };
  options.on_sync_failure = [this] {
    ++sync_failures;
    disk.Crash();  // as _exit does
  };
  SetFileSystemForTesting(&disk);
  SetBaseEnvForTesting(env_.get());
}

FaultRig::~FaultRig() {
  Stop();
  SetBaseEnvForTesting(nullptr);
  SetFileSystemForTesting(nullptr);
}

void FaultRig::Stop() { ledger.reset(); }

absl::Status FaultRig::Create() {
  Stop();
  ASSIGN_OR_RETURN(ledger, Ledger::Create(options));
  memory.created = true;
  return SeeHead(*ledger->head());
}

absl::Status FaultRig::Open() {
  Stop();
  ASSIGN_OR_RETURN(ledger, Ledger::Open(options));
  return SeeHead(*ledger->head());
}

// No two roots of one size, ever.
absl::Status FaultRig::SeeHead(const PublishedHead& head) {
  const auto known = memory.heads.emplace(head.head.size, head.head.root).first;
  if (known->second == head.head.root) return absl::OkStatus();
  return Wrong(absl::StrCat("FORK: two signed heads of size ", head.head.size));
}

absl::Status FaultRig::Append(const std::vector<std::string>& ids) {
  std::vector<SealedEvent> events;
  for (const std::string& id : ids) {
    if (memory.receipts.count(id) == 0) memory.unanswered[id] = true;
    SealInput input;
    input.event = EventOf(id);
    input.principal = "spiffe://test/emitter";
    input.stream_id = kStream;
    input.event_id = id;
    input.stream_sequence = SequenceOf(id);
    input.received_at_us = clock_.WallMicros();
    ASSIGN_OR_RETURN(SealedEvent event, ledger->sealer().Seal(std::move(input)));
    events.push_back(std::move(event));
  }
  Answers answers;
  ledger->Append(std::move(events), answers.Slot());
  const auto answered = answers.WaitAll();
  RETURN_IF_ERROR(answered[0].status());
  return Remember(ids, *answered[0]);
}

absl::Status FaultRig::Remember(const std::vector<std::string>& ids, const AppendOutcome& outcome) {
  RETURN_IF_ERROR(SeeHead(*outcome.head));
  for (size_t i = 0; i < ids.size(); ++i) {
    const AppendedEntry& entry = outcome.entries.at(i);
    const auto [known, is_new] = memory.receipts.emplace(ids[i], Receipt{entry.index, entry.leaf});
    memory.unanswered.erase(ids[i]);
    if (is_new) {
      const absl::Status proven = CheckReceipt(*ledger, outcome, i, EventOf(ids[i]));
      if (!proven.ok()) return Wrong(absl::StrCat("receipt of ", ids[i], ": ", proven.message()));
      continue;
    }
    if (!entry.repeated) return Wrong(absl::StrCat("DOUBLED: ", ids[i]));
    if (known->second.index != entry.index || known->second.leaf != entry.leaf) {
      return Wrong(absl::StrCat("MOVED: ", ids[i]));
    }
  }
  return absl::OkStatus();
}

absl::Status FaultRig::Start() {
  if (!memory.created) {
    const absl::Status created = Create();
    if (!absl::IsAlreadyExists(created)) return created;
  }
  RETURN_IF_ERROR(Open());
  memory.created = true;
  return absl::OkStatus();
}

absl::Status FaultRig::CheckReceipts() {
  const Head head = ledger->head()->head;
  for (const auto& [id, receipt] : memory.receipts) {
    if (receipt.index >= head.size) return Wrong(absl::StrCat("LOST: ", id));
    ASSIGN_OR_RETURN(const StoredEntry entry, ledger->ReadEntry(receipt.index, true));
    if (entry.leaf != receipt.leaf) return Wrong(absl::StrCat("CHANGED: ", id));
    if (!entry.opening.has_value() || entry.opening->event != EventOf(id)) {
      return Wrong(absl::StrCat("UNREADABLE: ", id));
    }
    ASSIGN_OR_RETURN(const std::vector<Hash> proof, ledger->Inclusion(receipt.index, head.size));
    RETURN_IF_ERROR(
        VerifyInclusion(receipt.index, head.size, LeafHash(entry.leaf), proof, head.root));
  }
  return absl::OkStatus();
}

absl::Status FaultRig::CheckHeads() {
  const Head head = ledger->head()->head;
  for (const auto& [size, root] : memory.heads) {
    if (size > head.size) return Wrong(absl::StrCat("ROLLED BACK behind size ", size));
    ASSIGN_OR_RETURN(const std::vector<Hash> proof, ledger->Consistency(size, head.size));
    RETURN_IF_ERROR(VerifyExtension(size, root, head.size, head.root, proof));
  }
  return absl::OkStatus();
}

// Everything once more, and something new, in one request.
absl::Status FaultRig::RepeatEverything() {
  std::vector<std::string> ids;
  for (const auto& [id, receipt] : memory.receipts) ids.push_back(id);
  for (const auto& [id, unused] : memory.unanswered) ids.push_back(id);
  ids.push_back(absl::StrCat("fresh-", memory.heads.rbegin()->first, "-", fresh_++));
  return Append(ids);
}

absl::Status FaultRig::CheckStored() {
  LevelDbOptions leveldb;
  leveldb.path = LogPath(options.paths);
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenLevelDbEngine(leveldb));
  return CheckLedger(*engine, options.origin);
}

// After a failed sync the operator is asked, who may be only then.
bool FaultRig::AsksToConfirm(absl::string_view why) const {
  return sync_failures > 0 && absl::StrContains(why, "--confirm_after_sync_failure");
}

absl::Status FaultRig::StartConfirmed() {
  options.overrides.confirm_after_sync_failure = true;
  const absl::Status confirmed = Start();
  options.overrides.confirm_after_sync_failure = false;
  return confirmed;
}

absl::Status FaultRig::CheckRestart() {
  const absl::Status started = Start();
  if (!started.ok()) {
    if (memory.created || !AsksToConfirm(started.message())) return started;
    RETURN_IF_ERROR(StartConfirmed());
  } else if (ledger->status().state == LedgerState::kReadOnly) {
    const std::string why = ledger->status().reason;
    if (!AsksToConfirm(why)) return Wrong(absl::StrCat("read only: ", why));
    RETURN_IF_ERROR(CheckReceipts());
    RETURN_IF_ERROR(CheckHeads());
    RETURN_IF_ERROR(StartConfirmed());
  }
  if (ledger->status().state != LedgerState::kServing) {
    return Wrong(absl::StrCat("does not serve: ", ledger->status().reason));
  }
  RETURN_IF_ERROR(CheckReceipts());
  RETURN_IF_ERROR(CheckHeads());
  RETURN_IF_ERROR(RepeatEverything());
  Stop();
  if (disk.open_files() != 0) return Wrong("files are left open");
  return CheckStored();
}

FaultRig::Saved FaultRig::Save() {
  Stop();
  disk.Restart(Survival::kAll);
  memory.wall_us = clock_.wall_us;
  return {disk.Save(), memory};
}

void FaultRig::Load(const Saved& saved) {
  Stop();
  disk.Load(*saved.disk);
  memory = saved.memory;
  clock_.wall_us = memory.wall_us;
  sync_failures = 0;
}

}  // namespace auditledger::testing
