// A policy that parses has a quorum that all witnesses together meet and nobody meets alone, and
// whose smallest overlap they bound.
#include "merkle/policy.h"

#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace auditledger;
  const auto policy = Policy::Parse(FuzzInput(data, size));
  if (!policy.ok()) return 0;
  std::vector<size_t> all;
  for (size_t i = 0; i < policy->witnesses().size(); ++i) all.push_back(i);
  FUZZ_CHECK(policy->CheckQuorum(all).ok());
  FUZZ_CHECK(policy->CheckQuorum({}).ok() == policy->asks_for_no_witness());
  FUZZ_CHECK(policy->SmallestQuorumOverlap() <= all.size());
  FUZZ_CHECK(policy->DishonestWitnessesSurvived() >= -1);
  FUZZ_CHECK(!policy->ExplainSurvived().empty());
  // One witness alone and all the others: two quorums that share nobody.
  for (size_t left_out : all) {
    std::vector<size_t> rest = all;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(left_out));
    const size_t alone[] = {left_out};
    if (policy->CheckQuorum(alone).ok() && policy->CheckQuorum(rest).ok()) {
      FUZZ_CHECK(policy->SmallestQuorumOverlap() == 0);
    }
  }
  return 0;
}
