#include "tools/rogue.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/ed25519_key.h"
#include "ledger/key_files.h"
#include "ledger/key_format.h"
#include "ledger/tree_edge.h"
#include "merkle/checkpoint.h"
#include "merkle/leaf.h"
#include "merkle/note.h"
#include "merkle/status_macros.h"
#include "verifier/file_io.h"

namespace auditledger {
namespace {

constexpr uint64_t kHourUs = uint64_t{3600} * 1'000'000;

absl::Status Translate(const leveldb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  if (status.IsNotFound()) return absl::NotFoundError(status.ToString());
  return absl::UnavailableError(status.ToString());
}

}  // namespace

absl::StatusOr<std::unique_ptr<Rogue>> Rogue::Open(const std::string& data_dir) {
  ASSIGN_OR_RETURN(const std::string origin,
                   ReadFileLimited(data_dir + "/ledger.origin", kMaxKeyFileBytes));
  leveldb::DB* db = nullptr;
  RETURN_IF_ERROR(Translate(leveldb::DB::Open(leveldb::Options(), data_dir + "/log", &db)));
  return std::unique_ptr<Rogue>(new Rogue(data_dir, std::unique_ptr<leveldb::DB>(db),
                                          std::string(absl::StripSuffix(origin, "\n"))));
}

absl::StatusOr<std::string> Rogue::Get(const std::string& key) {
  std::string value;
  RETURN_IF_ERROR(Translate(db_->Get(leveldb::ReadOptions(), key, &value)));
  return value;
}

absl::Status Rogue::Write(leveldb::WriteBatch& batch) {
  leveldb::WriteOptions options;
  options.sync = true;
  return Translate(db_->Write(options, &batch));
}

absl::StatusOr<Head> Rogue::StoredHead() {
  ASSIGN_OR_RETURN(const std::string bytes, Get(kHeadKey));
  return ParseHead(bytes);
}

absl::StatusOr<std::string> Rogue::EditedLeaf(uint64_t index) {
  ASSIGN_OR_RETURN(const std::string bytes, Get(RecordKey(RecordKind::kLeaf, index)));
  ASSIGN_OR_RETURN(Leaf leaf, ParseLeaf(bytes));
  if (leaf.event_time_us == 0) {
    return absl::FailedPreconditionError(absl::StrCat("entry ", index, " is not an event"));
  }
  leaf.event_time_us += kHourUs;
  return EncodeLeaf(leaf);
}

absl::Status Rogue::Edit(uint64_t index) {
  ASSIGN_OR_RETURN(const std::string leaf, EditedLeaf(index));
  leveldb::WriteBatch batch;
  batch.Put(RecordKey(RecordKind::kLeaf, index), leaf);
  return Write(batch);
}

absl::Status Rogue::EditConsistently(uint64_t index) {
  ASSIGN_OR_RETURN(const Head head, StoredHead());
  RETURN_IF_ERROR(Edit(index));
  return Rebuild(head.size);
}

absl::Status Rogue::Drop(uint64_t index) {
  ASSIGN_OR_RETURN(const Head head, StoredHead());
  if (index >= head.size) return absl::OutOfRangeError("no such entry");
  leveldb::WriteBatch batch;
  for (const RecordKind kind : {RecordKind::kLeaf, RecordKind::kPayload, RecordKind::kIdentity}) {
    for (uint64_t i = index; i < head.size; ++i) {
      const auto next = i + 1 < head.size ? Get(RecordKey(kind, i + 1))
                                          : absl::StatusOr<std::string>(absl::NotFoundError(""));
      if (next.ok()) {
        batch.Put(RecordKey(kind, i), *next);
      } else {
        batch.Delete(RecordKey(kind, i));
      }
    }
  }
  RETURN_IF_ERROR(Write(batch));
  return Rebuild(head.size - 1);
}

absl::Status Rogue::Forget(uint64_t index) {
  constexpr size_t kFirstMacByte = 1;  // after the version (ledger/identity_record.h)
  const std::string key = RecordKey(RecordKind::kIdentity, index);
  ASSIGN_OR_RETURN(std::string record, Get(key));
  record[kFirstMacByte] ^= 1;
  leveldb::WriteBatch batch;
  batch.Put(key, record);
  RETURN_IF_ERROR(Write(batch));
  std::error_code error;
  std::filesystem::remove_all(data_dir_ + "/identity", error);
  return error ? absl::UnavailableError(error.message()) : absl::OkStatus();
}

absl::Status Rogue::Rebuild(uint64_t size) {
  ASSIGN_OR_RETURN(const Head old, StoredHead());
  leveldb::WriteBatch batch;
  // What a smaller tree has no use for.
  for (const TileId id : ChangedTiles(0, old.size)) batch.Delete(TileKey(id));
  TreeEdge edge;
  Head head;
  for (uint64_t i = 0; i < size; ++i) {
    ASSIGN_OR_RETURN(const std::string bytes, Get(RecordKey(RecordKind::kLeaf, i)));
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(bytes));
    edge.Append(LeafHash(bytes));
    head.time_us = leaf.recorded_at_us;
  }
  for (const auto& [id, tile] : edge.TakeChangedTiles()) batch.Put(TileKey(id), tile);
  head.size = size;
  head.root = edge.Root();
  batch.Put(kHeadKey, EncodeHead(head));
  return Write(batch);
}

absl::StatusOr<std::string> Rogue::Forge(const std::string& key_file) {
  ASSIGN_OR_RETURN(const Head head, StoredHead());
  ASSIGN_OR_RETURN(const NoteSigningKey stolen, LoadNoteSigningKey(key_file, origin_));
  ASSIGN_OR_RETURN(const Ed25519Key key, Ed25519Key::FromSeed(stolen.seed.Reveal()));
  Note note;
  Checkpoint checkpoint;
  checkpoint.origin = origin_;
  checkpoint.size = head.size;
  checkpoint.root = head.root;
  note.text = FormatCheckpoint(checkpoint);
  ASSIGN_OR_RETURN(const std::string signature, key.Sign(note.text));
  note.signatures.push_back({stolen.verifier.name(), stolen.verifier.key_id(), signature});
  return FormatNote(note);
}

}  // namespace auditledger
