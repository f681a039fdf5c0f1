#include "ledger/signer_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/posix_file.h"
#include "ledger/signer_folder.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

SignerAnswer ErrorAnswer(SignerError error, absl::string_view message) {
  SignerAnswer out;
  out.error = error;
  out.text = std::string(message);
  return out;
}

SignerAnswer TextAnswer(SignerMessage type, std::string text) {
  SignerAnswer out;
  out.type = type;
  out.text = std::move(text);
  return out;
}

SignerAnswer FromStatus(const absl::Status& status, bool sync_failed) {
  if (sync_failed) return ErrorAnswer(SignerError::kSyncFailed, status.message());
  if (absl::IsNotFound(status)) return ErrorAnswer(SignerError::kUnknownOrigin, status.message());
  if (absl::IsFailedPrecondition(status)) {
    return ErrorAnswer(SignerError::kRefused, status.message());
  }
  return ErrorAnswer(SignerError::kFailed, status.message());
}

}  // namespace

std::shared_ptr<SignerService::Origin> SignerService::Find(const std::string& name) {
  MutexLock lock(mutex_);
  const auto found = origins_.find(name);
  if (found != origins_.end()) return found->second;
  // Names that strangers make up leave nothing behind.
  if (!PathExists(SignerOriginPath(dir_, name))) return nullptr;
  return origins_.emplace(name, std::make_shared<Origin>()).first->second;
}

SignerAnswer SignerService::Answer(const SignerRequest& question) {
  const std::shared_ptr<Origin> origin = Find(question.origin);
  if (origin == nullptr) {
    return ErrorAnswer(SignerError::kUnknownOrigin,
                       "the signer has no key of this origin: `auditledger-signer init` makes one");
  }
  MutexLock lock(origin->mutex);
  if (!origin->given_up.ok()) return FromStatus(origin->given_up, false);
  if (origin->signer == nullptr) {
    auto opened = OpenSignerOrigin(dir_, question.origin);
    if (absl::IsPermissionDenied(opened.status())) return GiveUp(opened.status(), *origin);
    if (!opened.ok()) return FromStatus(opened.status(), IsSyncFailure(opened.status()));
    origin->signer = *std::move(opened);
  }
  return AnswerAs(question, *origin);
}

SignerAnswer SignerService::GiveUp(const absl::Status& refused, Origin& origin) {
  origin.given_up = absl::FailedPreconditionError(
      absl::StrCat(refused.message(), "; not tried again until the signer is started again"));
  return FromStatus(origin.given_up, false);
}

SignerAnswer SignerService::AnswerAs(const SignerRequest& question, Origin& origin) {
  Signer& signer = *origin.signer;
  if (question.type == SignerMessage::kPublicKey) {
    return TextAnswer(SignerMessage::kPublicKeyAnswer, signer.verifier().ToVkey());
  }
  const bool changes_key = question.type == SignerMessage::kSignKeyChange;
  if (question.type == SignerMessage::kSign || changes_key) {
    auto checkpoint = changes_key ? signer.SignKeyChange(question.head, question.consistency,
                                                         question.leaf, question.inclusion)
                                  : signer.Sign(question.head, question.consistency);
    if (absl::IsPermissionDenied(checkpoint.status())) return GiveUp(checkpoint.status(), origin);
    if (!checkpoint.ok()) return FromStatus(checkpoint.status(), signer.SyncFailed());
    return TextAnswer(
        changes_key ? SignerMessage::kSignKeyChangeAnswer : SignerMessage::kSignAnswer,
        *std::move(checkpoint));
  }
  if (question.type == SignerMessage::kPendingKeyChange) {
    auto body = signer.PendingKeyChange();
    if (!body.ok()) return FromStatus(body.status(), false);
    return TextAnswer(SignerMessage::kPendingKeyChangeAnswer, body->value_or(""));
  }
  if (question.type == SignerMessage::kSignCoseHead) {
    auto signature = signer.SignCoseHead(question.head);
    if (absl::IsPermissionDenied(signature.status())) return GiveUp(signature.status(), origin);
    if (!signature.ok()) return FromStatus(signature.status(), signer.SyncFailed());
    return TextAnswer(SignerMessage::kSignCoseHeadAnswer, *std::move(signature));
  }
  const auto last = signer.LastSigned();
  if (!last.ok()) return FromStatus(last.status(), false);
  SignerAnswer out;
  out.type = SignerMessage::kLastSignedAnswer;
  out.head = *last;
  return out;
}

absl::Status SignerService::OpenAll(
    const std::function<void(const std::string& origin, const absl::Status&)>& problem) {
  ASSIGN_OR_RETURN(const std::vector<SignerOriginStatus> found, ListSignerOrigins(dir_));
  for (const SignerOriginStatus& origin : found) {
    if (origin.origin.empty()) {
      problem(origin.path, origin.problem);
      continue;
    }
    SignerRequest question;
    question.origin = origin.origin;
    const SignerAnswer answer = Answer(question);
    if (answer.type == SignerMessage::kError) {
      problem(origin.origin, absl::FailedPreconditionError(answer.text));
    } else if (!origin.problem.ok()) {
      problem(origin.origin, origin.problem);
    }
  }
  return absl::OkStatus();
}

}  // namespace auditledger
