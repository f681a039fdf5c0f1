// The tree above the bundles: every tile of level 1 and up against what the bundles lead to, and
// the root. Bundles come in order; memory is one tile for each level.
//
// Thread-safety: an object belongs to one thread.
#ifndef AUDITLEDGER_VERIFIER_TREE_CHECK_H_
#define AUDITLEDGER_VERIFIER_TREE_CHECK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "merkle/hash.h"
#include "merkle/tile.h"
#include "verifier/bundle_check.h"

namespace auditledger {

class TreeCheck {
 public:
  // `findings` must outlive it.
  TreeCheck(std::string dir, Findings& findings) : dir_(std::move(dir)), findings_(findings) {}

  // The next bundle's leaf hashes: 256, fewer for the last.
  void AddBundle(const std::vector<Hash>& leaf_hashes);
  // After the last: compares the partial tiles and returns the root.
  Hash Finish();

 private:
  void Push(size_t level, const Hash& hash);
  void CompareTile(size_t level, uint64_t index, const std::vector<Hash>& hashes);

  const std::string dir_;
  Findings& findings_;
  uint64_t size_ = 0;
  std::vector<Hash> last_bundle_;          // the one that is not full
  std::vector<std::vector<Hash>> levels_;  // right edge from tile level 1 up
};

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_TREE_CHECK_H_
