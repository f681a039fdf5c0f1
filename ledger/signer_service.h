// What a signer process answers, apart from the socket: a question in, an answer out.
//
// Each origin is opened when it is first asked for and has a lock of its own: a slow disk under one
// does not stop the others. An origin that could not be opened is tried again by the next question,
// but not one whose token refused the PIN, then or when its session was opened again to sign:
// tokens lock themselves after a few wrong ones.
//
// Thread-safety: all methods may be called by many threads.
#ifndef AUDITLEDGER_LEDGER_SIGNER_SERVICE_H_
#define AUDITLEDGER_LEDGER_SIGNER_SERVICE_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "ledger/mutex.h"
#include "ledger/signer.h"
#include "ledger/signer_protocol.h"

namespace auditledger {

class SignerService {
 public:
  // `dir` as in signer_folder.h.
  explicit SignerService(std::string dir) : dir_(std::move(dir)) {}

  SignerAnswer Answer(const SignerRequest& question);
  // Opens what lies in the folder, so that what is wrong is known at the start. OK unless the
  // folder itself cannot be read; `problem` is called for each origin that cannot sign.
  absl::Status OpenAll(
      const std::function<void(const std::string& origin, const absl::Status&)>& problem);

 private:
  struct Origin {
    Mutex mutex;
    std::unique_ptr<Signer> signer ABSL_GUARDED_BY(mutex);
    absl::Status given_up ABSL_GUARDED_BY(mutex);
  };
  // Nothing when there is no folder for it.
  std::shared_ptr<Origin> Find(const std::string& name);
  static SignerAnswer GiveUp(const absl::Status& refused, Origin& origin)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(origin.mutex);
  static SignerAnswer AnswerAs(const SignerRequest& question, Origin& origin)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(origin.mutex);

  const std::string dir_;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Origin>> origins_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNER_SERVICE_H_
