// Bodies of the ledger's own entries: what parses encodes to the same bytes, under each parser.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "merkle/erasure_entries.h"
#include "merkle/index_head.h"
#include "merkle/system_entries.h"

namespace {

using namespace auditledger;

void Same(const absl::StatusOr<std::string>& encoded, absl::string_view bytes) {
  if (!encoded.ok() || *encoded != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto genesis = ParseGenesis(bytes); genesis.ok()) Same(EncodeGenesis(*genesis), bytes);
  if (const auto conflict = ParseConflict(bytes); conflict.ok()) {
    Same(EncodeConflict(*conflict), bytes);
  }
  if (const auto action = ParseOperatorAction(bytes); action.ok()) {
    Same(EncodeOperatorAction(*action), bytes);
  }
  if (const auto freeze = ParseFreeze(bytes); freeze.ok()) Same(EncodeFreeze(*freeze), bytes);
  if (const auto step = ParseClockStep(bytes); step.ok()) Same(EncodeClockStep(*step), bytes);
  if (const auto anchor = ParseAnchor(bytes); anchor.ok()) Same(EncodeAnchor(*anchor), bytes);
  if (const auto erasure = ParseErasure(bytes); erasure.ok()) Same(EncodeErasure(*erasure), bytes);
  if (const auto request = ParseErasureRequest(bytes); request.ok()) {
    Same(EncodeErasureRequest(*request), bytes);
  }
  if (const auto head = ParseIndexHead(bytes); head.ok()) Same(EncodeIndexHead(*head), bytes);
  if (const auto hold = ParseLegalHold(bytes); hold.ok()) Same(EncodeLegalHold(*hold), bytes);
  return 0;
}
