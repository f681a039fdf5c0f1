// What a stranger can do with the installed package: check a proof, and read a message.
#include <cstdio>
#include <vector>

#include "auditledger/v1/proof.pb.h"
#include "merkle/hash.h"
#include "merkle/verify.h"

int main() {
  using auditledger::Hash;
  const Hash left = auditledger::LeafHash("left");
  const Hash right = auditledger::LeafHash("right");
  const Hash root = auditledger::NodeHash(left, right);
  const std::vector<Hash> proof = {right};
  const bool proven = auditledger::VerifyInclusion(0, 2, left, proof, root).ok();
  const bool forged = auditledger::VerifyInclusion(1, 2, left, proof, root).ok();
  std::printf("proven: %d, forged: %d, message: %s\n", proven, forged,
              auditledger::v1::Receipt::descriptor()->full_name().c_str());
  return proven && !forged ? 0 : 1;
}
