// A tile has one path: what parses prints back, and what is printed parses.
#include "merkle/frontier.h"
#include "merkle/tile.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const absl::string_view input = FuzzInput(data, size);
  const auto parsed = ParseTilePath(input);
  if (parsed.ok()) {
    FUZZ_CHECK(parsed->width >= 1 && parsed->width <= kTileWidth && parsed->id.level < 64);
    FUZZ_CHECK((parsed->entries ? EntriesPath(parsed->id.index, parsed->width)
                                : TilePath(parsed->id, parsed->width)) == input);
  }
  if (size < 10) return 0;
  uint64_t index = 0;
  for (size_t i = 0; i < 8; ++i) index = index << 8 | data[i];
  const TileId id{static_cast<uint8_t>(data[8] % 64), index & kMaxTreeSize};
  const auto back = ParseTilePath(TilePath(id, uint64_t{1} + data[9]));
  FUZZ_CHECK(back.ok() && back->id == id && back->width == uint64_t{1} + data[9]);
  return 0;
}
