// Witnesses in memory, and the network between them and a cosigner: honest by the rules of C2SP
// tlog-witness until a test says otherwise. Thread-safe.
#ifndef AUDITLEDGER_TESTS_API_FAKE_WITNESS_H_
#define AUDITLEDGER_TESTS_API_FAKE_WITNESS_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/http_transport.h"
#include "ledger/clock.h"
#include "ledger/mutex.h"
#include "merkle/checkpoint.h"
#include "merkle/cosignature.h"
#include "merkle/frontier.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "merkle/witness.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

class FakeWitness {
 public:
  // Instead of an honest answer; nothing: be honest this time.
  using Lie = std::function<std::optional<absl::StatusOr<HttpAnswer>>(const std::string& body)>;

  FakeWitness(std::string name, uint8_t key, Clock& clock)
      : key_byte_(key),
        key_(NoteVerifier::FromEd25519(name, TestPublicKey(key), kNoteEd25519Cosignature).value()),
        clock_(clock) {}

  const NoteVerifier& key() const { return key_; }
  void Follow(const NoteVerifier& log_key) {
    MutexLock lock(mutex_);
    log_keys_ = {log_key};
    last_.reset();
    note_.clear();
  }
  // One line more in its list, before the log's key is rotated.
  void AlsoFollow(const NoteVerifier& next) {
    MutexLock lock(mutex_);
    log_keys_.push_back(next);
  }
  void SetLie(Lie lie) {
    MutexLock lock(mutex_);
    lie_ = std::move(lie);
  }
  // As a process that was killed, and started again.
  void SetDown(bool down) {
    SetLie(down ? Lie([](const std::string&) {
      return std::optional<absl::StatusOr<HttpAnswer>>(absl::UnavailableError("down"));
    })
                : Lie());
  }
  // As what it cosigned last, whatever that was.
  void Shows(std::string note) {
    MutexLock lock(mutex_);
    note_ = std::move(note);
  }
  void ShowsLast(bool shows) {
    MutexLock lock(mutex_);
    shows_last_ = shows;
  }
  void Forget() {
    MutexLock lock(mutex_);
    last_.reset();
    note_.clear();
  }
  uint64_t size() const {
    MutexLock lock(mutex_);
    return last_.has_value() ? last_->size : 0;
  }
  int requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }
  // A cosignature line by its key over any text, at any time.
  std::string Line(absl::string_view text, uint64_t seconds) const {
    const std::string message = CosignatureMessage(seconds, text);
    return FormatNoteSignature(
        MakeCosignature(key_, seconds, TestSignature(key_byte_, message)).value());
  }

  absl::StatusOr<HttpAnswer> Post(const std::string& body) {
    MutexLock lock(mutex_);
    ++requests_;
    if (lie_) {
      if (auto lie = lie_(body)) return *std::move(lie);
    }
    return Honest(body);
  }
  absl::StatusOr<HttpAnswer> Get() {
    MutexLock lock(mutex_);
    if (note_.empty() || !shows_last_) return HttpAnswer{404, "text/plain", "none\n"};
    return HttpAnswer{200, "text/plain", note_};
  }

 private:
  HttpAnswer Honest(const std::string& body) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto update = ParseCheckpointUpdate(body);
    if (!update.ok()) return {400, "text/plain", "bad\n"};
    if (log_keys_.empty()) return {404, "text/plain", "unknown\n"};
    absl::StatusOr<SignedCheckpoint> opened = absl::UnauthenticatedError("no key");
    for (const NoteVerifier& key : log_keys_) {
      if (!opened.ok()) opened = OpenCheckpoint(update->checkpoint, key.name(), key);
    }
    if (!opened.ok()) return {403, "text/plain", "key\n"};
    const Checkpoint& head = opened->checkpoint;
    const uint64_t known = last_.has_value() ? last_->size : 0;
    if (update->old_size > head.size) return {400, "text/plain", "old\n"};
    if (update->old_size != known) {
      return {409, std::string(kWitnessSizeType), FormatWitnessSize(known)};
    }
    const Hash root = last_.has_value() ? last_->root : EmptyRoot();
    if (!VerifyExtension(known, root, head.size, head.root, update->proof).ok()) {
      return {422, "text/plain", "proof\n"};
    }
    last_ = head;
    const std::string line = Line(FormatCheckpoint(head), clock_.WallMicros() / 1'000'000);
    note_ = AddCosignatures(update->checkpoint, line, {key_}).value();
    return {200, "text/plain", line};
  }

  const uint8_t key_byte_;
  const NoteVerifier key_;
  Clock& clock_;
  mutable Mutex mutex_;
  std::vector<NoteVerifier> log_keys_ ABSL_GUARDED_BY(mutex_);
  std::optional<Checkpoint> last_ ABSL_GUARDED_BY(mutex_);
  std::string note_ ABSL_GUARDED_BY(mutex_);
  Lie lie_ ABSL_GUARDED_BY(mutex_);
  bool shows_last_ ABSL_GUARDED_BY(mutex_) = true;
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Five of them, as http://w1.test to http://w5.test, and a policy that asks for `quorum`.
class FakeWitnesses {
 public:
  explicit FakeWitnesses(Clock& clock, int count = 5) {
    for (int i = 1; i <= count; ++i) {
      witnesses_.push_back(std::make_unique<FakeWitness>(absl::StrCat("witness.test/", i),
                                                         static_cast<uint8_t>(100 + i), clock));
    }
  }
  FakeWitness& operator[](size_t i) { return *witnesses_[i]; }
  size_t size() const { return witnesses_.size(); }
  void Follow(const NoteVerifier& log_key) {
    for (auto& witness : witnesses_) witness->Follow(log_key);
  }
  std::string PolicyText(const std::string& threshold = "4") const {
    std::string text;
    std::string names;
    for (size_t i = 0; i < witnesses_.size(); ++i) {
      absl::StrAppend(&text, "witness w", i + 1, " ", witnesses_[i]->key().ToVkey(), " http://w",
                      i + 1, ".test/\n");
      absl::StrAppend(&names, " w", i + 1);
    }
    return absl::StrCat(text, "group all ", threshold, names, "\nquorum all\n");
  }
  HttpTransportFactory Transport() {
    return [this] { return std::make_unique<Network>(*this); };
  }

 private:
  class Network : public HttpTransport {
   public:
    explicit Network(FakeWitnesses& witnesses) : witnesses_(witnesses) {}
    absl::StatusOr<HttpAnswer> Post(const std::string& url, const HttpPost& post) override {
      auto answer = Find(url).Post(std::string(post.body));
      if (answer.ok() && answer->body.size() > post.max_answer_bytes) {
        return absl::ResourceExhaustedError("too large");
      }
      return answer;
    }
    absl::StatusOr<HttpAnswer> Get(const std::string& url, size_t) override {
      return Find(url).Get();
    }

   private:
    FakeWitness& Find(const std::string& url) {
      for (size_t i = 0; i < witnesses_.size(); ++i) {
        if (absl::StartsWith(url, absl::StrCat("http://w", i + 1, ".test/"))) return witnesses_[i];
      }
      std::abort();  // a client asked somebody that no policy names
    }
    FakeWitnesses& witnesses_;
  };
  std::vector<std::unique_ptr<FakeWitness>> witnesses_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_FAKE_WITNESS_H_
