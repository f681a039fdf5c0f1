// One bundle of an export, three files at once. The first bytes divide the input: width (1), then
// BE16 lengths of entries and tile; the rest is the payload. Length 0 of the tile means the tile
// that fits the entries, so that mutated leaves still can be without findings. A bundle without
// findings must have as many leaf hashes as its width, and every event opened or withheld.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "merkle/leaf.h"
#include "merkle/tile.h"
#include "tests/fuzz/fuzz_log.h"
#include "verifier/bundle_check.h"

namespace {

absl::string_view Take(absl::string_view& rest, size_t count) {
  const absl::string_view taken = rest.substr(0, std::min(count, rest.size()));
  rest.remove_prefix(taken.size());
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 5) return 0;
  static const auditledger::BundleRules& rules = *new auditledger::BundleRules{
      auditledger::FuzzPin(), std::make_shared<const auditledger::HmacKey>(std::string(32, 'i'))};
  absl::string_view rest(reinterpret_cast<const char*>(data) + 5, size - 5);
  auditledger::BundleFiles files;
  files.bundle = 1;
  files.width = uint64_t{data[0]} + 1;
  files.entries = std::string(Take(rest, static_cast<size_t>(data[1] << 8 | data[2])));
  files.tile = std::string(Take(rest, static_cast<size_t>(data[3] << 8 | data[4])));
  if (files.tile->empty()) {
    const auto entries = auditledger::ParseEntryBundle(*files.entries, files.width);
    if (!entries.ok()) return 0;
    for (const std::string& entry : *entries) {
      const auditledger::Hash hash = auditledger::LeafHash(entry);
      files.tile->append(hash.view().data(), auditledger::Hash::kSize);
    }
  }
  if (!rest.empty()) files.payload = std::string(rest);
  auditledger::BundleResult result = auditledger::CheckBundle(rules, files);
  if (!result.findings.empty()) return 0;
  if (result.leaf_hashes.size() != files.width) std::abort();
  const uint64_t events = result.kinds[1] + result.kinds[6];
  if (result.opened + result.withheld.size() != events) std::abort();
  return 0;
}
