// The signer inside the process (signer.h): checks, remembers, signs, in this order.
#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/ed25519_key.h"
#include "ledger/key_files.h"
#include "ledger/key_rotation.h"
#include "ledger/posix_file.h"
#include "ledger/signer.h"
#include "ledger/signer_state.h"
#include "merkle/checkpoint.h"
#include "merkle/cose_receipt.h"
#include "merkle/hash.h"
#include "merkle/key_chain.h"
#include "merkle/leaf.h"
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
                 SignerStateFile state, KeySource next)
      : origin_(std::move(origin)),
        verifier_(std::move(verifier)),
        key_(std::move(key)),
        state_(std::move(state)),
        next_(std::move(next)) {}

  absl::StatusOr<std::optional<Head>> LastSigned() override {
    const Head& last = state_.last().head;
    if (last.size == 0) return std::nullopt;
    return last;
  }

  absl::StatusOr<std::string> Sign(const Head& head, absl::Span<const Hash> consistency) override {
    RETURN_IF_ERROR(CheckNotLatched());
    if (!IsLast(head)) {
      RETURN_IF_ERROR(CheckExtends(state_.last().head, head, consistency));
      RETURN_IF_ERROR(Latch(state_.Store(head)));
    }
    return SignNote(head);
  }

  absl::StatusOr<std::optional<std::string>> PendingKeyChange() override {
    if (next_.dir.empty()) return std::nullopt;
    ASSIGN_OR_RETURN(const std::optional<NextKey> next, LoadNextKey(next_.dir));
    if (!next.has_value()) return std::nullopt;
    ASSIGN_OR_RETURN(std::string body, EncodeKeyChange(next->change));
    return body;
  }

  absl::StatusOr<std::string> SignKeyChange(const Head& head, absl::Span<const Hash> consistency,
                                            absl::string_view leaf,
                                            absl::Span<const Hash> inclusion) override {
    RETURN_IF_ERROR(CheckNotLatched());
    ASSIGN_OR_RETURN(const KeyChange change, ChangeOf(leaf));
    // Asked again, since the answer was lost.
    if (change.new_key == verifier_.public_key()) return Sign(head, consistency);
    std::optional<NextKey> next;
    if (!next_.dir.empty()) {
      ASSIGN_OR_RETURN(next, LoadNextKey(next_.dir));
    }
    if (!next.has_value() || next->change != change || change.old_key != verifier_.public_key()) {
      return absl::FailedPreconditionError(
          "the change of the key in the log is not the one that is prepared here");
    }
    ASSIGN_OR_RETURN(const std::string body, EncodeKeyChange(change));
    RETURN_IF_ERROR(KeyChain::Build(verifier_, {{head.size, body}}).status());
    if (!IsLast(head)) RETURN_IF_ERROR(CheckExtends(state_.last().head, head, consistency));
    if (head.size == 0) return absl::FailedPreconditionError("a head without entries");
    RETURN_IF_ERROR(
        VerifyInclusion(head.size - 1, head.size, LeafHash(leaf), inclusion, head.root));
    RETURN_IF_ERROR(TakeOver(*next, head));
    return SignNote(head);
  }

  absl::StatusOr<std::string> SignCoseHead(const Head& head) override {
    RETURN_IF_ERROR(CheckNotLatched());
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
  bool IsLast(const Head& head) const {
    const Head& last = state_.last().head;
    return head.size == last.size && head.root == last.root;
  }

  absl::Status CheckNotLatched() const {
    if (latched_.ok()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("the signer has stopped after: ", latched_.message()));
  }

  absl::Status Latch(absl::Status status) {
    latched_ = std::move(status);
    sync_failed_ = IsSyncFailure(latched_);
    return latched_;
  }

  absl::StatusOr<std::string> SignNote(const Head& head) const {
    Note note;
    note.text = FormatCheckpoint({origin_, head.size, head.root, {}});
    ASSIGN_OR_RETURN(std::string signature, key_->Sign(note.text));
    note.signatures.push_back({verifier_.name(), verifier_.key_id(), std::move(signature)});
    return FormatNote(note);
  }

  static absl::StatusOr<KeyChange> ChangeOf(absl::string_view bytes) {
    ASSIGN_OR_RETURN(const Leaf leaf, ParseLeaf(bytes));
    if (leaf.kind == EntryKind::kKeyChange) return ParseKeyChange(leaf.body);
    return absl::InvalidArgumentError("the entry is no change of a key");
  }

  // The steps of key_rotation.h from 4 on. The state decides: what fails after it is completed by
  // the next opening, and until then nothing is signed.
  absl::Status TakeOver(const NextKey& next, const Head& head) {
    ASSIGN_OR_RETURN(std::unique_ptr<SigningKey> key, next_.open_next());
    ASSIGN_OR_RETURN(NoteVerifier verifier,
                     NoteVerifier::FromEd25519(origin_, next.change.new_key));
    if (key->public_key() != verifier.public_key()) {
      return absl::FailedPreconditionError(
          absl::StrCat(next_.dir, ": the next key is not the one of the prepared change"));
    }
    RETURN_IF_ERROR(Latch(state_.StoreUnder(verifier.key_id(), head)));
    RETURN_IF_ERROR(Latch(FinishKeyChange(next_.dir, origin_, next)));
    // The other slot is still the old key's: damage of this one must not bring it back.
    RETURN_IF_ERROR(Latch(state_.Store(head)));
    verifier_ = std::move(verifier);
    key_ = std::move(key);
    return absl::OkStatus();
  }

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
  NoteVerifier verifier_;
  std::unique_ptr<SigningKey> key_;
  SignerStateFile state_;
  const KeySource next_;
  absl::Status latched_;
  bool sync_failed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Signer>> OpenEmbeddedSigner(const EmbeddedSignerOptions& options) {
  const std::string key_dir = DirectoryOf(options.private_key_file);
  RETURN_IF_ERROR(CompleteKeyChange(key_dir, options.state_dir, options.origin));
  ASSIGN_OR_RETURN(NoteSigningKey key,
                   LoadNoteSigningKey(options.private_key_file, options.origin));
  ASSIGN_OR_RETURN(Ed25519Key signing, Ed25519Key::FromSeed(key.seed.Reveal()));
  return OpenSignerWithKey(options.state_dir, key.verifier,
                           std::make_unique<Ed25519Key>(std::move(signing)),
                           FileKeySource(key_dir, options.origin));
}

absl::StatusOr<std::unique_ptr<Signer>> OpenSignerWithKey(const std::string& state_dir,
                                                          const NoteVerifier& verifier,
                                                          std::unique_ptr<SigningKey> key,
                                                          KeySource next) {
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
                                          std::move(state), std::move(next));
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
