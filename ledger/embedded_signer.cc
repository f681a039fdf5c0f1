// The signer inside the process (signer.h): checks, remembers, signs, in this order.
#include "absl/strings/str_cat.h"
#include "ledger/ed25519_key.h"
#include "ledger/key_files.h"
#include "ledger/signer.h"
#include "ledger/signer_state.h"
#include "merkle/checkpoint.h"
#include "merkle/cose_receipt.h"
#include "merkle/sha256.h"
#include "merkle/status_macros.h"
#include "merkle/verify.h"

namespace auditledger {
namespace {

std::string Describe(const Head& head) {
  return absl::StrCat("size ", head.size, ", root ", head.root.ToHex());
}

class EmbeddedSigner : public Signer {
 public:
  EmbeddedSigner(std::string origin, NoteVerifier verifier, std::unique_ptr<SigningKey> key,
                 SignerStateFile state)
      : origin_(std::move(origin)),
        verifier_(std::move(verifier)),
        key_(std::move(key)),
        state_(std::move(state)) {}

  absl::StatusOr<std::optional<Head>> LastSigned() override {
    const Head& last = state_.last().head;
    if (last.size == 0) return std::nullopt;
    return last;
  }

  absl::StatusOr<std::string> Sign(const Head& head, absl::Span<const Hash> consistency) override {
    if (!latched_.ok()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the signer has stopped after: ", latched_.message()));
    }
    const Head& last = state_.last().head;
    if (head.size != last.size || head.root != last.root) {
      RETURN_IF_ERROR(CheckExtends(last, head, consistency));
      latched_ = state_.Store(head);
      sync_failed_ = IsSyncFailure(latched_);
      RETURN_IF_ERROR(latched_);
    }
    Note note;
    note.text = FormatCheckpoint({origin_, head.size, head.root, {}});
    ASSIGN_OR_RETURN(std::string signature, key_->Sign(note.text));
    note.signatures.push_back({verifier_.name(), verifier_.key_id(), std::move(signature)});
    return FormatNote(note);
  }

  absl::StatusOr<std::string> SignCoseHead(const Head& head) override {
    RETURN_IF_ERROR(latched_);
    const Head& last = state_.last().head;
    if (head.size == 0 || head.size != last.size || head.root != last.root) {
      return absl::FailedPreconditionError(
          absl::StrCat("the head (", Describe(head), ") is not the last one signed"));
    }
    return key_->Sign(CoseSignedBytes(verifier_, head.root));
  }

  const NoteVerifier& verifier() const override { return verifier_; }
  bool SyncFailed() const override { return sync_failed_; }

 private:
  static absl::Status CheckGrows(const Head& last, const Head& head,
                                 absl::Span<const Hash> consistency) {
    if (head.size <= last.size) return absl::FailedPreconditionError("it is not larger");
    if (head.size - last.size > kMaxGrowthPerSignature) {
      return absl::FailedPreconditionError(
          absl::StrCat("it is over the limit of ", kMaxGrowthPerSignature, " entries a signature"));
    }
    return VerifyExtension(last.size, last.root, head.size, head.root, consistency);
  }

  static absl::Status CheckExtends(const Head& last, const Head& head,
                                   absl::Span<const Hash> consistency) {
    const absl::Status proven = CheckGrows(last, head, consistency);
    if (proven.ok()) return proven;
    return absl::FailedPreconditionError(absl::StrCat("the head (", Describe(head),
                                                      ") does not extend the last one signed (",
                                                      Describe(last), "): ", proven.message()));
  }

  const std::string origin_;
  const NoteVerifier verifier_;
  const std::unique_ptr<SigningKey> key_;
  SignerStateFile state_;
  absl::Status latched_;
  bool sync_failed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Signer>> OpenEmbeddedSigner(const EmbeddedSignerOptions& options) {
  ASSIGN_OR_RETURN(NoteSigningKey key,
                   LoadNoteSigningKey(options.private_key_file, options.origin));
  ASSIGN_OR_RETURN(Ed25519Key signing, Ed25519Key::FromSeed(key.seed.Reveal()));
  return OpenSignerWithKey(options.state_dir, key.verifier,
                           std::make_unique<Ed25519Key>(std::move(signing)));
}

absl::StatusOr<std::unique_ptr<Signer>> OpenSignerWithKey(const std::string& state_dir,
                                                          const NoteVerifier& verifier,
                                                          std::unique_ptr<SigningKey> key) {
  if (key->public_key() != verifier.public_key()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the private key is not that of ", verifier.ToVkey()));
  }
  ASSIGN_OR_RETURN(SignerStateFile state, SignerStateFile::Open(state_dir));
  if (state.last().origin_hash != Sha256({verifier.name()}) ||
      state.last().key_id != verifier.key_id()) {
    return absl::FailedPreconditionError(
        absl::StrCat(state_dir, "/", kSignerStateFile,
                     ": is the state of another ledger or another key than ", verifier.ToVkey()));
  }
  RETURN_IF_ERROR(state.Store(state.last().head));
  return std::make_unique<EmbeddedSigner>(verifier.name(), verifier, std::move(key),
                                          std::move(state));
}

absl::Status CreateSignerState(const EmbeddedSignerOptions& options,
                               const std::optional<Head>& adopted) {
  ASSIGN_OR_RETURN(const NoteSigningKey key,
                   LoadNoteSigningKey(options.private_key_file, options.origin));
  return CreateSignerStateFor(options.state_dir, key.verifier, adopted);
}

absl::Status CreateSignerStateFor(const std::string& state_dir, const NoteVerifier& verifier,
                                  const std::optional<Head>& adopted) {
  SignerState state;
  state.sequence = 1;
  if (adopted.has_value()) state.head = *adopted;
  state.origin_hash = Sha256({verifier.name()});
  state.key_id = verifier.key_id();
  return SignerStateFile::Create(state_dir, state);
}

}  // namespace auditledger
