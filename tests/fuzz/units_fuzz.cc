// Events and lists of units: what cuts joins to itself, what joins cuts to itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "merkle/bytes.h"
#include "merkle/units.h"

namespace {

using namespace auditledger;

void CutThenJoin(absl::string_view event) {
  const absl::StatusOr<std::vector<Unit>> units = CutUnits(event);
  if (!units.ok()) return;
  const absl::StatusOr<std::string> joined = JoinUnits(*units);
  if (!joined.ok() || *joined != event) std::abort();
  EventTimeMicros(*units).IgnoreError();
}

// The same bytes as units: u8 field | u8 occurrence | u8 subfield | u8 len | bytes, again and
// again.
void JoinThenCut(absl::string_view bytes) {
  std::vector<Unit> units;
  ByteReader in(bytes);
  uint8_t field = 0, occurrence = 0, subfield = 0, length = 0;
  absl::string_view content;
  while (in.U8("", field).ok() && in.U8("", occurrence).ok() && in.U8("", subfield).ok() &&
         in.U8("", length).ok() && in.Raw("", length, content).ok()) {
    units.push_back({{field, occurrence, subfield}, std::string(content)});
  }
  const absl::StatusOr<std::string> event = JoinUnits(units);
  if (!event.ok()) return;
  const absl::StatusOr<std::vector<Unit>> cut = CutUnits(*event);
  if (!cut.ok() || *cut != units) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  CutThenJoin(bytes);
  JoinThenCut(bytes);
  return 0;
}
