#include "ledger/fsck.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/fsck_identities.h"
#include "ledger/fsck_index.h"
#include "ledger/fsck_log.h"
#include "ledger/fsck_payloads.h"
#include "ledger/fsck_store.h"
#include "ledger/key_files.h"
#include "ledger/key_format.h"
#include "ledger/key_history.h"
#include "ledger/posix_file.h"
#include "ledger/recovery.h"
#include "ledger/signer_state.h"
#include "ledger/stream_table.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/system_entries.h"
#include "merkle/tags.h"

namespace auditledger {
namespace {

constexpr size_t kMaxOriginFileBytes = 256;
constexpr size_t kMaxSignerFileBytes = kSignerSlots * kSignerSlotBytes;

// One run of fsck: what its parts share.
class Checker {
 public:
  explicit Checker(const FsckOptions& options)
      : options_(options), findings_(options.max_findings) {}

  absl::StatusOr<FsckReport> Run();

 private:
  absl::Status OpenStore();
  absl::Status OpenSecrets();
  absl::Status LoadHead();
  void ReadOrigin();
  void ReadSigner();
  void CheckStreams();
  void CheckLog();
  void CheckGenesis(const CheckedEntry& entry);
  void CheckSigned(const LogCheck& log);
  void CheckKeyChanges();
  void CheckOthers();
  void CheckBeyond();

  void Add(FindingPart part, absl::string_view what) { findings_.Add(part, what); }

  const FsckOptions& options_;
  Findings findings_;
  FsckReport report_;
  std::unique_ptr<FsckStore> store_;
  std::optional<LedgerKeys> keys_;
  std::unique_ptr<KeyProvider> wrapping_;
  std::optional<Hash> genesis_key_;  // of the log's first key, where keys_ are there
  std::vector<LoggedKeyChange> key_changes_;
  std::unique_ptr<SeedStore> seeds_;
  uint32_t streams_ = 0;
  std::set<std::string> strange_;  // keys
};

absl::Status Checker::OpenStore() {
  const std::string path = LogPath(options_.paths);
  auto store = FsckStore::Open(path, false);
  if (absl::IsDataLoss(store.status())) {
    Add(FindingPart::kDatabase, store.status().message());
    store = FsckStore::Open(path, true);
  }
  RETURN_IF_ERROR(store.status());
  store_ = *std::move(store);
  store_->OnStrangeKey([this](absl::string_view key) {
    // Scans that overlap come by twice.
    if (strange_.size() < options_.max_findings && !strange_.emplace(key).second) return;
    Add(FindingPart::kKey,
        absl::StrCat("key ", absl::BytesToHexString(key), " is none of a ledger's"));
  });
  return absl::OkStatus();
}

void Checker::ReadOrigin() {
  report_.origin = options_.origin;
  const std::string path = absl::StrCat(options_.paths.data_dir, "/ledger.origin");
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxOriginFileBytes);
  if (absl::IsNotFound(text.status()) && !options_.origin.empty()) return;
  if (!text.ok()) {
    const absl::StatusOr<std::string> leaf = store_->Read(RecordKind::kLeaf, 0);
    const auto first = leaf.ok() ? ParseLeaf(*leaf) : leaf.status();
    const auto genesis = first.ok() ? ParseGenesis(first->body) : first.status();
    if (report_.origin.empty() && genesis.ok()) report_.origin = genesis->origin;
    return Add(FindingPart::kOrigin, text.status().message());
  }
  if (!absl::EndsWith(*text, "\n")) {
    return Add(FindingPart::kOrigin, absl::StrCat(path, " does not end its line"));
  }
  const std::string origin = text->substr(0, text->size() - 1);
  if (report_.origin.empty()) report_.origin = origin;
  if (report_.origin != origin) {
    Add(FindingPart::kOrigin, absl::StrCat(path, " names another origin than ", report_.origin));
  }
}

absl::Status Checker::OpenSecrets() {
  const LedgerPaths& paths = options_.paths;
  if (paths.key_dir.empty() || paths.seed_dir.empty()) return absl::OkStatus();
  auto keys = LoadKeyFiles(paths.key_dir, report_.origin, paths.master_key.get());
  if (absl::IsDataLoss(keys.status()) || absl::IsNotFound(keys.status()) ||
      absl::IsInvalidArgument(keys.status())) {
    Add(FindingPart::kKeyFiles, keys.status().message());
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(keys.status());
  keys_.emplace(*std::move(keys));
  wrapping_ = NewFileKeyProvider(*keys_);
  auto seeds = SeedStore::OpenReadOnly(paths.seed_dir, report_.origin, *wrapping_);
  if (!seeds.ok()) {
    Add(FindingPart::kSecret, seeds.status().message());
    return absl::OkStatus();
  }
  seeds_ = *std::move(seeds);
  report_.opened_payloads = true;
  return absl::OkStatus();
}

absl::Status Checker::LoadHead() {
  const absl::StatusOr<std::optional<Head>> head = store_->LoadHead();
  if (!head.ok()) {
    Add(FindingPart::kHead, head.status().message());
  } else if (!head->has_value()) {
    Add(FindingPart::kHead, "there is no head");
  } else {
    report_.head = **head;
    return absl::OkStatus();
  }
  // Without it the leaves themselves say how many there are.
  return store_->Scan(RecordKind::kLeaf, 0, UINT64_MAX, [this](uint64_t index, absl::string_view) {
    if (index != report_.head.size) return false;
    ++report_.head.size;
    return true;
  });
}

void Checker::ReadSigner() {
  if (options_.paths.state_dir.empty()) return;
  const std::string path = absl::StrCat(options_.paths.state_dir, "/", kSignerStateFile);
  const absl::StatusOr<std::string> bytes = ReadWholeFile(path, kMaxSignerFileBytes);
  if (!bytes.ok()) return Add(FindingPart::kSigner, bytes.status().message());
  const absl::StatusOr<SignerState> state = ParseSignerState(*bytes);
  if (!state.ok())
    return Add(FindingPart::kSigner, absl::StrCat(path, ": ", state.status().message()));
  if (state->origin_hash != Sha256({report_.origin})) {
    return Add(FindingPart::kSigner, absl::StrCat(path, " is of another ledger"));
  }
  report_.signed_head = state->head;
}

void Checker::CheckStreams() {
  StreamTable table(options_.limits);
  const absl::Status scanned = store_->ScanStreams([&](uint32_t number, absl::string_view record) {
    const absl::Status restored = table.Restore(number, record);
    if (!restored.ok()) Add(FindingPart::kStream, restored.message());
    return restored.ok();
  });
  if (!scanned.ok()) Add(FindingPart::kStream, scanned.message());
  streams_ = table.count();
}

void Checker::CheckGenesis(const CheckedEntry& entry) {
  if (!entry.has_leaf || entry.leaf.kind != EntryKind::kGenesis) return;  // LogCheck says so
  const absl::StatusOr<Genesis> genesis = ParseGenesis(entry.leaf.body);
  if (!genesis.ok()) return findings_.AddEntry(FindingPart::kLeaf, 0, genesis.status().message());
  if (genesis->origin != report_.origin) {
    Add(FindingPart::kOrigin,
        absl::StrCat("the genesis names ", genesis->origin, ", not ", report_.origin));
  }
  if (!keys_.has_value()) return;
  genesis_key_ = genesis->log_key_hash;
  if (genesis->index_key_hash != IndexKeyHash(keys_->index_key.Reveal())) {
    Add(FindingPart::kKeyFiles, "index.key is not the key that the genesis names");
  }
}

void Checker::CheckLog() {
  std::optional<PayloadCheck> payloads;
  const bool open_payloads = seeds_ != nullptr && !options_.skip_payloads;
  if (open_payloads) {
    payloads.emplace(report_.origin, *keys_, *store_, *seeds_,
                     options_.limits.max_conflicts_per_identity, findings_);
  }
  LogCheckOptions log_options;
  log_options.skip_payloads = options_.skip_payloads;
  log_options.keep_payloads = open_payloads;
  log_options.streams = streams_;
  if (report_.signed_head.has_value()) log_options.watched_size = report_.signed_head->size;
  IndexHeadCheck index_heads(*store_, report_.head.size, findings_);
  log_options.on_entry = [&](const CheckedEntry& entry) {
    if (entry.index == 0) CheckGenesis(entry);
    index_heads.Check(entry);
    if (entry.has_leaf && entry.leaf.kind == EntryKind::kKeyChange &&
        key_changes_.size() <= kMaxKeyChanges) {
      key_changes_.push_back({entry.index, EncodeLeaf(entry.leaf).value_or(""), {}});
    }
    report_.entries += entry.has_leaf ? 1 : 0;
    report_.identities += entry.identity.has_value() ? 1 : 0;
    if (payloads.has_value()) payloads->Check(entry);
  };
  LogCheck log(*store_, report_.head, log_options, findings_);
  while (log.next() < report_.head.size) {
    log.Step();
    if (options_.progress) options_.progress(log.next(), report_.head.size);
  }
  log.Finish();
  if (payloads.has_value()) payloads->Finish();
  report_.index_heads = index_heads.right();
  CheckSigned(log);
  CheckKeyChanges();
  if (!payloads.has_value()) return;
  report_.payloads_opened = payloads->opened();
  report_.payloads_erased = payloads->erased();
}

// The changes of the key lead from the genesis to the key that is here.
void Checker::CheckKeyChanges() {
  if (!genesis_key_.has_value()) return;
  const absl::Status leads =
      CheckKeyHistory({"", *genesis_key_, keys_->log_verifier, report_.head.size}, key_changes_);
  if (!leads.ok()) Add(FindingPart::kKeyFiles, leads.message());
}

void Checker::CheckSigned(const LogCheck& log) {
  if (!report_.signed_head.has_value() || report_.signed_head->size == 0) return;
  const Head& last = *report_.signed_head;
  if (last.size > report_.head.size) {
    Add(FindingPart::kSigner,
        absl::StrCat("rollback: the signer has signed size ", last.size, ", the log has ",
                     report_.head.size, ": entries ", report_.head.size, " to ", last.size - 1,
                     " are missing"));
  } else if (log.watched_root().has_value() && *log.watched_root() != last.root) {
    Add(FindingPart::kSigner,
        absl::StrCat("fork: at size ", last.size, " the signer has signed root ", last.root.ToHex(),
                     ", the log has ", log.watched_root()->ToHex()));
  }
}

// Keys apart from entries' records.
void Checker::CheckOthers() {
  bool has_format = false;
  const absl::Status scanned = store_->ScanOthers([&](absl::string_view key,
                                                      absl::string_view value) {
    if (key == kHeadKey) return;
    if (key == kFormatKey) {
      const absl::StatusOr<uint32_t> format = ParseFormat(value);
      has_format = format.ok() && *format == kDatabaseFormat;
      return;
    }
    if (NumberOfStreamKey(key).ok()) return;
    const absl::StatusOr<TileId> id = IdOfTileKey(key);
    if (id.ok() && TileWidthAt(*id, report_.head.size) > 0) return;
    Add(FindingPart::kKey,
        id.ok() ? absl::StrCat("tile ", id->level, "/", id->index, " lies beyond the log's size")
                : absl::StrCat("key ", absl::BytesToHexString(key), " is none of a ledger's"));
  });
  if (!scanned.ok()) {
    Add(FindingPart::kDatabase,
        absl::StrCat("a block with tiles, streams or head, or what newer ones replaced, cannot be "
                     "read (what is in use of it is named above): ",
                     scanned.message()));
  }
  if (!has_format) Add(FindingPart::kDatabase, "its format record is missing or of another format");
}

void Checker::CheckBeyond() {
  for (const RecordKind kind : {RecordKind::kLeaf, RecordKind::kPayload, RecordKind::kIdentity}) {
    if (kind == RecordKind::kPayload && options_.skip_payloads) continue;
    const absl::Status scanned =
        store_->Scan(kind, report_.head.size, UINT64_MAX, [&](uint64_t index, absl::string_view) {
          Add(FindingPart::kKey, absl::StrCat("record ", std::string(1, static_cast<char>(kind)),
                                              " of entry ", index, " lies beyond the log's size"));
          return true;
        });
    if (!scanned.ok()) Add(FindingPart::kDatabase, scanned.message());
  }
}

absl::StatusOr<FsckReport> Checker::Run() {
  if (options_.paths.data_dir.empty()) return absl::InvalidArgumentError("data_dir is not given");
  const absl::Status opened = OpenStore();
  if (absl::IsDataLoss(opened)) {
    Add(FindingPart::kDatabase, opened.message());
  } else {
    RETURN_IF_ERROR(opened);
    ReadOrigin();
    RETURN_IF_ERROR(OpenSecrets());
    RETURN_IF_ERROR(LoadHead());
    ReadSigner();
    CheckStreams();
    CheckLog();
    CheckOthers();
    CheckBeyond();
    const std::string identity_dir = IdentityPath(options_.paths);
    IdentityCheckOptions identities;
    identities.dir = identity_dir;
    identities.size = report_.head.size;
    CheckIdentityRuns(identities, report_.identities, *store_, findings_);
    CheckStreamRanges(identity_dir, report_.head.size, options_.limits, *store_, findings_);
  }
  report_.findings = findings_.kept();
  report_.findings_total = findings_.total();
  report_.findings_rebuildable = findings_.rebuildable();
  return std::move(report_);
}

}  // namespace

absl::StatusOr<FsckReport> Fsck(const FsckOptions& options) { return Checker(options).Run(); }

}  // namespace auditledger
