// Covers: merkle/policy, merkle/policy_parser
#include "merkle/policy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>

#include "absl/strings/str_cat.h"
#include "merkle/bytes.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"
#include "tests/testing/vectors.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::auditledger::testing::ReadVectors;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::VectorPath;
using ::testing::HasSubstr;

std::string VkeyOf(uint8_t seed, uint8_t type, const std::string& name) {
  return NoteVerifier::FromEd25519(name, testing::TestPublicKey(seed), type)->ToVkey();
}
std::string Witness(uint8_t seed) {
  static std::map<uint8_t, std::string> made;  // a key each is slow in the search below
  std::string& vkey = made[seed];
  if (vkey.empty()) vkey = VkeyOf(seed, kNoteEd25519Cosignature, absl::StrCat("witness", seed));
  return vkey;
}
std::string Log(uint8_t seed) { return VkeyOf(seed, kNoteEd25519, absl::StrCat("log", seed)); }

// Lines "witness w1 <vkey>" to w<count>.
std::string Witnesses(uint8_t count) {
  std::string lines;
  for (uint8_t i = 1; i <= count; ++i)
    absl::StrAppend(&lines, "witness w", i, " ", Witness(i), "\n");
  return lines;
}

Policy MustParse(const std::string& text) {
  absl::StatusOr<Policy> policy = Policy::Parse(text);
  EXPECT_OK(policy) << text;
  return *std::move(policy);
}

TEST(PolicyTest, TheFormatsExampleReads) {
  const std::string text = absl::StrCat(
      "# of two organisations\n log  ", Log(9), "\thttps://log.example/ \n\n", Witnesses(6),
      "group X-witnesses 2 w1 w2 w3\n  # and the other\ngroup Y-witnesses any w4 w5 w6\n"
      "group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n");
  ASSERT_OK_AND_ASSIGN(const Policy policy, Policy::Parse(text));
  ASSERT_EQ(policy.logs().size(), 1u);
  EXPECT_EQ(policy.logs()[0].key.ToVkey(), Log(9));
  EXPECT_EQ(policy.logs()[0].url, "https://log.example/");
  ASSERT_EQ(policy.witnesses().size(), 6u);
  EXPECT_EQ(policy.witnesses()[5].name, "w6");
  EXPECT_EQ(policy.witnesses()[5].url, "");
  EXPECT_EQ(policy.WitnessKeys()[1].ToVkey(), Witness(2));

  EXPECT_OK(policy.CheckQuorum({0, 2, 4}));
  EXPECT_OK(policy.CheckQuorum({4, 4, 2, 0, 1, 3, 5}));
  EXPECT_THAT(policy.CheckQuorum({0, 3, 4, 5}),
              StatusIs(StatusCode::kFailedPrecondition,
                       "quorum not met: X-and-Y has 1 of the 2 it needs (X-witnesses has 1 of the "
                       "2 it needs (w2 has not cosigned, w3 has not cosigned))"));
  EXPECT_THAT(policy.CheckQuorum({0, 0, 3}), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(policy.CheckQuorum({}), StatusIs(StatusCode::kFailedPrecondition));
  // Two of three share one; any of three share nobody.
  EXPECT_EQ(policy.SmallestQuorumOverlap(), 1u);
  EXPECT_EQ(policy.ExplainSurvived(),
            "2 of (2 of 3, 1 of 3): two quorums share at least 1 witness, f = 1 - 1 = 0");
}

TEST(PolicyTest, OneWitnessIsAQuorum) {
  const Policy policy = MustParse(Witnesses(2) + "quorum w2\n");
  EXPECT_OK(policy.CheckQuorum({1}));
  EXPECT_THAT(policy.CheckQuorum({0}),
              StatusIs(StatusCode::kFailedPrecondition, "quorum not met: w2 has not cosigned"));
  EXPECT_EQ(policy.ExplainSurvived(), "w2: two quorums share at least 1 witness, f = 1 - 1 = 0");
}

TEST(PolicyTest, NoneAsksForNobody) {
  const Policy policy = MustParse("quorum none\n");
  EXPECT_TRUE(policy.asks_for_no_witness());
  EXPECT_OK(policy.CheckQuorum({}));
  EXPECT_EQ(policy.DishonestWitnessesSurvived(), -1);
  EXPECT_THAT(policy.ExplainSurvived(), HasSubstr("no witness"));
  EXPECT_FALSE(MustParse(Witnesses(1) + "quorum w1\n").asks_for_no_witness());
}

// The table of reliability.md 1.2, and its edges.
TEST(PolicyTest, KOfNSurvivesTwoKLessNLessOne) {
  for (uint8_t n = 1; n <= 9; ++n) {
    for (uint8_t k = 1; k <= n; ++k) {
      std::string text = absl::StrCat(Witnesses(n), "group g ", k);
      for (uint8_t i = 1; i <= n; ++i) absl::StrAppend(&text, " w", i);
      const Policy policy = MustParse(text + "\nquorum g\n");
      EXPECT_EQ(policy.DishonestWitnessesSurvived(), std::max(2 * k - n - 1, -1)) << text;
    }
  }
  EXPECT_EQ(MustParse(Witnesses(5) + "group g 4 w1 w2 w3 w4 w5\nquorum g\n").ExplainSurvived(),
            "4 of 5: two quorums share at least 3 witnesses, f = 3 - 1 = 2");
}

// A tree of groups over witnesses 0 to n - 1, judged without Policy.
struct Shape {
  uint32_t witnesses = 1;
  uint32_t threshold = 0;  // 0: a witness
  std::vector<Shape> members;

  bool Holds(uint32_t cosigned, uint32_t first) const {
    if (threshold == 0) return (cosigned >> first & 1) != 0;
    uint32_t reached = 0;
    for (const Shape& member : members) {
      if (member.Holds(cosigned, first)) ++reached;
      first += member.witnesses;
    }
    return reached >= threshold;
  }
  // The name of this node; its line and those before it go to `text`.
  std::string Write(uint32_t first, uint32_t& groups, std::string& text) const {
    if (threshold == 0) return absl::StrCat("w", first + 1);
    std::string names;
    for (const Shape& member : members) {
      absl::StrAppend(&names, " ", member.Write(first, groups, text));
      first += member.witnesses;
    }
    const std::string name = absl::StrCat("g", ++groups);
    absl::StrAppend(&text, "group ", name, " ", threshold, names, "\n");
    return name;
  }
};

std::vector<Shape> Shapes(uint32_t witnesses, uint32_t depth);

// Lists of members with so many witnesses together, none larger than the one before.
std::vector<std::vector<Shape>> Members(uint32_t witnesses, uint32_t largest, uint32_t depth) {
  if (witnesses == 0) return {{}};
  std::vector<std::vector<Shape>> lists;
  for (uint32_t size = 1; size <= std::min(witnesses, largest); ++size) {
    for (const Shape& first : Shapes(size, depth)) {
      for (std::vector<Shape>& rest : Members(witnesses - size, size, depth)) {
        rest.insert(rest.begin(), first);
        lists.push_back(std::move(rest));
      }
    }
  }
  return lists;
}

// Every tree of at most `depth` groups on top of each other.
std::vector<Shape> Shapes(uint32_t witnesses, uint32_t depth) {
  std::vector<Shape> shapes;
  if (witnesses == 1) shapes.push_back({});
  if (depth == 0) return shapes;
  for (const std::vector<Shape>& members : Members(witnesses, witnesses, depth - 1)) {
    for (uint32_t threshold = 1; threshold <= members.size(); ++threshold) {
      shapes.push_back({witnesses, threshold, members});
    }
  }
  return shapes;
}

// Every quorum of every small nested policy, and every pair of them.
TEST(PolicyTest, TheSmallestOverlapIsThatOfAllPairsOfQuorums) {
  uint64_t policies = 0;
  for (const auto& [witnesses, depth] :
       std::vector<std::pair<uint32_t, uint32_t>>{{1, 4}, {2, 4}, {3, 3}, {4, 3}, {5, 2}, {6, 2}}) {
    for (const Shape& shape : Shapes(witnesses, depth)) {
      ++policies;
      std::string text = Witnesses(static_cast<uint8_t>(witnesses));
      uint32_t groups = 0;
      const std::string quorum = shape.Write(0, groups, text);
      const Policy policy = MustParse(absl::StrCat(text, "quorum ", quorum, "\n"));
      std::vector<uint32_t> quorums;
      for (uint32_t cosigned = 0; cosigned < 1u << witnesses; ++cosigned) {
        std::vector<size_t> indices;
        for (uint32_t i = 0; i < witnesses; ++i) {
          if ((cosigned >> i & 1) != 0) indices.push_back(i);
        }
        const bool holds = shape.Holds(cosigned, 0);
        ASSERT_EQ(policy.CheckQuorum(indices).ok(), holds) << text << cosigned;
        if (holds) quorums.push_back(cosigned);
      }
      int smallest = 32;
      for (uint32_t a : quorums) {
        for (uint32_t b : quorums) smallest = std::min(smallest, std::popcount(a & b));
      }
      ASSERT_EQ(policy.SmallestQuorumOverlap(), static_cast<uint64_t>(smallest)) << text;
    }
  }
  EXPECT_GT(policies, 2000u);
}

TEST(PolicyTest, LinesAreStrict) {
  const std::string two = Witnesses(2);
  ASSERT_OK(Policy::Parse(two + "quorum w1\n"));
  const std::vector<std::pair<std::string, std::string>> refused = {
      {"", "no quorum line"},
      {two, "no quorum line"},
      {"quorum none", "LF"},
      {"quorum none\nquorum none\n", "second quorum"},
      {"quorum none none\n", "not quorum"},
      {"quorum\n", "not quorum"},
      {"quorum w1\n" + two, "line 1: a name that no earlier line"},
      {"Quorum none\n", "none of log"},
      {"quorum none # why\n", "not quorum"},
      {"quorum none\r\n", "control character"},
      {"# \x7f\nquorum none\n", "control character"},
      {"quorum none\v\n", "control character"},
      {"log\nquorum none\n", "not log"},
      {"log " + Log(1) + " url more\nquorum none\n", "not log"},
      {"log log1+00000000+AAAA\nquorum none\n", "vkey"},
      {"log " + Witness(1) + "\nquorum none\n", "witness's type"},
      {"log " + Log(1) + "\nlog " + Log(1) + "\nquorum none\n", "second time"},
      {"witness w1\nquorum none\n", "not witness"},
      {"witness w1 " + Witness(1) + " url more\nquorum none\n", "not witness"},
      {"witness w1 " + Log(1) + "\nquorum none\n", "cosignature type"},
      {"witness none " + Witness(1) + "\nquorum none\n", "reserved"},
      {two + "witness w1 " + Witness(3) + "\nquorum none\n", "defined for the second time"},
      {two + "group w1 any w2\nquorum none\n", "defined for the second time"},
      {two + "group none any w2\nquorum none\n", "reserved"},
      {two + "group g any\nquorum g\n", "not group"},
      {two + "group g 0 w1 w2\nquorum g\n", "threshold"},
      {two + "group g 3 w1 w2\nquorum g\n", "threshold"},
      {two + "group g 01 w1 w2\nquorum g\n", "leading zero"},
      {two + "group g -1 w1 w2\nquorum g\n", "decimal"},
      {two + "group g most w1 w2\nquorum g\n", "decimal"},
      {two + "group g 18446744073709551617 w1 w2\nquorum g\n", "over 2^63"},
      {two + "group g any w1 w1\nquorum g\n", "member for the second time"},
      {two + "group g any w1\ngroup h any w1 w2\nquorum h\n", "member for the second time"},
      {two + "group g any g\nquorum g\n", "no earlier line"},
      {two + "group g any none\nquorum g\n", "no earlier line"},
      {two + "group g any w3\nquorum g\n", "no earlier line"},
      {two + "quorum W1\n", "no earlier line"},
  };
  for (const auto& [text, why] : refused) {
    EXPECT_THAT(Policy::Parse(text), StatusIs(StatusCode::kInvalidArgument, HasSubstr(why)))
        << text;
  }
}

// The same key under two names would be one witness counted twice.
TEST(PolicyTest, OneKeyIsOneWitness) {
  const std::string again = VkeyOf(1, kNoteEd25519Cosignature, "another-name");
  EXPECT_THAT(Policy::Parse(Witnesses(1) + "witness other " + again + "\nquorum none\n"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("public key for the second time")));
  // Nor may the log be its own witness.
  EXPECT_THAT(Policy::Parse("log " + Log(1) + "\n" + Witnesses(1) + "quorum none\n"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("public key for the second time")));
}

// Key IDs have 32 bits: of some 80,000 keys two share one, and nobody could tell their lines apart.
TEST(PolicyTest, KeysWhoseLinesLookTheSameAreRefused) {
  std::map<uint32_t, std::string> seen;
  for (uint32_t number = 0; number < 1'000'000; ++number) {
    std::string bytes;
    PutU32(bytes, number);
    bytes.resize(32);
    const auto key = NoteVerifier::FromEd25519("w", bytes, kNoteEd25519Cosignature);
    const auto [other, fresh] = seen.emplace(key->key_id(), key->ToVkey());
    if (fresh) continue;
    EXPECT_THAT(Policy::Parse(absl::StrCat("witness a ", other->second, "\nwitness b ",
                                           key->ToVkey(), "\nquorum none\n")),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("look the same")));
    return;
  }
  FAIL() << "no two keys share an ID";
}

TEST(PolicyTest, NamesAreOpaqueBytes) {
  const Policy policy = MustParse("witness \xff# " + Witness(1) + "\nwitness K " + Witness(2) +
                                  "\nwitness \xe2\x84\xaa " + Witness(3) +
                                  "\ngroup all all \xff# K \xe2\x84\xaa\nquorum all\n");
  EXPECT_EQ(policy.witnesses()[0].name, "\xff#");
  EXPECT_THAT(policy.CheckQuorum({1, 2}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("\\xff# has not")));
  EXPECT_THAT(policy.CheckQuorum({0, 1}),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("\xe2\x84\xaa has not")));
}

TEST(PolicyTest, LimitsHoldAtTheirEdge) {
  std::string witnesses = Witnesses(kMaxPolicyWitnesses);
  EXPECT_OK(Policy::Parse(witnesses + "quorum none\n"));
  EXPECT_THAT(Policy::Parse(witnesses + "witness more " + Witness(200) + "\nquorum none\n"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("over 100 witnesses")));
  std::string logs;
  for (uint8_t i = 1; i <= kMaxPolicyLogs; ++i) absl::StrAppend(&logs, "log ", Log(i), "\n");
  EXPECT_OK(Policy::Parse(logs + "quorum none\n"));
  EXPECT_THAT(Policy::Parse(logs + "log " + Log(200) + "\nquorum none\n"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("over 100 logs")));
  // Each in the one before: the deepest policy there is.
  std::string groups = Witnesses(1) + "group g1 any w1\n";
  for (size_t i = 2; i <= kMaxPolicyGroups; ++i) {
    absl::StrAppend(&groups, "group g", i, " any g", i - 1, "\n");
  }
  const Policy deep = MustParse(groups + "quorum g100\n");
  EXPECT_OK(deep.CheckQuorum({0}));
  EXPECT_THAT(deep.CheckQuorum({}), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("w1")));
  EXPECT_EQ(deep.SmallestQuorumOverlap(), 1u);
  EXPECT_THAT(Policy::Parse(groups + "group more any g100\nquorum more\n"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("over 100 groups")));
  const std::string end = "quorum none\n";
  const std::string comment = "#" + std::string(kMaxPolicyBytes - end.size() - 2, 'x') + "\n";
  EXPECT_OK(Policy::Parse(comment + end));
  EXPECT_THAT(Policy::Parse("#" + comment + end),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("bytes")));
}

TEST(PolicyTest, WitnessesOfMlDsaAreReadAndNeverCountAsCosigned) {
  REQUIRE_SHARED(VectorPath("cosignature/ml-dsa-44-checkpoint.json"));
  const auto vector = ReadVectors("cosignature/ml-dsa-44-checkpoint.json");
  const std::string vkey = vector["vkey"];
  const Policy policy = MustParse("witness pq " + vkey + "\nquorum pq\n");
  EXPECT_EQ(policy.witnesses()[0].key.type(), 0x06);
}

}  // namespace
}  // namespace auditledger
