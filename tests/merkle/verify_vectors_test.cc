// Every public inclusion, consistency and subtree case, most of them hostile.
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "merkle/status_macros.h"
#include "merkle/verify.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::auditledger::testing::HashesFromBase64;
using ::auditledger::testing::HashFromBase64;
using nlohmann::json;

using Verify = std::function<absl::Status(const json& test)>;

struct Tally {
  int accepted = 0;
  int refused = 0;
  std::set<std::string> skipped;
};

// Runs a file; `skip` names cases to accept that a verifier of 32-byte hashes cannot be asked.
Tally RunVectors(const std::string& file, const std::set<std::string>& skip, const Verify& verify) {
  Tally tally;
  for (const json& test : testing::ReadVectorLines(file)) {
    const std::string path = test["file"];
    const std::string name = path.substr(path.rfind('/') + 1);
    if (skip.count(name) > 0) {
      tally.skipped.insert(name);
      continue;
    }
    const absl::Status status = verify(test);
    const bool want_error = test["wantErr"];
    EXPECT_EQ(status.ok(), !want_error) << path << ": " << status;
    EXPECT_EQ(status.message().empty(), status.ok()) << path << ": refused without reason";
    ++(status.ok() ? tally.accepted : tally.refused);
  }
  return tally;
}

TEST(VerifyVectorsTest, Inclusion) {
  REQUIRE_SHARED(testing::VectorPath("merkle/inclusion.jsonl"));
  const Tally tally = RunVectors("merkle/inclusion.jsonl", {}, [](const json& t) -> absl::Status {
    ASSIGN_OR_RETURN(const Hash root, HashFromBase64(t["root"]));
    ASSIGN_OR_RETURN(const Hash leaf, HashFromBase64(t["leafHash"]));
    ASSIGN_OR_RETURN(const std::vector<Hash> proof, HashesFromBase64(t["proof"]));
    return VerifyInclusion(t["leafIdx"], t["treeSize"], leaf, proof, root);
  });
  EXPECT_EQ(tally.accepted, 6);
  EXPECT_EQ(tally.refused, 92);
}

TEST(VerifyVectorsTest, Consistency) {
  REQUIRE_SHARED(testing::VectorPath("merkle/consistency.jsonl"));
  // Compares two equal roots of twelve bytes.
  const std::set<std::string> skip = {"sizes-are-equal-one-and-proof-is-empty.json"};
  const Tally tally =
      RunVectors("merkle/consistency.jsonl", skip, [](const json& t) -> absl::Status {
        ASSIGN_OR_RETURN(const Hash root1, HashFromBase64(t["root1"]));
        ASSIGN_OR_RETURN(const Hash root2, HashFromBase64(t["root2"]));
        ASSIGN_OR_RETURN(const std::vector<Hash> proof, HashesFromBase64(t["proof"]));
        return VerifyConsistency(t["size1"], root1, t["size2"], root2, proof);
      });
  EXPECT_EQ(tally.accepted, 5);
  EXPECT_EQ(tally.refused, 92);
  EXPECT_EQ(tally.skipped, skip);
}

TEST(VerifyVectorsTest, SubtreeInclusion) {
  REQUIRE_SHARED(testing::VectorPath("merkle/subtreeinclusion.jsonl"));
  const Tally tally =
      RunVectors("merkle/subtreeinclusion.jsonl", {}, [](const json& t) -> absl::Status {
        ASSIGN_OR_RETURN(const Hash root, HashFromBase64(t["root"]));
        ASSIGN_OR_RETURN(const Hash leaf, HashFromBase64(t["leafHash"]));
        ASSIGN_OR_RETURN(const std::vector<Hash> proof, HashesFromBase64(t["proof"]));
        return VerifySubtreeInclusion(t["leafIdx"], {t["start"], t["end"]}, leaf, proof, root);
      });
  EXPECT_EQ(tally.accepted, 12);
  EXPECT_EQ(tally.refused, 192);
}

TEST(VerifyVectorsTest, SubtreeConsistency) {
  REQUIRE_SHARED(testing::VectorPath("merkle/subtreeconsistency.jsonl"));
  const std::set<std::string> skip = {"sizes-are-equal-one-and-proof-is-empty.json"};
  int replaced = 0;
  const Tally tally =
      RunVectors("merkle/subtreeconsistency.jsonl", skip, [&](const json& t) -> absl::Status {
        ASSIGN_OR_RETURN(const Hash root1, HashFromBase64(t["root1"]));
        // Nothing is said about the tree when the subtree is empty: the two good cases whose tree
        // root is "random" have one of twelve bytes, and any of 32 serves as well.
        absl::StatusOr<Hash> root2 = HashFromBase64(t["root2"]);
        if (!root2.ok() && !t["wantErr"].get<bool>()) {
          EXPECT_EQ(t["start"], t["end"]) << t["file"];
          root2 = LeafHash("random");
          ++replaced;
        }
        if (!root2.ok()) return root2.status();
        ASSIGN_OR_RETURN(const std::vector<Hash> proof, HashesFromBase64(t["proof"]));
        return VerifySubtreeConsistency({t["start"], t["end"]}, root1, t["size"], *root2, proof);
      });
  EXPECT_EQ(tally.accepted, 11);
  EXPECT_EQ(tally.refused, 106);
  EXPECT_EQ(tally.skipped, skip);
  EXPECT_EQ(replaced, 2);
}

}  // namespace
}  // namespace auditledger
