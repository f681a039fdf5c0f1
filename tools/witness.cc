#include "tools/witness.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/cosignature.h"
#include "merkle/frontier.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/text.h"
#include "merkle/verify.h"
#include "merkle/witness.h"

namespace auditledger {
namespace {

constexpr uint64_t kMicrosPerSecond = 1'000'000;
constexpr int kInternalError = 500;
constexpr int kUnavailable = 503;

WitnessAnswer Refuse(int status, absl::string_view why) {
  WitnessAnswer answer;
  answer.status = status;
  answer.body = absl::StrCat(why, "\n");
  return answer;
}
WitnessAnswer Refuse(WitnessStatus status, absl::string_view why) {
  return Refuse(static_cast<int>(status), why);
}

// Whether the text is a checkpoint but for the root of its empty tree: tlog-witness has a status of
// its own for that.
bool HasWrongEmptyRoot(absl::string_view text) {
  absl::string_view line;
  return TakeLine("origin", text, line).ok() && TakeLine("size", text, line).ok() && line == "0" &&
         TakeLine("root", text, line).ok() && Hash::FromBase64(line).ok();
}

// The request up to its checkpoint is well formed, so that only the note is not. A note whose
// signatures cannot be read has no signature of a trusted key: that is another answer.
bool OnlyNoteIsMalformed(absl::string_view body, absl::string_view& note) {
  constexpr absl::string_view kSoundNote = "x\n\n\xe2\x80\x94 x AAAAAAA=\n";
  const size_t split = body.find("\n\n");
  if (split == absl::string_view::npos) return false;
  note = body.substr(split + 2);
  return ParseCheckpointUpdate(absl::StrCat(body.substr(0, split + 2), kSoundNote)).ok();
}

uint64_t SizeOf(const std::optional<WitnessedHead>& head) {
  return head.has_value() ? head->checkpoint.size : 0;
}

}  // namespace

Witness::Witness(WitnessOptions options, WitnessKey key, WitnessState state)
    : options_(std::move(options)), key_(std::move(key)), state_(std::move(state)) {}

absl::StatusOr<std::unique_ptr<Witness>> Witness::Open(WitnessOptions options) {
  ASSIGN_OR_RETURN(WitnessKey key, LoadWitnessKey(options.key_file));
  RETURN_IF_ERROR(key.Lock());
  ASSIGN_OR_RETURN(WitnessState state, WitnessState::Open(options.state_dir, key.verifier));
  std::unique_ptr<Witness> witness(
      new Witness(std::move(options), std::move(key), std::move(state)));
  for (const WitnessedLog& config : witness->options_.logs) {
    auto log = std::make_unique<Log>();
    log->config = config;
    {
      MutexLock lock(log->mutex);
      ASSIGN_OR_RETURN(log->head, witness->state_.Load(config.origin));
    }
    witness->logs_.emplace(config.origin, std::move(log));
  }
  return witness;
}

WitnessAnswer Witness::AddCheckpoint(absl::string_view body) {
  if (body.size() > kMaxAddCheckpointBytes) {
    return Refuse(WitnessStatus::kBadRequest, "the request is too long");
  }
  absl::StatusOr<CheckpointUpdate> update = ParseCheckpointUpdate(body);
  absl::string_view note;
  if (update.ok()) {
    note = update->checkpoint;
  } else if (!OnlyNoteIsMalformed(body, note)) {
    return Refuse(WitnessStatus::kBadRequest, update.status().message());
  }
  absl::string_view origin;
  if (!TakeLine("origin", note, origin).ok()) {
    return Refuse(WitnessStatus::kBadRequest, "no origin");
  }
  const auto log = logs_.find(std::string(origin));
  if (log == logs_.end()) return Refuse(WitnessStatus::kUnknownLog, "unknown origin");

  const auto answer_about = [&](WitnessAnswer answer, uint64_t size) {
    answer.origin = log->first;
    answer.size = size;
    return answer;
  };
  if (!update.ok()) {
    return answer_about(Refuse(WitnessStatus::kForbidden, update.status().message()), 0);
  }
  absl::StatusOr<VerifiedNote> opened = OpenNote(update->checkpoint, log->second->config.keys);
  if (!opened.ok()) {
    return answer_about(Refuse(WitnessStatus::kForbidden, opened.status().message()), 0);
  }
  absl::StatusOr<Checkpoint> checkpoint = ParseCheckpoint(opened->text);
  if (!checkpoint.ok()) {
    const WitnessStatus status = HasWrongEmptyRoot(opened->text) ? WitnessStatus::kUnprocessable
                                                                 : WitnessStatus::kBadRequest;
    return answer_about(Refuse(status, checkpoint.status().message()), 0);
  }
  const uint64_t size = checkpoint->size;
  if (update->old_size > size) {
    return answer_about(Refuse(WitnessStatus::kBadRequest, "the old size is over the checkpoint's"),
                        size);
  }
  Offer offer{*std::move(update), *std::move(checkpoint),
              Note{std::move(opened->text), std::move(opened->verified)}};
  return answer_about(Cosign(std::move(offer), *log->second), size);
}

// From the empty tree nothing can be proven, and nothing may pretend to be.
absl::Status Witness::CheckExtends(const Offer& offer, Log& log) {
  const bool first = !log.head.has_value();
  return VerifyExtension(offer.update.old_size, first ? EmptyRoot() : log.head->checkpoint.root,
                         offer.checkpoint.size, offer.checkpoint.root, offer.update.proof);
}

void Witness::StorageFailed(const absl::Status& why, Log& log) {
  log.storage_failed = true;
  if (options_.storage_failed) options_.storage_failed(why);
}

void Witness::KeepForkEvidence(const Offer& offer, Log& log) {
  const bool fork = log.head.has_value() && log.head->checkpoint.size == offer.checkpoint.size &&
                    log.head->checkpoint.root != offer.checkpoint.root;
  if (!fork) return;
  // The answer is a refusal whether or not the evidence can be kept.
  const absl::Status kept =
      state_.KeepFork(log.config.origin, log.head->note, FormatNote(offer.note));
  if (IsSyncFailure(kept)) StorageFailed(kept, log);
}

WitnessAnswer Witness::Cosign(Offer offer, Log& log) {
  MutexLock lock(log.mutex);
  if (log.storage_failed) return Refuse(kInternalError, "the witness's storage failed");
  const uint64_t known_size = SizeOf(log.head);
  if (offer.update.old_size != known_size) {
    KeepForkEvidence(offer, log);
    WitnessAnswer conflict;
    conflict.status = static_cast<int>(WitnessStatus::kConflict);
    conflict.content_type = std::string(kWitnessSizeType);
    conflict.body = FormatWitnessSize(known_size);
    return conflict;
  }
  const absl::Status extends = CheckExtends(offer, log);
  if (!extends.ok()) {
    KeepForkEvidence(offer, log);
    return Refuse(WitnessStatus::kUnprocessable, extends.message());
  }

  const uint64_t now = options_.clock->WallMicros() / kMicrosPerSecond;
  if (log.head.has_value() && now < log.head->timestamp) {
    // An earlier time on a larger tree would contradict what was cosigned before.
    return Refuse(kUnavailable, "the witness's clock is behind its last cosignature");
  }
  const absl::StatusOr<std::string> signature =
      key_.signer.Sign(CosignatureMessage(now, offer.note.text));
  if (!signature.ok()) return Refuse(kInternalError, "cannot sign");
  const absl::StatusOr<NoteSignature> line = MakeCosignature(key_.verifier, now, *signature);
  if (!line.ok()) return Refuse(kUnavailable, line.status().message());
  offer.note.signatures.push_back(*line);
  WitnessedHead head{offer.checkpoint, now, FormatNote(offer.note)};

  const absl::Status stored = state_.Store(log.config.origin, head.note);
  if (absl::IsResourceExhausted(stored) && !IsSyncFailure(stored)) {
    // Nothing has left, and the next request writes and syncs all of it again.
    return Refuse(kUnavailable, "the witness's disk is full");
  }
  if (!stored.ok()) {
    StorageFailed(stored, log);
    return Refuse(kInternalError, "the witness's storage failed");
  }
  log.head = std::move(head);
  WitnessAnswer answer;
  answer.status = static_cast<int>(WitnessStatus::kCosigned);
  answer.body = FormatNoteSignature(*line);
  return answer;
}

absl::StatusOr<std::string> Witness::LastCheckpoint(absl::string_view origin_hash) {
  for (const auto& [origin, log] : logs_) {
    if (Sha256({origin}).ToHex() != origin_hash) continue;
    MutexLock lock(log->mutex);
    if (log->head.has_value()) return log->head->note;
  }
  return absl::NotFoundError("no log of that origin was cosigned");
}

std::map<std::string, uint64_t> Witness::Sizes() {
  std::map<std::string, uint64_t> sizes;
  for (const auto& [origin, log] : logs_) {
    MutexLock lock(log->mutex);
    sizes[origin] = SizeOf(log->head);
  }
  return sizes;
}

}  // namespace auditledger
