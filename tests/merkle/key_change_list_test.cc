#include "merkle/key_change_list.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "merkle/base64.h"
#include "merkle/leaf.h"
#include "merkle/tlog_proof.h"
#include "merkle/verify.h"
#include "tests/merkle/seal_vectors.h"
#include "tests/testing/status_matchers.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr char kTop[] = "auditledger/key-changes/v1\nledger.test/clinic\n";
constexpr char kHash[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n";

TEST(KeyChangeList, TheSecondImplementationAgrees) {
  const nlohmann::json file = SealVectors("key_changes.json");
  for (const nlohmann::json& vector : file["lists"]) {
    const std::string text = Bytes(vector["text"]);
    ASSERT_OK_AND_ASSIGN(const KeyChangeList list, ParseKeyChangeList(text));
    EXPECT_EQ(FormatKeyChangeList(list), text);
    EXPECT_EQ(list.origin, Bytes(file["origin"]));
    EXPECT_EQ(list.size, vector["size"].get<uint64_t>());
    for (size_t i = 0; i < list.changes.size(); ++i) {
      EXPECT_EQ(list.changes[i].index, file["vectors"][i]["index"].get<uint64_t>());
      EXPECT_EQ(list.changes[i].leaf, Bytes(file["vectors"][i]["leaf"]));
      if (list.size == 0) continue;
      EXPECT_OK(VerifyInclusion(list.changes[i].index, list.size, LeafHash(list.changes[i].leaf),
                                list.changes[i].inclusion, HashOf(vector["root"])));
    }
  }
}

TEST(KeyChangeList, HasOneForm) {
  EXPECT_OK(ParseKeyChangeList(absl::StrCat(kTop, "0\n")));
  EXPECT_OK(ParseKeyChangeList(absl::StrCat(kTop, "9\n7 YQ==\n", kHash, "8 YQ==\n")));
  const auto refused = [](const std::string& text, const std::string& why) {
    EXPECT_THAT(ParseKeyChangeList(text), StatusIs(kInvalid, HasSubstr(why))) << text;
  };
  refused("", "key changes: line missing");
  refused("auditledger/key-changes/v1\n", "key changes origin: line missing");
  refused("auditledger/key-changes/v1\n\x01\n0\n", "key changes origin: control character");
  refused(kTop, "key changes size: line missing");
  refused("auditledger/key-changes/v2\no\n0\n", "begin");
  refused("auditledger/key-changes/v1\n\n0\n", "origin");
  refused(absl::StrCat(kTop, "00\n"), "size");
  refused(absl::StrCat(kTop, "0\n7 YQ=="), "LF");
  refused(absl::StrCat(kTop, "0\n7  YQ==\n"), "leaf");
  refused(absl::StrCat(kTop, "0\n7 \n"), "length");
  refused(absl::StrCat(kTop, "0\n07 YQ==\n"), "index");
  refused(absl::StrCat(kTop, "0\n7 YQ==\n7 YQ==\n"), "ascend");
  refused(absl::StrCat(kTop, "7\n7 YQ==\n"), "beyond");
  refused(absl::StrCat(kTop, "0\n7 YQ==\n", kHash), "belongs to no proof");
  refused(absl::StrCat(kTop, "9\n", kHash), "belongs to no proof");
  refused(absl::StrCat(kTop, "9\n7 YQ==\nYQ==\n"), "length");
  refused(absl::StrCat(kTop, "9\n\n"), "belongs to no proof");
}

// A list without a size is what a trust store keeps: it proves nothing, and has no proofs.
TEST(KeyChangeList, WithoutASizeNoProofIsWritten) {
  KeyChangeList list{"ledger.test/clinic", 0, {{7, "a", {LeafHash("x")}}}};
  EXPECT_EQ(FormatKeyChangeList(list), absl::StrCat(kTop, "0\n7 YQ==\n"));
  list.size = 9;
  EXPECT_OK(ParseKeyChangeList(FormatKeyChangeList(list)));
}

TEST(KeyChangeList, HasLimits) {
  const auto with_leaf = [](size_t bytes) {
    return ParseKeyChangeList(
        absl::StrCat(kTop, "0\n7 ", EncodeBase64(std::string(bytes, 'l')), "\n"));
  };
  EXPECT_OK(with_leaf(kMaxLeafBytes));
  EXPECT_THAT(with_leaf(kMaxLeafBytes + 1), StatusIs(kInvalid, HasSubstr("no possible length")));
  std::string most = absl::StrCat(kTop, "0\n");
  for (size_t i = 0; i < kMaxKeyChanges; ++i) absl::StrAppend(&most, i, " YQ==\n");
  EXPECT_OK(ParseKeyChangeList(most));
  EXPECT_THAT(ParseKeyChangeList(absl::StrCat(most, "256 YQ==\n")),
              StatusIs(kInvalid, HasSubstr("over 256")));
  std::string longest = absl::StrCat(kTop, "9\n7 YQ==\n");
  for (size_t i = 0; i < kMaxProofHashes; ++i) longest += kHash;
  EXPECT_OK(ParseKeyChangeList(longest));
  EXPECT_THAT(ParseKeyChangeList(longest + kHash), StatusIs(kInvalid, HasSubstr("over 63")));
  EXPECT_THAT(ParseKeyChangeList(std::string(kMaxKeyChangeListBytes + 1, 'x')),
              StatusIs(kInvalid, HasSubstr("bytes")));
}

}  // namespace
}  // namespace auditledger::testing
