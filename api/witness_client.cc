#include "api/witness_client.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "merkle/cosignature.h"
#include "merkle/status_macros.h"
#include "merkle/tlog_proof.h"
#include "merkle/witness.h"

namespace auditledger {
namespace {

constexpr uint64_t kMicrosPerSecond = 1'000'000;
constexpr char kTextPlain[] = "text/plain; charset=utf-8";
constexpr int kTooLarge = 413;
constexpr int kTooMany = 429;

WitnessOutcome OutcomeOf(const absl::Status& transport) {
  if (absl::IsDeadlineExceeded(transport)) return WitnessOutcome::kTimeout;
  if (absl::IsResourceExhausted(transport)) return WitnessOutcome::kBadAnswer;
  return WitnessOutcome::kUnreachable;
}

// Of statuses that carry nothing else.
WitnessOutcome OutcomeOf(int status) {
  switch (status) {
    case static_cast<int>(WitnessStatus::kBadRequest):
    case kTooLarge:
      return WitnessOutcome::kRejected;
    case static_cast<int>(WitnessStatus::kForbidden):
      return WitnessOutcome::kUntrusted;
    case static_cast<int>(WitnessStatus::kUnknownLog):
      return WitnessOutcome::kUnknownLog;
    case static_cast<int>(WitnessStatus::kUnprocessable):
      return WitnessOutcome::kForked;
    case kTooMany:
      return WitnessOutcome::kBusy;
    default:
      return status >= 500 ? WitnessOutcome::kBusy : WitnessOutcome::kBadAnswer;
  }
}

// "text/x.tlog.size; charset=utf-8" counts as the type too.
bool HasType(const HttpAnswer& answer, absl::string_view type) {
  const absl::string_view given = answer.content_type;
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(given.substr(0, given.find(';'))), type);
}

void Set(WitnessReply& reply, WitnessOutcome outcome, std::string detail) {
  reply.outcome = outcome;
  reply.detail = std::move(detail);
}

uint64_t Distance(uint64_t a, uint64_t b) { return a < b ? b - a : a - b; }

}  // namespace

absl::string_view WitnessOutcomeName(WitnessOutcome outcome) {
  switch (outcome) {
    case WitnessOutcome::kCosigned:
      return "cosigned";
    case WitnessOutcome::kUnreachable:
      return "unreachable";
    case WitnessOutcome::kTimeout:
      return "timeout";
    case WitnessOutcome::kBusy:
      return "busy";
    case WitnessOutcome::kRejected:
      return "rejected";
    case WitnessOutcome::kUntrusted:
      return "untrusted";
    case WitnessOutcome::kUnknownLog:
      return "unknown_log";
    case WitnessOutcome::kConflict:
      return "conflict";
    case WitnessOutcome::kAhead:
      return "ahead";
    case WitnessOutcome::kForked:
      return "forked";
    case WitnessOutcome::kBadAnswer:
      return "bad_answer";
    case WitnessOutcome::kWrongClock:
      return "wrong_clock";
    case WitnessOutcome::kNoProof:
      return "no_proof";
  }
  return "unknown";
}

WitnessClient::WitnessClient(PolicyWitness witness, std::string origin, HttpTransport& http,
                             Clock& clock)
    : witness_(std::move(witness)),
      origin_(std::move(origin)),
      prefix_(absl::StripSuffix(witness_.url, "/")),
      http_(http),
      clock_(clock) {}

WitnessReply WitnessClient::Cosign(const PublishedHead& head, const ConsistencyProver& prove) {
  WitnessReply reply;
  for (int conflicts = 0; conflicts <= kMaxConflicts; ++conflicts) {
    if (Ask(head, prove, reply)) break;
    Set(reply, WitnessOutcome::kConflict, "its size changed at every request");
  }
  reply.size = size_;
  return reply;
}

bool WitnessClient::Ask(const PublishedHead& head, const ConsistencyProver& prove,
                        WitnessReply& reply) {
  // What lies beyond the head cannot be proven to: "old 0" asks again where the witness stands.
  const uint64_t old_size = size_ <= head.head.size ? size_ : 0;
  CheckpointUpdate update;
  update.old_size = old_size;
  update.checkpoint = head.checkpoint;
  if (old_size > 0 && old_size < head.head.size) {
    absl::StatusOr<std::vector<Hash>> proof = prove(old_size, head.head.size);
    if (!proof.ok()) {
      Set(reply, WitnessOutcome::kNoProof, std::string(proof.status().message()));
      return true;
    }
    update.proof = *std::move(proof);
  }
  const absl::StatusOr<HttpAnswer> answer =
      http_.Post(absl::StrCat(prefix_, kAddCheckpointPath),
                 {FormatCheckpointUpdate(update), kTextPlain, kMaxWitnessResponseBytes});
  if (!answer.ok()) {
    Set(reply, OutcomeOf(answer.status()), std::string(answer.status().message()));
    return true;
  }
  if (answer->status == static_cast<int>(WitnessStatus::kCosigned)) {
    TakeCosignature(*answer, head, reply);
    return true;
  }
  if (answer->status == static_cast<int>(WitnessStatus::kConflict)) {
    return TakeConflict(*answer, old_size, head.head.size, reply);
  }
  Set(reply, OutcomeOf(answer->status), absl::StrCat("HTTP ", answer->status));
  reply.retry_after_seconds = answer->retry_after_seconds;
  return true;
}

bool WitnessClient::TakeConflict(const HttpAnswer& answer, uint64_t offered, uint64_t head_size,
                                 WitnessReply& reply) {
  const absl::StatusOr<uint64_t> size = ParseWitnessSize(answer.body);
  if (!size.ok() || !HasType(answer, kWitnessSizeType)) {
    Set(reply, WitnessOutcome::kBadAnswer, "HTTP 409 without the witness's size");
    return true;
  }
  if (*size == offered) {
    // tlog-witness 1.0.0 answers so to another root at its own size; now that is 422.
    const bool same_tree = offered == head_size;
    Set(reply, same_tree ? WitnessOutcome::kForked : WitnessOutcome::kBadAnswer,
        absl::StrCat("HTTP 409 with the very size ", offered, " that it was offered"));
    return true;
  }
  if (*size < offered) reply.forgot = true;
  size_ = *size;
  if (*size > head_size) {
    Set(reply, WitnessOutcome::kAhead, absl::StrCat("it has cosigned size ", *size));
    return true;
  }
  return false;
}

void WitnessClient::TakeCosignature(const HttpAnswer& answer, const PublishedHead& head,
                                    WitnessReply& reply) {
  const auto refuse = [&](const absl::Status& why) {
    Set(reply, WitnessOutcome::kBadAnswer, absl::StrCat("its cosignature: ", why.message()));
  };
  const absl::StatusOr<std::string> note =
      AddCosignatures(head.checkpoint, answer.body, {witness_.key});
  if (!note.ok()) return refuse(note.status());
  const absl::StatusOr<std::vector<Cosignature>> cosigned =
      VerifyCosignatures(*note, {witness_.key});
  if (!cosigned.ok()) return refuse(cosigned.status());
  if (cosigned->size() != 1) return refuse(absl::UnauthenticatedError("not by the pinned key"));
  // It has cosigned this head, whatever its clock says.
  size_ = head.head.size;
  reply.timestamp = cosigned->front().timestamp;
  const uint64_t now = clock_.WallMicros() / kMicrosPerSecond;
  if (Distance(reply.timestamp, now) > kMaxWitnessClockSkewSeconds) {
    Set(reply, WitnessOutcome::kWrongClock,
        absl::StrCat("its time is ", reply.timestamp, ", here it is ", now,
                     ": one clock is wrong, or the answer is an old one"));
    return;
  }
  // Made anew: whatever else it answered, lines under another witness's name too, ends here.
  const absl::StatusOr<Note> opened = ParseNote(*note);
  if (!opened.ok()) return refuse(opened.status());
  for (const NoteSignature& line : opened->signatures) {
    if (line.key_id == witness_.key.key_id() && line.name == witness_.key.name()) {
      reply.line = FormatNoteSignature(line);
    }
  }
  Set(reply, WitnessOutcome::kCosigned, "");
}

absl::StatusOr<std::string> WitnessClient::LastCosigned() {
  ASSIGN_OR_RETURN(
      const HttpAnswer answer,
      http_.Get(absl::StrCat(prefix_, WitnessedCheckpointPath(origin_)), kMaxWitnessResponseBytes));
  if (answer.status != 200) return absl::NotFoundError(absl::StrCat("HTTP ", answer.status));
  ASSIGN_OR_RETURN(const std::vector<Cosignature> cosigned,
                   VerifyCosignatures(answer.body, {witness_.key}));
  if (cosigned.empty()) return absl::UnauthenticatedError("the witness has not cosigned it");
  return answer.body;
}

}  // namespace auditledger
