// The changes of a log's key as a text: what a head, a receipt or a proof is given with, when its
// log's key was rotated (key_chain.h), and how whoever holds a log remembers them.
//
//   auditledger/key-changes/v1 LF
//   origin LF
//   size LF                     of the head that the inclusion proofs lead to; 0: none are given
//   for each change, indexes ascending:
//     index SP base64(leaf) LF
//     base64(hash) LF *         its inclusion proof in the tree of `size`
//
// Without proofs it says which changes there are and not that they are in a log: that is then
// known otherwise (the whole log is there, or a head that holds them was seen before).
//
// Strict: what parses formats back to the same bytes. Limits: kMaxKeyChanges changes, 63 hashes
// each. Thread-safety: values and pure functions. Errors: InvalidArgument naming the line's part.
// Source: shared/design.md 6.
#ifndef AUDITLEDGER_MERKLE_KEY_CHANGE_LIST_H_
#define AUDITLEDGER_MERKLE_KEY_CHANGE_LIST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "merkle/key_chain.h"

namespace auditledger {

// 256 changes: a leaf of 222 bytes and 63 hashes take 3.2 KiB as base64.
inline constexpr size_t kMaxKeyChangeListBytes = size_t{1} << 20;

struct KeyChangeList {
  std::string origin;
  uint64_t size = 0;
  std::vector<LoggedKeyChange> changes;
};
std::string FormatKeyChangeList(const KeyChangeList& list);
absl::StatusOr<KeyChangeList> ParseKeyChangeList(absl::string_view text);

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_KEY_CHANGE_LIST_H_
