// Sealing: everything about an event that does not depend on its place in the log. Runs on the
// callers' threads, so that the one committer only orders and writes.
//
// Thread-safety: a Sealer is immutable and may be used by many threads.
#ifndef AUDITLEDGER_LEDGER_SEALER_H_
#define AUDITLEDGER_LEDGER_SEALER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/identity_record.h"
#include "ledger/key_files.h"
#include "ledger/random.h"
#include "merkle/hash.h"
#include "merkle/header.h"
#include "merkle/sha256.h"
#include "merkle/tags.h"

namespace auditledger {

// Seed and signature of an emitter that seals by itself. A seed whose bytes are all equal is not a
// random one and is refused.
struct EmitterSealInput {
  std::string seed;
  EmitterSignature signature;
};

struct SealInput {
  std::string event;  // canonical encoding (units.h), validated by the caller
  // The event as it came, where secrets in `event` are masked: what a repeat is told by, so that it
  // stays one when more is masked than before. Empty: as `event`.
  std::string as_received;
  std::string principal;  // authenticated
  std::string stream_id;
  std::string event_id;
  uint64_t stream_sequence = 0;
  uint64_t flags = 0;
  uint64_t received_at_us = 0;
  std::optional<EmitterSealInput> emitter_seal;
};

// An event ready to be given a place.
struct SealedEvent {
  Mac128 identity_mac{};
  Mac128 event_mac{};
  std::string principal;
  std::string stream_id;
  uint64_t stream_sequence = 0;
  uint64_t flags = 0;
  uint64_t event_time_us = 0;
  std::vector<Hash> tags;
  Hash commitment;
  std::string secret;            // for the key store alone
  std::string seed;              // opens the commitment: for the answer
  std::string header;            // encoded
  std::string payload_record;    // encrypted
  std::string masked_event;      // only with kFlagSecretsMasked: for the answer
  bool may_use_reserve = false;  // says who read payloads (options.h, access_reserve_bytes)
  size_t Bytes() const {
    return payload_record.size() + masked_event.size() + tags.size() * Hash::kSize + 256;
  }
};

class Sealer {
 public:
  // `random` must outlive it.
  Sealer(std::string origin, const LedgerKeys& keys, Random& random);
  // InvalidArgument: the event is not canonical, its tags do not parse, a leaf would be too large,
  // the emitter's signature is wrong. The message names the field.
  absl::StatusOr<SealedEvent> Seal(SealInput input) const;
  // The tag that leaves of events about this key have. InvalidArgument: too long to be one.
  absl::StatusOr<Hash> TagOf(const TagKey& key) const;

 private:
  std::string origin_;
  const HmacKey index_key_;
  const HmacKey dedup_key_;
  Random& random_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_LEDGER_SEALER_H_
