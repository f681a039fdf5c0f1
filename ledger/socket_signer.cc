#include "ledger/socket_signer.h"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "ledger/signer_protocol.h"
#include "ledger/signer_socket.h"
#include "merkle/checkpoint.h"
#include "merkle/cose_receipt.h"
#include "merkle/ed25519_verify.h"
#include "merkle/key_chain.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"

namespace auditledger {
namespace {

using std::chrono::milliseconds;

constexpr absl::string_view kUnixPrefix = "unix:";
// Between two attempts to connect: nothing tells when a process has come back.
constexpr milliseconds kFirstPause{5};
constexpr milliseconds kLongestPause{250};

void Pause(milliseconds time) { ::poll(nullptr, 0, static_cast<int>(time.count())); }

// One connection to the process, made anew whenever it is lost.
class SignerConnection {
 public:
  explicit SignerConnection(const SocketSignerOptions& options) : options_(options) {}

  // The answer to `question`, of the type that goes with it.
  absl::StatusOr<SignerAnswer> Ask(SignerMessage type) {
    return Ask(SignerRequest{type, "", {}, {}});
  }
  absl::StatusOr<SignerAnswer> Ask(SignerRequest question) {
    const SignerMessage type = question.type;
    question.origin = options_.origin;
    ASSIGN_OR_RETURN(const std::string frame, EncodeSignerRequest(question));
    const SocketDeadline deadline = SocketClock::now() + options_.patience;
    milliseconds pause = kFirstPause;
    while (true) {
      const absl::StatusOr<SignerAnswer> answer = AskOnce(frame, deadline);
      if (answer.ok()) return Check(type, *answer);
      socket_.reset();
      if (!absl::IsUnavailable(answer.status()) && !absl::IsDeadlineExceeded(answer.status())) {
        return At(answer.status());
      }
      if (SocketClock::now() + pause >= deadline) return NoAnswer(answer.status());
      Pause(pause);
      pause = std::min(2 * pause, kLongestPause);
    }
  }

  bool sync_failed() const { return sync_failed_; }
  absl::Status At(const absl::Status& status) const {
    return absl::Status(status.code(),
                        absl::StrCat("signer at ", options_.socket_path, ": ", status.message()));
  }

 private:
  absl::StatusOr<SignerAnswer> AskOnce(absl::string_view frame, SocketDeadline deadline) {
    if (!socket_.has_value()) {
      ASSIGN_OR_RETURN(socket_, SignerSocket::Connect(options_.socket_path));
    }
    const absl::Status written = socket_->Write(frame, deadline);
    // A process that does not serve us says so and is gone before it has read anything.
    auto answer = ReadAnswer(deadline);
    return answer.ok() || written.ok() ? answer : written;
  }

  absl::StatusOr<SignerAnswer> ReadAnswer(SocketDeadline deadline) const {
    ASSIGN_OR_RETURN(const std::string bytes, socket_->Read(kSignerFrameHeaderBytes, deadline));
    const absl::StatusOr<SignerFrameHeader> header = ParseSignerFrameHeader(bytes);
    if (!header.ok()) return Wrong(header.status());
    ASSIGN_OR_RETURN(const std::string body, socket_->Read(header->body_bytes, deadline));
    auto answer = ParseSignerAnswer(header->type, body);
    if (!answer.ok()) return Wrong(answer.status());
    return answer;
  }

  static absl::Status Wrong(const absl::Status& status) {
    return absl::DataLossError(absl::StrCat("its answer is malformed: ", status.message()));
  }

  absl::Status NoAnswer(const absl::Status& last) const {
    return At(absl::UnavailableError(
        absl::StrCat("no answer within ", options_.patience.count(), " ms: ", last.message())));
  }

  absl::StatusOr<SignerAnswer> Check(SignerMessage type, const SignerAnswer& answer) {
    if (answer.type == SignerMessage::kError) return At(FromError(answer));
    if (static_cast<uint8_t>(answer.type) == (static_cast<uint8_t>(type) | 0x80)) return answer;
    socket_.reset();
    return At(absl::DataLossError("it answered another question"));
  }

  absl::Status FromError(const SignerAnswer& answer) {
    switch (answer.error) {
      case SignerError::kMalformed:
        socket_.reset();
        return absl::InternalError(absl::StrCat("it cannot read us: ", answer.text));
      case SignerError::kUnknownOrigin:
      case SignerError::kRefused:
        return absl::FailedPreconditionError(answer.text);
      case SignerError::kNotAllowed:
        socket_.reset();
        return absl::PermissionDeniedError(answer.text);
      case SignerError::kSyncFailed:
        sync_failed_ = true;
        return absl::InternalError(absl::StrCat("its state may be lost: ", answer.text));
      case SignerError::kFailed:
        break;
    }
    return absl::InternalError(answer.text);
  }

  const SocketSignerOptions options_;
  std::optional<SignerSocket> socket_;
  bool sync_failed_ = false;
};

class SocketSigner : public Signer {
 public:
  SocketSigner(std::unique_ptr<SignerConnection> connection, NoteVerifier verifier)
      : connection_(std::move(connection)), verifier_(std::move(verifier)) {}

  absl::StatusOr<std::optional<Head>> LastSigned() override {
    ASSIGN_OR_RETURN(const SignerAnswer answer, connection_->Ask(SignerMessage::kLastSigned));
    return answer.head;
  }

  absl::StatusOr<std::string> Sign(const Head& head, absl::Span<const Hash> consistency) override {
    ASSIGN_OR_RETURN(
        SignerAnswer answer,
        connection_->Ask(
            {SignerMessage::kSign, "", head, {consistency.begin(), consistency.end()}}));
    RETURN_IF_ERROR(CheckSigned(answer.text, head, verifier_));
    return std::move(answer.text);
  }

  absl::StatusOr<std::optional<std::string>> PendingKeyChange() override {
    ASSIGN_OR_RETURN(SignerAnswer answer, connection_->Ask(SignerMessage::kPendingKeyChange));
    if (answer.text.empty()) return std::nullopt;
    return std::move(answer.text);
  }

  absl::StatusOr<std::string> SignKeyChange(const Head& head, absl::Span<const Hash> consistency,
                                            absl::string_view leaf,
                                            absl::Span<const Hash> inclusion) override {
    ASSIGN_OR_RETURN(const Leaf parsed, ParseLeaf(leaf));
    ASSIGN_OR_RETURN(const KeyChange change, ParseKeyChange(parsed.body));
    ASSIGN_OR_RETURN(NoteVerifier next,
                     NoteVerifier::FromEd25519(verifier_.name(), change.new_key));
    ASSIGN_OR_RETURN(SignerAnswer answer,
                     connection_->Ask({SignerMessage::kSignKeyChange,
                                       "",
                                       head,
                                       {consistency.begin(), consistency.end()},
                                       std::string(leaf),
                                       {inclusion.begin(), inclusion.end()}}));
    RETURN_IF_ERROR(CheckSigned(answer.text, head, next));
    verifier_ = std::move(next);
    return std::move(answer.text);
  }

  absl::StatusOr<std::string> SignCoseHead(const Head& head) override {
    ASSIGN_OR_RETURN(SignerAnswer answer,
                     connection_->Ask({SignerMessage::kSignCoseHead, "", head, {}}));
    const absl::Status right =
        VerifyEd25519(verifier_.public_key(), CoseSignedBytes(verifier_, head.root), answer.text);
    if (right.ok()) return std::move(answer.text);
    return connection_->At(
        absl::DataLossError("what it gave for a COSE receipt is not its key's signature"));
  }

  const NoteVerifier& verifier() const override { return verifier_; }
  bool SyncFailed() const override { return connection_->sync_failed(); }

 private:
  absl::Status CheckSigned(absl::string_view note, const Head& head,
                           const NoteVerifier& key) const {
    const auto opened = OpenCheckpoint(note, key.name(), key);
    if (!opened.ok()) {
      return connection_->At(absl::DataLossError(
          absl::StrCat("it did not sign with the key it had: ", opened.status().message())));
    }
    if (opened->checkpoint.size == head.size && opened->checkpoint.root == head.root) {
      return absl::OkStatus();
    }
    return connection_->At(absl::DataLossError("it signed another head than it was given"));
  }

  const std::unique_ptr<SignerConnection> connection_;
  NoteVerifier verifier_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Signer>> OpenSocketSigner(const SocketSignerOptions& options) {
  RETURN_IF_ERROR(CheckSocketPath(options.socket_path));
  auto connection = std::make_unique<SignerConnection>(options);
  ASSIGN_OR_RETURN(const SignerAnswer answer, connection->Ask(SignerMessage::kPublicKey));
  absl::StatusOr<NoteVerifier> verifier = NoteVerifier::Parse(answer.text);
  if (!verifier.ok() || verifier->name() != options.origin) {
    return connection->At(absl::DataLossError("the key it names is not this origin's"));
  }
  return std::make_unique<SocketSigner>(std::move(connection), *std::move(verifier));
}

absl::Status WaitForSigner(const std::string& socket_path, milliseconds patience) {
  const SocketDeadline deadline = SocketClock::now() + patience;
  while (true) {
    const absl::Status connected = SignerSocket::Connect(socket_path).status();
    if (!absl::IsUnavailable(connected)) return connected;
    if (SocketClock::now() + kLongestPause >= deadline) {
      return absl::UnavailableError(absl::StrCat("no signer within ", patience.count(),
                                                 " ms: ", connected.message(),
                                                 ". Is auditledger-signer running?"));
    }
    Pause(kLongestPause);
  }
}

absl::StatusOr<std::string> ParseSignerAddress(absl::string_view address) {
  if (!absl::ConsumePrefix(&address, kUnixPrefix)) {
    return absl::InvalidArgumentError("must be unix:/absolute/path");
  }
  RETURN_IF_ERROR(CheckSocketPath(address));
  return std::string(address);
}

}  // namespace auditledger
