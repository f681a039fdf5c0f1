// SHA-256 of many messages that do not depend on each other: where the processor can, sixteen are
// hashed side by side, in less than half of the time (sha256_lanes.h); elsewhere one by one.
//
// Example:
//   Sha256Batch batch;
//   for (const std::string& leaf : leaves) batch.Add({"\0"sv, leaf});
//   std::vector<Hash> hashes(batch.size());
//   batch.Finish(absl::MakeSpan(hashes));
//
// It pays from some eight messages on; their lengths may differ. What is added is copied.
//
// Thread-safety: an object belongs to one thread. Errors: none.
// Secrets: the copies are wiped by Finish and the destructor; the memory is kept for the next
// batch.
#ifndef AUDITLEDGER_MERKLE_SHA256_BATCH_H_
#define AUDITLEDGER_MERKLE_SHA256_BATCH_H_

#include <cstddef>
#include <initializer_list>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "merkle/hash.h"

namespace auditledger {

class Sha256Batch {
 public:
  Sha256Batch();
  // Tests compare both ways. REQUIRES: HaveSha256Lanes() if `side_by_side`.
  explicit Sha256Batch(bool side_by_side) : side_by_side_(side_by_side) {}
  ~Sha256Batch();
  Sha256Batch(const Sha256Batch&) = delete;
  Sha256Batch& operator=(const Sha256Batch&) = delete;

  // One more message: the concatenation of `pieces`.
  void Add(std::initializer_list<absl::string_view> pieces);
  size_t size() const { return messages_.size(); }
  // The digests in the order of Add; the batch is empty then. REQUIRES: as many as size().
  void Finish(absl::Span<Hash> digests);

 private:
  class Lanes;
  struct Message {
    size_t begin = 0;   // in `bytes_`
    size_t blocks = 0;  // padding included
  };
  void Grow();
  void Wipe();

  const bool side_by_side_;
  std::vector<unsigned char> bytes_;  // closed messages, one behind the other
  size_t used_ = 0;                   // of them
  std::vector<Message> messages_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_MERKLE_SHA256_BATCH_H_
