#include "ledger/sealer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "ledger/payload_cipher.h"
#include "ledger/secret_string.h"
#include "merkle/commitment.h"
#include "merkle/ed25519_verify.h"
#include "merkle/leaf.h"
#include "merkle/status_macros.h"
#include "merkle/tags.h"
#include "merkle/units.h"

namespace auditledger {
namespace {

absl::Status CheckEmitterSeed(absl::string_view seed) {
  if (seed.size() != kSeedBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("emitter_seal.seed: needs ", kSeedBytes, " bytes, has ", seed.size()));
  }
  if (seed.find_first_not_of(seed[0]) == absl::string_view::npos) {
    return absl::InvalidArgumentError("emitter_seal.seed: its bytes are all equal, not random");
  }
  return absl::OkStatus();
}

absl::Status CheckEmitterSignature(absl::string_view origin, const SealInput& input,
                                   const Hash& event_commitment) {
  const EmitterSignature& signature = input.emitter_seal->signature;
  const absl::Status status = VerifyEd25519(
      signature.public_key, EmitMessage(origin, input.stream_id, input.event_id, event_commitment),
      signature.signature);
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat("emitter_seal.signature: ", status.message()));
}

// Every event's leaf fits, also as evidence of a conflict, whose leaf has a body.
constexpr size_t kLeafBytesBesideTags = 256;
static_assert(kMaxTags * Hash::kSize + kLeafBytesBesideTags <= kMaxLeafBytes);

// Takes over the strings that the header names.
EntryHeader MakeHeader(SealInput& input) {
  EntryHeader header;
  header.received_at_us = input.received_at_us;
  header.flags = input.flags;
  header.principal = std::move(input.principal);
  header.stream_id = std::move(input.stream_id);
  header.event_id = std::move(input.event_id);
  header.stream_sequence = input.stream_sequence;
  if (input.emitter_seal.has_value()) header.signature = input.emitter_seal->signature;
  return header;
}

}  // namespace

Sealer::Sealer(std::string origin, const LedgerKeys& keys, Random& random)
    : origin_(std::move(origin)),
      index_key_(keys.index_key.Reveal()),
      dedup_key_(keys.dedup_key.Reveal()),
      random_(random) {}

absl::StatusOr<Hash> Sealer::TagOf(const TagKey& key) const {
  constexpr size_t kMaxKeyBytes = 65535;
  if (key.system.size() > kMaxKeyBytes || key.id.size() > kMaxKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a key of over ", kMaxKeyBytes, " bytes"));
  }
  return DeriveTag(index_key_, key);
}

absl::StatusOr<SealedEvent> Sealer::Seal(SealInput input) const {
  ASSIGN_OR_RETURN(const std::vector<UnitView> units, CutUnitViews(input.event));
  SealedEvent sealed;
  ASSIGN_OR_RETURN(sealed.event_time_us, EventTimeMicros(units));
  ASSIGN_OR_RETURN(sealed.tags, DeriveTags(index_key_, units));

  sealed.secret = random_.Bytes(kEntrySecretBytes);
  const PayloadKeys keys(sealed.secret);
  if (input.emitter_seal.has_value()) {
    RETURN_IF_ERROR(CheckEmitterSeed(input.emitter_seal->seed));
    sealed.seed = input.emitter_seal->seed;
  } else {
    sealed.seed = keys.CommitmentSeed();
  }
  const Hash event_commitment = EventCommitment(DigestUnits(sealed.seed, units));
  if (input.emitter_seal.has_value()) {
    RETURN_IF_ERROR(CheckEmitterSignature(origin_, input, event_commitment));
  }

  EntryHeader header = MakeHeader(input);
  ASSIGN_OR_RETURN(sealed.header, EncodeHeader(header));
  sealed.commitment = EntryCommitment(HeaderHash(sealed.seed, sealed.header), event_commitment);

  sealed.identity_mac =
      IdentityMac(dedup_key_, header.principal, header.stream_id, header.event_id);
  sealed.event_mac = EventMac(dedup_key_, sealed.identity_mac,
                              input.as_received.empty() ? input.event : input.as_received);
  ASSIGN_OR_RETURN(sealed.payload_record,
                   keys.Encrypt(random_.Bytes(kPayloadNonceBytes), origin_, sealed.commitment,
                                {sealed.seed, sealed.header, input.event}));
  sealed.principal = std::move(header.principal);
  sealed.stream_id = std::move(header.stream_id);
  sealed.stream_sequence = input.stream_sequence;
  sealed.flags = input.flags;
  if (input.flags & kFlagSecretsMasked) sealed.masked_event = std::move(input.event);
  WipeString(input.as_received);
  return sealed;
}

}  // namespace auditledger
