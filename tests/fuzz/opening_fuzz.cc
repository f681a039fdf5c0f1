// Openings, receipt extras and payload bundles: what parses encodes to the same bytes, and an
// opening verifies against the leaf made of it and against no other.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "merkle/commitment.h"
#include "merkle/header.h"
#include "merkle/opening.h"
#include "merkle/tags.h"

namespace {

using namespace auditledger;

void Same(const absl::StatusOr<std::string>& encoded, absl::string_view bytes) {
  if (!encoded.ok() || *encoded != bytes) std::abort();
}

bool SameIdentity(absl::string_view bytes, const absl::StatusOr<EventIdentity>& event) {
  const EntryHeader header = ParseHeader(bytes).value();
  return event.ok() &&
         *event == EventIdentity{header.event_id, header.stream_id, header.stream_sequence};
}

// The opening with a header that says of the event what the event says, which chance rarely makes.
Opening Matching(Opening opening) {
  const absl::StatusOr<std::vector<Unit>> units = CutUnits(opening.event);
  absl::StatusOr<EntryHeader> header = ParseHeader(opening.header);
  if (!units.ok() || !header.ok()) return opening;
  const absl::StatusOr<EventIdentity> identity = ReadEventIdentity(*units);
  if (!identity.ok()) return opening;
  header->event_id = identity->event_id;
  header->stream_id = identity->stream_id;
  header->stream_sequence = identity->stream_sequence;
  const absl::StatusOr<std::string> encoded = EncodeHeader(*header);
  if (encoded.ok() && encoded->size() <= 65535) opening.header = *encoded;
  return opening;
}

void Open(const Opening& opening) {
  const std::string index_key(kIndexKeyBytes, 'k');
  const absl::StatusOr<std::vector<Unit>> units = CutUnits(opening.event);
  Leaf leaf;
  leaf.commitment.emplace();
  if (!units.ok() || !ParseHeader(opening.header).ok()) {
    if (VerifyOpening(leaf, opening, index_key).ok()) std::abort();
    return;
  }
  const absl::StatusOr<uint64_t> time = EventTimeMicros(*units);
  const absl::StatusOr<std::vector<Hash>> tags = DeriveTags(HmacKey(index_key), *units);
  if (time.ok()) leaf.event_time_us = *time;
  if (tags.ok()) leaf.tags = *tags;
  leaf.commitment = EntryCommitment(HeaderHash(opening.seed, opening.header),
                                    EventCommitment(DigestUnits(opening.seed, *units)));
  const bool readable = time.ok() && tags.ok();
  const bool same = SameIdentity(opening.header, ReadEventIdentity(*units));
  if (VerifyOpening(leaf, opening, index_key).ok() != (readable && same)) std::abort();
  leaf.commitment->bytes[7] ^= 1;
  if (VerifyOpening(leaf, opening, std::nullopt).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto opening = ParseOpening(bytes); opening.ok()) {
    Same(EncodeOpening(*opening), bytes);
    Open(*opening);
    Open(Matching(*opening));
  }
  if (const auto extra = ParseReceiptExtra(bytes); extra.ok()) {
    Same(EncodeReceiptExtra(*extra), bytes);
  }
  if (bytes.empty()) return 0;
  const uint64_t width = static_cast<uint8_t>(bytes[0]);  // 0 is refused
  if (const auto bundle = ParsePayloadBundle(bytes.substr(1), width); bundle.ok()) {
    Same(EncodePayloadBundle(*bundle), bytes.substr(1));
  }
  return 0;
}
