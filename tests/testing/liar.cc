#include "tests/testing/liar.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "merkle/proof.h"
#include "merkle/tlog_proof.h"

namespace auditledger::testing {
namespace {

// Events of the true history have small numbers, those that only a fork has large ones.
constexpr uint64_t kForkedEvents = 1000;

TestLog WithEvents(TestLog log, uint64_t point, uint64_t size) {
  while (log.size() < size) {
    log.AddEvent(TestEvent(log.size() < point ? log.size() : log.size() + kForkedEvents));
  }
  return log;
}

TestLog OtherGenesis() {
  TestLog::Options options;
  options.index_key = std::string(32, 'j');
  return TestLog(options);
}

// All of `a` up to some hash and of `b` from there, for each place to change; both ways round.
std::vector<std::vector<Hash>> Mixed(const std::vector<Hash>& a, const std::vector<Hash>& b) {
  std::vector<std::vector<Hash>> out = {{}};
  const size_t length = std::min(a.size(), b.size());
  for (const auto& [first, second] : {std::pair(&a, &b), std::pair(&b, &a)}) {
    for (size_t change = 0; change <= length; ++change) {
      std::vector<Hash> mixed(first->begin(), first->begin() + static_cast<ptrdiff_t>(change));
      mixed.insert(mixed.end(), second->begin() + static_cast<ptrdiff_t>(change), second->end());
      out.push_back(std::move(mixed));
    }
    std::vector<Hash> longer = *first;
    longer.push_back(longer.empty() ? EmptyRoot() : longer.back());
    out.push_back(longer);
    if (!first->empty()) out.emplace_back(first->begin(), first->end() - 1);
  }
  return out;
}

}  // namespace

Liar::Liar(uint64_t size) : size_(size), truth_(WithEvents(TestLog(), size, size)) {
  forks_.reserve(size);
  for (uint64_t point = 0; point < size; ++point) {
    forks_.push_back(WithEvents(point == 0 ? OtherGenesis() : TestLog(), point, size));
  }
}

Checkpoint Liar::HeadOf(TestLog& log, uint64_t size) {
  Checkpoint head;
  head.origin = log.origin();
  head.size = size;
  head.root = log.RootAt(size);
  return head;
}

std::vector<std::vector<Hash>> Liar::Lies(uint64_t point, uint64_t old_size, uint64_t new_size,
                                          bool from_fork) {
  TestLog& older = from_fork ? fork(point) : truth_;
  TestLog& newer = from_fork ? truth_ : fork(point);
  std::vector<std::vector<Hash>> lies = Mixed(ConsistencyProof(old_size, new_size, older).value(),
                                              ConsistencyProof(old_size, new_size, newer).value());
  lies.push_back({older.RootAt(old_size), newer.RootAt(new_size)});
  return lies;
}

std::vector<std::vector<Hash>> Liar::PathLies(uint64_t point, uint64_t index, uint64_t tree_size) {
  return Mixed(InclusionProof(index, tree_size, truth_).value(),
               InclusionProof(index, tree_size, fork(point)).value());
}

std::string Liar::Body(uint64_t old_size, const std::vector<Hash>& proof,
                       const std::string& checkpoint) {
  CheckpointUpdate update;
  update.old_size = old_size;
  update.proof = proof;
  update.checkpoint = checkpoint;
  return FormatCheckpointUpdate(update);
}

std::string Liar::Tile(const TestLog& log, uint64_t size) {
  std::string bytes;
  for (uint64_t i = 0; i < size; ++i) absl::StrAppend(&bytes, LeafHash(log.leaves()[i]).view());
  return bytes;
}

Evidence Liar::EvidenceOf(uint64_t point, uint64_t true_size, uint64_t fork_size) {
  Evidence evidence;
  evidence.kind = true_size == fork_size ? Evidence::Kind::kFork : Evidence::Kind::kHistory;
  evidence.first = truth_.CheckpointAt(true_size);
  evidence.second = fork(point).CheckpointAt(fork_size);
  if (true_size == fork_size) return evidence;
  evidence.prefix = fork(point).RootAt(true_size);
  evidence.proof = ConsistencyProof(true_size, fork_size, fork(point)).value();
  return evidence;
}

}  // namespace auditledger::testing
