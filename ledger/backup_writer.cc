#include "ledger/backup_writer.h"

#include <fcntl.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ledger/backup_reader.h"
#include "ledger/key_history.h"
#include "merkle/hash.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

std::string Describe(const Checkpoint& head) {
  return absl::StrCat("size ", head.size, " root ", head.root.ToHex());
}

absl::Status Rollback(const Checkpoint& had, const Checkpoint& shown) {
  return absl::DataLossError(absl::StrCat(
      "rollback: a head of ", Describe(had), " was signed and is known here; the server now shows ",
      Describe(shown), ". Entries are missing there: keep this backup, it has them"));
}

absl::Status Fork(const Checkpoint& had, const Checkpoint& shown) {
  return absl::DataLossError(absl::StrCat(
      "fork: the signed head known here is ", Describe(had), ", the server's is ", Describe(shown),
      ", and that does not follow from it. Both are signed: keep them as evidence"));
}

// What is expected in a folder that is to become a backup.
absl::Status CheckMayBeBackup(const std::string& dir) {
  if (PathExists(BackupManifestPath(dir))) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(dir));
  for (const std::string& name : names) {
    const bool ours = name == "lock" || name == "lost+found" || name == "refused-checkpoint" ||
                      name == kKeyChangesFile || absl::EndsWith(name, ".tmp") ||
                      absl::StartsWith(name, "head-") || absl::StartsWith(name, "log-");
    if (ours) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(dir, " holds ", name, " and no backup: give an empty folder"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<BackupWriter>> BackupWriter::Open(const std::string& dir,
                                                                 const NoteVerifier& key) {
  RETURN_IF_ERROR(MakeDirectory(dir));
  RETURN_IF_ERROR(CheckMayBeBackup(dir));
  ASSIGN_OR_RETURN(PosixFile lock, PosixFile::Open(absl::StrCat(dir, "/lock"), O_RDWR | O_CREAT));
  ASSIGN_OR_RETURN(const bool locked, lock.TryLock());
  if (!locked) return absl::FailedPreconditionError(absl::StrCat(dir, " is in use by another run"));
  std::unique_ptr<BackupWriter> writer(new BackupWriter(dir, key, std::move(lock)));
  RETURN_IF_ERROR(writer->Load());
  return writer;
}

absl::Status BackupWriter::Load() {
  ASSIGN_OR_RETURN(index_, LoadBackupIndex(dir_, key_));
  const std::vector<BackupSegmentName> beyond = std::move(index_.unproven);
  index_.unproven.clear();
  if (!index_.increments.empty()) head_ = index_.increments.back().head;
  RETURN_IF_ERROR(LoadEdge());
  changes_ = ReadKeyChangesFile(dir_, key_.name());
  while (!changes_.empty() && changes_.back().index >= next()) changes_.pop_back();
  bool whole = true;
  for (const BackupSegmentName& name : beyond) {
    if (whole) {
      ASSIGN_OR_RETURN(whole, TakeUp(name));
    }
    if (!whole) RETURN_IF_ERROR(RemoveFile(BackupSegmentPath(dir_, name)));
  }
  return absl::OkStatus();
}

// The edge that the last segment ends with.
absl::Status BackupWriter::LoadEdge() {
  frontier_ = Frontier();
  next_stream_ = 0;
  if (index_.increments.empty() && index_.unproven.empty()) return absl::OkStatus();
  const BackupSegmentName& last =
      index_.unproven.empty() ? index_.increments.back().segments.back() : index_.unproven.back();
  ASSIGN_OR_RETURN(const std::string bytes, ReadBackupSegment(dir_, last));
  ASSIGN_OR_RETURN(BackupSegment segment, ParseNamedSegment(dir_, last, key_.name(), bytes));
  next_stream_ = segment.first_stream + static_cast<uint32_t>(segment.streams.size());
  ASSIGN_OR_RETURN(frontier_, Frontier::FromNodes(segment.end, std::move(segment.frontier)));
  if (!index_.unproven.empty() || frontier_.Root() == head_->checkpoint.root) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(BackupSegmentPath(dir_, last),
                                          ": its edge is not that of the head it leads to"));
}

// Whether a segment that a run left behind is whole and fits; then it is gone on from there.
absl::StatusOr<bool> BackupWriter::TakeUp(const BackupSegmentName& name) {
  if (name.first != next()) return false;
  ASSIGN_OR_RETURN(const std::string bytes, ReadBackupSegment(dir_, name));
  const absl::StatusOr<BackupSegment> segment = ParseNamedSegment(dir_, name, key_.name(), bytes);
  if (!segment.ok() || segment->first_stream != next_stream_) return false;
  Frontier frontier = frontier_;
  for (const BackupEntryView& entry : segment->entries) frontier.Append(LeafHash(entry.leaf));
  if (frontier.nodes() != segment->frontier) return false;
  uint64_t index = name.first;
  for (const BackupEntryView& entry : segment->entries) TakeKeyChange(index++, entry.leaf);
  frontier_ = std::move(frontier);
  next_stream_ += static_cast<uint32_t>(segment->streams.size());
  index_.unproven.push_back(name);
  return true;
}

absl::Status BackupWriter::DropUnproven(size_t from) {
  for (size_t i = from; i < index_.unproven.size(); ++i) {
    RETURN_IF_ERROR(RemoveFile(BackupSegmentPath(dir_, index_.unproven[i])));
  }
  index_.unproven.resize(from);
  builder_.reset();
  RETURN_IF_ERROR(LoadEdge());
  while (!changes_.empty() && changes_.back().index >= next()) changes_.pop_back();
  return absl::OkStatus();
}

absl::StatusOr<SignedCheckpoint> BackupWriter::OpenHead(
    absl::string_view note, const std::vector<LoggedKeyChange>& changes) const {
  ASSIGN_OR_RETURN(const KeyChain chain, KeyChain::BuildFromLeaves(key_, changes));
  return OpenCheckpoint(note, key_.name(), chain);
}

void BackupWriter::TakeKeyChange(uint64_t index, absl::string_view leaf) {
  if (leaf.size() < 2 || leaf[1] != static_cast<char>(EntryKind::kKeyChange)) return;
  changes_.push_back({index, std::string(leaf), {}});
}

absl::Status BackupWriter::Aim(absl::string_view note,
                               const std::vector<LoggedKeyChange>& changes) {
  std::vector<LoggedKeyChange> known = changes_;
  for (const LoggedKeyChange& change : changes) {
    if (change.index >= next()) known.push_back({change.index, change.leaf, {}});
  }
  ASSIGN_OR_RETURN(SignedCheckpoint shown, OpenHead(note, known));
  for (const std::optional<SignedCheckpoint>& had : {head_, target_}) {
    if (!had.has_value()) continue;
    if (shown.checkpoint.size < had->checkpoint.size) {
      return Rollback(had->checkpoint, shown.checkpoint);
    }
    if (shown.checkpoint.size == had->checkpoint.size &&
        shown.checkpoint.root != had->checkpoint.root) {
      return Fork(had->checkpoint, shown.checkpoint);
    }
  }
  target_ = std::move(shown);
  // Only of an earlier run: within this one heads do not fall.
  for (size_t i = 0; i < index_.unproven.size(); ++i) {
    if (index_.unproven[i].end > target()) return DropUnproven(i);
  }
  return absl::OkStatus();
}

absl::Status BackupWriter::AddStreams(absl::Span<const std::string> records) {
  if (records.empty()) return absl::OkStatus();
  if (builder_.has_value() && builder_->has_entries()) RETURN_IF_ERROR(CloseSegment());
  if (!builder_.has_value()) builder_.emplace(key_.name(), next(), next_stream_);
  for (const std::string& record : records) {
    RETURN_IF_ERROR(CheckBackupStream(next_stream_, record));
    builder_->AddStream(record);
    ++next_stream_;
  }
  return absl::OkStatus();
}

absl::Status BackupWriter::AddEntry(const BackupEntryView& entry) {
  if (next() >= target()) {
    return absl::DataLossError(
        absl::StrCat("entry ", next(), " was sent, the head's size is ", target()));
  }
  RETURN_IF_ERROR(CheckBackupEntry(next(), entry, next_stream_).status());
  if (!builder_.has_value()) builder_.emplace(key_.name(), next(), next_stream_);
  RETURN_IF_ERROR(builder_->AddEntry(entry));
  TakeKeyChange(next(), entry.leaf);
  frontier_.Append(LeafHash(entry.leaf));
  return builder_->bytes() < kBackupSegmentBytes ? absl::OkStatus() : CloseSegment();
}

absl::Status BackupWriter::CloseSegment() {
  const BackupSegmentName name{builder_->first(), builder_->end()};
  const std::string bytes = (*std::move(builder_)).Finish(frontier_.nodes());
  builder_.reset();
  RETURN_IF_ERROR(CreateFile(BackupSegmentPath(dir_, name), bytes));
  index_.unproven.push_back(name);
  bytes_written_ += bytes.size();
  return absl::OkStatus();
}

absl::Status BackupWriter::Finish() {
  if (!target_.has_value() || next() != target()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the backup has ", next(), " entries, the head's size is ", target()));
  }
  if (frontier_.Root() != target_->checkpoint.root) {
    RETURN_IF_ERROR(DropUnproven(0));
    return absl::DataLossError(absl::StrCat(
        "fork: the entries that were sent do not lead ",
        head_.has_value() ? "from the backup's head (" + Describe(head_->checkpoint) + ") " : "",
        "to the head that was signed (", Describe(target_->checkpoint),
        "): the server's history is another, or damaged. Nothing of this run was kept"));
  }
  // By the changes that came in, not those that were told.
  const absl::Status opened = OpenHead(target_->note, changes_).status();
  if (!opened.ok()) {
    RETURN_IF_ERROR(DropUnproven(0));
    return absl::DataLossError(absl::StrCat(
        "the entries do not have the key changes that lead to the head's key: ", opened.message()));
  }
  if (head_.has_value() && next() == head_->checkpoint.size) return absl::OkStatus();
  if (builder_.has_value()) RETURN_IF_ERROR(CloseSegment());
  return MakeValid();
}

// The manifest is replaced last: until then the increment does not count.
absl::Status BackupWriter::MakeValid() {
  RETURN_IF_ERROR(SaveKeyChangesFile(dir_, key_.name(), changes_));
  RETURN_IF_ERROR(ReplaceFile(BackupHeadPath(dir_, next()), target_->note));
  std::vector<Hash> digests;
  for (const BackupSegmentName& name : index_.unproven) {
    ASSIGN_OR_RETURN(digests.emplace_back(), BackupSegmentDigest(BackupSegmentPath(dir_, name)));
  }
  BackupIncrement increment;
  increment.head = *target_;
  increment.digest =
      BackupDigest(index_.increments.empty() ? Hash() : index_.increments.back().digest,
                   key_.name(), next(), digests, target_->note);
  increment.segments = std::move(index_.unproven);
  index_.unproven.clear();
  index_.increments.push_back(std::move(increment));
  BackupManifest manifest;
  manifest.origin = key_.name();
  for (const BackupIncrement& each : index_.increments) {
    manifest.lines.push_back({each.head.checkpoint.size, each.digest});
  }
  RETURN_IF_ERROR(ReplaceFile(BackupManifestPath(dir_), FormatBackupManifest(manifest)));
  head_ = target_;
  return absl::OkStatus();
}

}  // namespace auditledger
