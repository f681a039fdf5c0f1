// Whatever stands in the signer's state file: a slot that parses is the only encoding of what it
// says, and a whole file is read as one of its slots.
#include <string>

#include "ledger/crc32c.h"
#include "ledger/signer_state.h"
#include "merkle/bytes.h"
#include "tests/fuzz/fuzz_check.h"

namespace auditledger {
namespace {

constexpr size_t kCovered = 100;  // what the CRC is over

// Pads the input to a slot and, as no fuzzer guesses a CRC, mends it on demand.
std::string SlotFrom(absl::string_view bytes, bool mend) {
  std::string slot(bytes.substr(0, kSignerSlotBytes));
  slot.resize(kSignerSlotBytes, '\0');
  if (!mend) return slot;
  std::string crc;
  PutU32(crc, Crc32c(absl::string_view(slot).substr(0, kCovered)));
  return slot.replace(kCovered, crc.size(), crc);
}

}  // namespace
}  // namespace auditledger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  if (size == 0) return 0;
  const absl::string_view bytes = FuzzInput(data + 1, size - 1);
  const std::string slot = SlotFrom(bytes, (data[0] & 1) != 0);
  const absl::StatusOr<SignerState> state = ParseSignerSlot(slot);
  if (state.ok()) FUZZ_CHECK(EncodeSignerSlot(*state) == slot);

  const std::string other = EncodeSignerSlot(SignerState{});
  const absl::StatusOr<SignerState> file = ParseSignerState(slot + other);
  FUZZ_CHECK(file.ok());  // the other slot is good
  FUZZ_CHECK(*file == SignerState{} || (state.ok() && *file == *state));
  FUZZ_CHECK(!ParseSignerState(bytes).ok() || bytes.size() == kSignerSlots * kSignerSlotBytes);
  return 0;
}
