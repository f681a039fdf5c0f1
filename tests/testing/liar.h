// A log's operator who holds its key and tells each victim another history: the true log, and for
// every point a fork of it, all signed by the one key that everybody has pinned.
//
// What it hands out over each surface: heads and receipts of either history (TestLog), add-
// checkpoint bodies and proofs that are put together from both to deceive (Lies, Body), tile
// folders whose tiles are of one history and whose head is of the other (Tiles). Over HTTP it is
// tests/tools/monitor/malicious_server.h, over gRPC tests/api/lying_service.h that serve it.
//
// Example:
//   Liar liar(64);
//   for (const std::vector<Hash>& proof : liar.Lies(5, 40, 64)) ...   // from the true 40 to the
//                                                                     // 64 that fork at entry 5
// Thread-safety: none. Aborts on errors: it runs in tests.
#ifndef AUDITLEDGER_TESTS_TESTING_LIAR_H_
#define AUDITLEDGER_TESTS_TESTING_LIAR_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "merkle/checkpoint.h"
#include "merkle/evidence.h"
#include "merkle/hash.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

class Liar {
 public:
  // Histories of `size` entries each.
  explicit Liar(uint64_t size);

  uint64_t size() const { return size_; }
  TestLog& truth() { return truth_; }
  // Has the truth's first `point` entries and none of those after. Point 0 is another genesis.
  // REQUIRES: point < size().
  TestLog& fork(uint64_t point) { return forks_[point]; }

  static Checkpoint HeadOf(TestLog& log, uint64_t size);

  // Every proof worth trying that the fork's head of `new_size` extends the true one of `old_size`,
  // or the true one of `new_size` that of the fork where `from_fork`: those of both histories, all
  // of one up to some hash and of the other from there, none, one hash more and one fewer.
  std::vector<std::vector<Hash>> Lies(uint64_t point, uint64_t old_size, uint64_t new_size,
                                      bool from_fork = false);
  // The same for the path of one entry, under either history's head.
  std::vector<std::vector<Hash>> PathLies(uint64_t point, uint64_t index, uint64_t tree_size);
  // The body of an add-checkpoint request with one of the proofs.
  static std::string Body(uint64_t old_size, const std::vector<Hash>& proof,
                          const std::string& checkpoint);
  // The single tile (level 0) and, for each, the head it is shown with. REQUIRES: size <= 256.
  static std::string Tile(const TestLog& log, uint64_t size);

  // What somebody writes down who was shown the true head of `true_size` and that of the fork of
  // `fork_size` with its tiles: the proof of misbehaviour (merkle/evidence.h).
  // REQUIRES: point < min of the sizes, and the larger is the fork's where they differ.
  Evidence EvidenceOf(uint64_t point, uint64_t true_size, uint64_t fork_size);

 private:
  const uint64_t size_;
  TestLog truth_;
  std::vector<TestLog> forks_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_LIAR_H_
