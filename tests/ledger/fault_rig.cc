#include "tests/ledger/fault_rig.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/errors.h"
#include "ledger/leveldb_engine.h"
#include "ledger/posix_file.h"
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

SealedEvent FaultRig::Seal(const std::string& id, const std::string& principal) {
  SealInput input;
  input.event = MakeEvent(id, "erases", {"erasures", 0});
  input.principal = principal;
  input.stream_id = "erasures";
  input.event_id = id;
  input.received_at_us = clock_.WallMicros();
  return ledger->sealer().Seal(std::move(input)).value();
}

absl::Status FaultRig::Erase(const std::string& id) {
  const uint64_t index = memory.receipts.at(id).index;
  ASSIGN_OR_RETURN(const AppendOutcome request,
                   ledger->RequestErasure({ErasureReason::kOther, {{index, index}}},
                                          Seal(absl::StrCat("ask-", id), "one")));
  RETURN_IF_ERROR(SeeHead(*request.head));
  memory.erased.emplace(id, false);
  ASSIGN_OR_RETURN(
      const AppendOutcome erasure,
      ledger->Erase(request.entries.at(0).index, Seal(absl::StrCat("approve-", id), "another")));
  memory.erased[id] = true;
  return SeeHead(*erasure.head);
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
    if (memory.erased.contains(id)) {
      RETURN_IF_ERROR(CheckErased(id, entry));
    } else if (!entry.opening.has_value() || entry.opening->event != EventOf(id)) {
      return Wrong(absl::StrCat("UNREADABLE: ", id));
    }
    ASSIGN_OR_RETURN(const std::vector<Hash> proof, ledger->Inclusion(receipt.index, head.size));
    RETURN_IF_ERROR(
        VerifyInclusion(receipt.index, head.size, LeafHash(entry.leaf), proof, head.root));
  }
  return absl::OkStatus();
}

// Answered: it is gone. Not answered: it is gone and an entry says so, or it is there.
absl::Status FaultRig::CheckErased(const std::string& id, const StoredEntry& entry) {
  const bool gone = entry.payload == StoredEntry::Payload::kErased && entry.erased_by > 0;
  if (!gone && memory.erased.at(id)) return Wrong(absl::StrCat("NOT ERASED: ", id));
  const bool there = entry.opening.has_value() && entry.opening->event == EventOf(id);
  return gone || there ? absl::OkStatus() : Wrong(absl::StrCat("HALF ERASED: ", id));
}

// Of what an erasure names nothing is left, once a start has gone on.
absl::Status FaultRig::CheckForgotten(Engine& engine) {
  absl::Status wrong;
  RETURN_IF_ERROR(
      engine.Scan(RecordKind::kLeaf, 0, UINT64_MAX, [&](uint64_t, absl::string_view bytes) {
        const absl::StatusOr<Leaf> leaf = ParseLeaf(bytes);
        if (!leaf.ok() || leaf->kind != EntryKind::kErasure) return true;
        const uint64_t index = ParseErasure(leaf->body)->scope.ranges.at(0).first;
        const auto slots =
            ReadWholeFile(options.paths.seed_dir + "/seeds-0000000000000000", 8 << 20);
        const bool destroyed =
            slots.ok() && slots->substr(index * 64, 64) == "\xff" + std::string(63, '\0');
        if (!destroyed) wrong = Wrong(absl::StrCat("SECRET LEFT of entry ", index));
        if (engine.Read(RecordKind::kPayload, index).ok()) {
          wrong = Wrong(absl::StrCat("PAYLOAD LEFT of entry ", index));
        }
        return wrong.ok();
      }));
  return wrong;
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
  for (const auto& [id, receipt] : memory.receipts) {
    if (!memory.erased.contains(id)) {
      ids.push_back(id);
      continue;
    }
    const absl::Status repeated = Append({id});
    const bool known_as_erased = ReasonOf(repeated).reason == kReasonEventErased;
    if (!known_as_erased && (memory.erased.at(id) || !repeated.ok())) {
      return Wrong(absl::StrCat("a repeat of ", id, ", which was erased: ", repeated.ToString()));
    }
  }
  for (const auto& [id, unused] : memory.unanswered) ids.push_back(id);
  ids.push_back(absl::StrCat("fresh-", memory.heads.rbegin()->first, "-", fresh_++));
  return Append(ids);
}

absl::Status FaultRig::CheckStored() {
  LevelDbOptions leveldb;
  leveldb.path = LogPath(options.paths);
  ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, OpenLevelDbEngine(leveldb));
  RETURN_IF_ERROR(CheckForgotten(*engine));
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
