// A small tree whose proofs are known, and proofs altered by fuzz input, for the proof verifiers'
// targets.
#ifndef AUDITLEDGER_TESTS_FUZZ_FUZZ_TREE_H_
#define AUDITLEDGER_TESTS_FUZZ_FUZZ_TREE_H_

#include <fuzzer/FuzzedDataProvider.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "merkle/frontier.h"
#include "merkle/tile.h"

namespace auditledger {

inline constexpr uint64_t kFuzzTreeSize = 300;  // over a tile

// The tree's nodes, as tiles in memory.
class FuzzTree : public TileReader {
 public:
  FuzzTree() {
    roots_.push_back(EmptyRoot());
    for (uint64_t i = 0; i < kFuzzTreeSize; ++i) {
      leaves_.push_back(LeafHash(absl::StrCat("leaf ", i)));
      frontier_.Append(leaves_.back(), [this](NodeId id, const Hash& hash) {
        if (id.level % kTileHeight != 0) return;
        const TileId tile{static_cast<uint8_t>(id.level / kTileHeight), id.index / kTileWidth};
        tiles_[tile].append(hash.view().data(), Hash::kSize);
      });
      roots_.push_back(frontier_.Root());
    }
  }
  absl::StatusOr<std::string> ReadTile(TileId id, uint64_t) override { return tiles_.at(id); }
  const std::vector<Hash>& leaves() const { return leaves_; }
  const Hash& Root(uint64_t size) const { return roots_.at(size); }

 private:
  Frontier frontier_;
  std::vector<Hash> leaves_;
  std::vector<Hash> roots_;
  std::map<TileId, std::string> tiles_;
};

inline FuzzTree& TheFuzzTree() {
  static FuzzTree& tree = *new FuzzTree;
  return tree;
}

// A few of: a hash replaced by one of the tree's or changed by a bit, added, removed, two swapped.
inline void Alter(FuzzedDataProvider& in, std::vector<Hash>& hashes) {
  for (int n = in.ConsumeIntegralInRange<int>(0, 3); n > 0; --n) {
    const size_t at = in.ConsumeIntegralInRange<size_t>(0, hashes.size());
    const Hash other = TheFuzzTree().Root(in.ConsumeIntegralInRange<uint64_t>(0, kFuzzTreeSize));
    const auto place = hashes.begin() + static_cast<ptrdiff_t>(at);
    const int how = in.ConsumeIntegralInRange<int>(0, 4);
    if (how == 0 || at == hashes.size()) {
      hashes.insert(place, other);
    } else if (how == 1) {
      hashes.erase(place);
    } else if (how == 2) {
      *place = other;
    } else if (how == 3) {
      const auto bit = in.ConsumeIntegral<uint8_t>();
      place->bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    } else {
      std::swap(*place, hashes.front());
    }
  }
}

}  // namespace auditledger

#endif  // AUDITLEDGER_TESTS_FUZZ_FUZZ_TREE_H_
