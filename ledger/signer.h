// What turns a head into a signed one. The signer is the first witness: it remembers the last head
// it signed, in its own durable state, and signs only what provably extends it.
//
// Thread-safety: called by one thread at a time.
// Errors: FailedPrecondition when the head does not extend the last one signed (rollback, fork);
// any error of its storage latches it.
#ifndef AUDITLEDGER_LEDGER_SIGNER_H_
#define AUDITLEDGER_LEDGER_SIGNER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ledger/engine.h"
#include "ledger/key_rotation.h"
#include "ledger/signing_key.h"
#include "merkle/hash.h"
#include "merkle/note.h"

namespace auditledger {

// How far one signature may go beyond the one before it. Identical leaves that nobody has cost
// nothing to make up, so that without a limit a daemon that was taken over leaves a log no size to
// grow to by one proof of size 2^63 - 1; with it, it takes 2^31 signatures, each with a sync. A
// commit adds some thousand entries, and at 1,000 a second this is seven weeks: a state that was
// lost is adopted from a head that is younger. (A head whose leaves are thrown away still ends a
// log of any size: only a backup of them goes on.)
inline constexpr uint64_t kMaxGrowthPerSignature = uint64_t{1} << 32;

class Signer {
 public:
  virtual ~Signer() = default;
  // The last head signed; nothing if none ever was. NotFound: the state is missing; DataLoss: it is
  // unreadable.
  virtual absl::StatusOr<std::optional<Head>> LastSigned() = 0;
  // Records `head` durably, then returns its checkpoint as a signed note. `consistency` proves that
  // it extends the last head signed (empty from size 0 or for the same head), by no more than
  // kMaxGrowthPerSignature. The same head gives the same bytes.
  virtual absl::StatusOr<std::string> Sign(const Head& head,
                                           absl::Span<const Hash> consistency) = 0;
  // The key's signature over CoseSignedBytes(verifier(), head.root) (merkle/cose_receipt.h), for
  // the last head signed and no other: FailedPrecondition. It says of a root what a checkpoint has
  // said already, so the key signs nothing that its memory does not hold.
  virtual absl::StatusOr<std::string> SignCoseHead(const Head& head) = 0;
  // The change of its key that waits to be an entry (merkle/key_chain.h): its body; nothing for
  // none.
  virtual absl::StatusOr<std::optional<std::string>> PendingKeyChange() { return std::nullopt; }
  // As Sign, for the head whose last entry is `leaf`, the pending change: once `inclusion` shows it
  // there the new key takes over, signs this head, and verifier() is its. FailedPrecondition for
  // another change than the pending one; where the new key signs already, as Sign.
  virtual absl::StatusOr<std::string> SignKeyChange(const Head& head,
                                                    absl::Span<const Hash> consistency,
                                                    absl::string_view leaf,
                                                    absl::Span<const Hash> inclusion) {
    (void)head, (void)consistency, (void)leaf, (void)inclusion;
    return absl::FailedPreconditionError("this signer's key cannot change");
  }
  virtual const NoteVerifier& verifier() const = 0;
  // Making its own state durable failed (fdatasync's word): what it holds may be lost though it can
  // be read.
  virtual bool SyncFailed() const { return false; }
};

// The embedded signer. State file "signer.state" in state_dir: two slots of 4,096 bytes,
// pre-zeroed, written in turn:
//   u8 version = 1 | zeros[7] | BE64 sequence | BE64 size | root[32] | BE64 time_us |
//   origin_hash[32] | key_id u32 | CRC-32C u32 over all before
// and synced with fdatasync before a signature leaves. The valid slot with the higher sequence
// counts. Opening writes its head once more, into the other slot, and syncs: what is trusted is
// then on the disk, and not in the page cache alone, where a sync that failed before may have left
// it.
// A key that is being changed (key_rotation.h) is changed in the folder of the key's file; what a
// crash left of that is completed first (CompleteKeyChange).
struct EmbeddedSignerOptions {
  std::string state_dir;
  std::string origin;
  std::string private_key_file;  // key_files.h
};
// Opens existing state. NotFound when there is none: a lost state must not be replaced silently.
absl::StatusOr<std::unique_ptr<Signer>> OpenEmbeddedSigner(const EmbeddedSignerOptions& options);
// Makes the state of a new ledger, or, for an operator who says so, one that has signed `adopted`.
// AlreadyExists when there is one.
absl::Status CreateSignerState(const EmbeddedSignerOptions& options,
                               const std::optional<Head>& adopted);

// The same with a key that lies elsewhere than in a file. FailedPrecondition when `key` is not the
// private half of `verifier`, which names the origin. `next` is where a key to follow it may lie.
absl::StatusOr<std::unique_ptr<Signer>> OpenSignerWithKey(const std::string& state_dir,
                                                          const NoteVerifier& verifier,
                                                          std::unique_ptr<SigningKey> key,
                                                          KeySource next = {});
absl::Status CreateSignerStateFor(const std::string& state_dir, const NoteVerifier& verifier,
                                  const std::optional<Head>& adopted);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SIGNER_H_
