// The key store of the payloads: one wrapped secret for each entry, in fixed slots of preallocated
// files, so that destroying a secret overwrites it in place, which a log-structured database cannot
// do. Payload key and commitment seed grow from it (payload_cipher.h), hence the name.
//
//   segment file "seeds-%016x" (hex of the first index), 65,536 slots of 64 bytes = 4 MiB, zeroed
//   when made
//   slot: u8 version = 1 | u8 algorithm = 1 (AES-256-GCM) | u16 key_id | nonce[12] |
//         wrapped secret[32] | tag[16]
//   wrapped under HMAC-SHA-256(wrapping key, "auditledger/wrap/v1" 00 || BE16 len || origin ||
//                              BE64(the segment's first index))
//   associated data: "auditledger/seed/v1" 00 || BE16 len || origin || BE64(index)
//   an all-zero slot holds no secret; an erased slot is version = 255 and zeros
//
// A key for each segment wraps about 65,536 slots: far from the 2^32 random nonces that AES-GCM
// bears under one key (NIST SP 800-38D, 8.3). The wrapping key for key_id comes from a KeyProvider;
// rotation (wrap_rotation.h) rewraps slots and changes no layout:
//
//   1 the segment is read, slots under an older key are wrapped anew, all beside the writers, into
//     "seeds-%016x.tmp"                       a crash: the next Open removes that
//   2 with the writers held, what they changed meanwhile is carried over; synced
//   3 it takes the segment's name, synced     a crash: either file is whole
//   4 what was the segment is overwritten with zeros, synced, so that a secret which is erased
//   later
//     does not lie in freed blocks            a crash: it does, under the older key alone
//
// Never in place: half a slot written is a payload lost. A reader that still has the older file
// open may see zeros: Get looks again with the writers held before it says that there is no secret.
// A segment is made only with its first slot, behind the segment before it. One that is missing
// later (a folder not mounted, or emptied) is DataLoss by name, not made anew.
// Thread-safety: Put is called by one thread at a time; Get and Erase by many, also meanwhile.
// Errors: DataLoss for a slot that does not open; NotFound for an empty or erased slot (told apart
// by StateOf); any write or sync error latches the store.
#ifndef AUDITLEDGER_LEDGER_SEED_STORE_H_
#define AUDITLEDGER_LEDGER_SEED_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "ledger/random.h"

namespace auditledger {

inline constexpr uint64_t kSeedSlotsPerSegment = 65536;
inline constexpr size_t kSeedSlotBytes = 64;

// Gives wrapping keys by id. Thread-safe.
class KeyProvider {
 public:
  virtual ~KeyProvider() = default;
  virtual uint16_t current_key_id() const = 0;
  // 32 bytes. NotFound for an unknown id.
  virtual absl::StatusOr<std::string> WrappingKey(uint16_t key_id) const = 0;
  // Told of each use, for whoever counts them (key_use.h).
  virtual void Wrapped(uint16_t /*key_id*/, uint64_t /*secrets*/) const {}
  virtual void Opened(uint16_t /*key_id*/, uint64_t /*secrets*/) const {}
};

class SeedStore {
 public:
  enum class State { kEmpty, kPresent, kErased };

  // Opens or makes the store in `dir` (0700). `keys` and `random` must outlive it.
  static absl::StatusOr<std::unique_ptr<SeedStore>> Open(const std::string& dir,
                                                         const std::string& origin,
                                                         const KeyProvider& keys, Random& random);
  // For fsck and the like, of a folder that is there: changes nothing in it, also where it could
  // not. Put and Erase are FailedPrecondition.
  static absl::StatusOr<std::unique_ptr<SeedStore>> OpenReadOnly(const std::string& dir,
                                                                 const std::string& origin,
                                                                 const KeyProvider& keys);
  virtual ~SeedStore() = default;

  // Wraps and writes secrets for consecutive indices beginning with `first_index` (an empty string
  // leaves a slot empty), and syncs. What stood in these slots is overwritten: they are beyond the
  // committed log.
  virtual absl::Status Put(uint64_t first_index, absl::Span<const std::string> secrets) = 0;
  virtual absl::StatusOr<std::string> Get(uint64_t index) = 0;
  virtual absl::StatusOr<State> StateOf(uint64_t index) = 0;
  // The slots [begin, end), wrapped as they are, for a backup. REQUIRES: all in one segment, and
  // below the committed size: a segment that is missing there is DataLoss.
  virtual absl::StatusOr<std::string> ReadSlots(uint64_t /*begin*/, uint64_t /*end*/) {
    return absl::UnimplementedError("this key store has no slots to copy");
  }
  // Overwrites the slot and syncs. Beside a Put.
  virtual absl::Status Erase(uint64_t index) = 0;
  // Wraps a segment's secrets that are under an older key under the current one; how many. Those
  // that did not open are DataLoss, and the segment stays as it was. NotFound when there is no such
  // segment. Beside all others; one call at a time. The current key must not change meanwhile.
  virtual absl::StatusOr<uint64_t> Rewrap(uint64_t /*segment*/) {
    return absl::UnimplementedError("this key store cannot rewrap");
  }
  // A sync failed, not merely a write: what was written may be lost though it can be read.
  virtual bool SyncFailed() const { return false; }
  // Erase for many, which ascend, with one sync a segment.
  virtual absl::Status EraseAll(absl::Span<const uint64_t> indices);
};

// Of a slot's kSeedSlotBytes. DataLoss when they are none of a slot's.
absl::StatusOr<SeedStore::State> SeedSlotState(absl::string_view slot);

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SEED_STORE_H_
