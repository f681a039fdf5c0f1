// Evidence bundles that a second implementation wrote (tools/vectorgen_bundles.py), whole and
// tampered with: each claim comes to what is published.
// Covers: verifier/bundle_claims, verifier/bundle_entries, verifier/bundle_scope_check
// Covers: verifier/bundle_file, verifier/bundle_proofs
#include "verifier/bundle_verify.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/policy.h"
#include "nlohmann/json.hpp"
#include "tests/testing/seed.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/test_log.h"
#include "tests/verifier/test_export.h"
#include "verifier/bundle_proofs.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::ReadFile;
using testing::SourcePath;

class BundleVerifyTest : public ::testing::Test {
 protected:
  BundleVerifyTest()
      : published_(
            nlohmann::json::parse(ReadFile(SourcePath("tests/testdata/bundle/bundles.json")))),
        pin_(MakePin(Text("origin"), Text("vkey")).value()) {}

  std::string Text(const char* name) const { return published_.at(name).get<std::string>(); }
  static std::string FileOf(const std::string& name) {
    return ReadFile(SourcePath(absl::StrCat("tests/testdata/bundle/", name, ".bundle")));
  }
  static std::string Tampered(const nlohmann::json& row) {
    std::string data = FileOf(row.at("base").get<std::string>());
    for (const nlohmann::json& splice : row.at("splices")) {
      data.replace(splice[0].get<size_t>(), splice[1].get<size_t>(),
                   absl::HexStringToBytes(splice[2].get<std::string>()));
    }
    return data;
  }
  BundleReport Verify(const std::string& bytes) const {
    BundleInput input;
    input.bytes = bytes;
    return VerifyBundle(input, pin_);
  }
  static std::string ResultOf(const BundleReport& report, const std::string& claim) {
    for (size_t i = 0; i < kBundleClaims; ++i) {
      if (ClaimName(static_cast<BundleClaim>(i)) == claim) {
        return std::string(ClaimResultName(report.findings.claims[i].result));
      }
    }
    return "no such claim";
  }
  static std::string ReasonOf(const BundleReport& report, BundleClaim claim) {
    return report.findings.of(claim).reason;
  }
  static void ExpectClaims(const BundleReport& report, const nlohmann::json& claims) {
    for (const auto& [claim, result] : claims.items()) {
      EXPECT_EQ(ResultOf(report, claim), result.get<std::string>()) << claim << "\n"
                                                                    << BundleText(report);
    }
  }

  const nlohmann::json published_;
  const Pin pin_;
};

TEST_F(BundleVerifyTest, EachClaimComesToWhatIsPublished) {
  for (const nlohmann::json& row : published_.at("bundles")) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const BundleReport report = Verify(FileOf(row.at("name").get<std::string>()));
    EXPECT_EQ(row.at("claims").size(), kBundleClaims);
    ExpectClaims(report, row.at("claims"));
    ASSERT_TRUE(report.manifest);
    EXPECT_EQ(report.manifest->case_id, "case 12");
  }
}

TEST_F(BundleVerifyTest, WhateverIsTamperedWithIsRefusedForItsReason) {
  for (const nlohmann::json& row : published_.at("tampered")) {
    SCOPED_TRACE(row.at("name").get<std::string>());
    const BundleReport report = Verify(Tampered(row));
    EXPECT_EQ(report.Name(), "refused") << BundleText(report);
    EXPECT_EQ(report.ExitCode(), 1);
    if (!row.at("claims").is_null()) ExpectClaims(report, row.at("claims"));
    for (const nlohmann::json& claim : row.at("failing")) {
      EXPECT_NE(ResultOf(report, claim.get<std::string>()), "PASS") << BundleText(report);
    }
    for (const auto& [claim, word] : row.at("blames").items()) {
      EXPECT_THAT(ReasonOf(report, BundleClaim::kFile), HasSubstr(word.get<std::string>()));
    }
  }
}

TEST_F(BundleVerifyTest, WhyItCannotBeToldAndWhichKeyItIs) {
  EXPECT_EQ(ReasonOf(Verify(FileOf("sparse")), BundleClaim::kCompleteness),
            "nothing shows that the log has no other entry with these tags");
  EXPECT_EQ(ReasonOf(Verify(FileOf("opaque")), BundleClaim::kCompleteness),
            "a proof of type example/map/9, which is not known here");
  for (const nlohmann::json& row : published_.at("tampered")) {
    if (row.at("name") != "keys: to a thief's") continue;
    EXPECT_EQ(ReasonOf(Verify(Tampered(row)), BundleClaim::kHead),
              "the changes of the log's key do not lead from the pinned one to it");
  }
}

TEST_F(BundleVerifyTest, NoFlippedByteOfABundleIsVerified) {
  const std::string file = FileOf("range");
  for (size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 1 << at % 8);
    EXPECT_EQ(Verify(changed).ExitCode(), 1) << "byte " << at;
  }
}

TEST_F(BundleVerifyTest, TenThousandMutatedBundlesAreRefused) {
  std::mt19937_64 random(testing::TestSeed());
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  std::vector<std::string> files;
  for (const nlohmann::json& row : published_.at("bundles")) {
    // Nothing vouches for the words of one that the log does not know.
    if (row.at("name") != "unrecorded") files.push_back(FileOf(row.at("name")));
  }
  for (int round = 0; round < 10'000; ++round) {
    const std::string& file = files[below(files.size())];
    std::string changed = file;
    do {
      // Shorter than any record of custody, whose last ones nobody misses.
      const size_t at = below(changed.size() - 100);
      const size_t count = 1 + below(90);
      switch (below(4)) {
        case 0:
          changed.erase(at, count);
          break;
        case 1:
          changed.insert(at, changed.substr(below(changed.size() - 100), count));
          break;
        default:
          changed[at] = static_cast<char>(changed[at] ^ 1 << below(8));
      }
    } while (changed == file || below(3) == 0);
    ASSERT_EQ(Verify(changed).ExitCode(), 1) << "round " << round;
  }
}

TEST_F(BundleVerifyTest, NoBundleCutShortIsVerified) {
  const std::string file = FileOf("range");
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(Verify(file.substr(0, size)).ExitCode(), 3) << size << " bytes";
  }
}

TEST_F(BundleVerifyTest, OfALogWhoseKeyWasFollowedByAnotherEitherMayBePinned) {
  const std::string rotated = FileOf("rotated");
  const std::string before = FileOf("whole");
  const Pin second = MakePin(Text("origin"), Text("second_vkey")).value();
  BundleInput input;
  input.bytes = rotated;
  EXPECT_EQ(VerifyBundle(input, pin_).Name(), "verified, unwitnessed");
  EXPECT_EQ(VerifyBundle(input, second).Name(), "verified, unwitnessed");
  input.bytes = before;
  EXPECT_EQ(ResultOf(VerifyBundle(input, second), "head"), "FAIL");
}

TEST_F(BundleVerifyTest, AnotherKeyOrOriginIsRefused) {
  BundleInput input;
  const std::string file = FileOf("whole");
  input.bytes = file;
  const Pin other_key = {pin_.origin,
                         NoteVerifier::FromEd25519(pin_.origin, testing::TestPublicKey(7)).value()};
  EXPECT_EQ(ReasonOf(VerifyBundle(input, other_key), BundleClaim::kHead),
            "the head is not signed by the key");
  const Pin other_origin = {"other",
                            NoteVerifier::FromEd25519("other", pin_.key.public_key()).value()};
  EXPECT_EQ(ReasonOf(VerifyBundle(input, other_origin), BundleClaim::kHead),
            "the head is of another log than the key");
}

TEST_F(BundleVerifyTest, APolicySaysWhoVouches) {
  const std::string file = FileOf("whole");
  BundleInput input;
  input.bytes = file;
  const BundleReport alone = VerifyBundle(input, pin_);
  EXPECT_THAT(ReasonOf(alone, BundleClaim::kWitnesses), HasSubstr("no policy is given"));
  EXPECT_EQ(ReasonOf(alone, BundleClaim::kTimestamps), "no timestamp is in the bundle");
  Pin pin = pin_;
  const std::string policy = absl::StrCat("witness w1 ", Text("witness"), "\nquorum w1\n");
  ASSERT_TRUE(AddPolicy(Policy::Parse(policy).value(), true, pin).ok());
  const BundleReport met = VerifyBundle(input, pin);
  EXPECT_EQ(met.Name(), "verified");
  EXPECT_EQ(met.ExitCode(), 0);
  EXPECT_THAT(ReasonOf(met, BundleClaim::kWitnesses), HasSubstr("w1"));
  // Somebody who has not cosigned it.
  Pin strict = pin_;
  const NoteVerifier other =
      NoteVerifier::FromEd25519("w2", testing::TestPublicKey(8), kNoteEd25519Cosignature).value();
  const std::string unmet = absl::StrCat("witness w2 ", other.ToVkey(), "\nquorum w2\n");
  ASSERT_TRUE(AddPolicy(Policy::Parse(unmet).value(), true, strict).ok());
  EXPECT_EQ(ResultOf(VerifyBundle(input, strict), "witnesses"), "FAIL");
  // And a policy that one dishonest witness can break.
  Pin weak = pin_;
  ASSERT_TRUE(AddPolicy(Policy::Parse(policy).value(), false, weak).ok());
  EXPECT_EQ(ResultOf(VerifyBundle(input, weak), "witnesses"), "FAIL");
  Pin nobody = pin_;
  ASSERT_TRUE(AddPolicy(Policy::Parse("quorum none\n").value(), true, nobody).ok());
  EXPECT_EQ(ResultOf(VerifyBundle(input, nobody), "witnesses"), "CANNOT TELL");
  // Of a head that is not the log's nobody is asked.
  Pin other_log = {pin_.origin,
                   NoteVerifier::FromEd25519(pin_.origin, testing::TestPublicKey(7)).value()};
  ASSERT_TRUE(AddPolicy(Policy::Parse(policy).value(), true, other_log).ok());
  EXPECT_EQ(ReasonOf(VerifyBundle(input, other_log), BundleClaim::kWitnesses),
            "the head is not the log's");
}

TEST_F(BundleVerifyTest, WhatIsCompleteIsSaidInTheWordsOfTheQuestion) {
  for (const auto& [name, words] :
       {std::pair("whole", "entries of the log are here"), std::pair("range", "are all here"),
        std::pair("window", "every entry recorded in that window is here")}) {
    const std::string file = FileOf(name);
    BundleInput input;
    input.bytes = file;
    EXPECT_THAT(ReasonOf(VerifyBundle(input, pin_), BundleClaim::kCompleteness), HasSubstr(words))
        << name;
  }
}

TEST_F(BundleVerifyTest, WithTheIndexKeyTagsAreChecked) {
  const std::string whole = FileOf("whole");
  const std::string redacted = FileOf("patient");
  BundleInput input;
  input.bytes = whole;
  input.index_key = absl::HexStringToBytes(Text("index_key"));
  EXPECT_EQ(ResultOf(VerifyBundle(input, pin_), "tags"), "PASS");
  input.bytes = redacted;
  EXPECT_EQ(ResultOf(VerifyBundle(input, pin_), "tags"), "CANNOT TELL");
  input.bytes = whole;
  input.index_key = std::string(32, '\0');
  EXPECT_THAT(ReasonOf(VerifyBundle(input, pin_), BundleClaim::kTags),
              HasSubstr("not the one that the genesis names"));
}

TEST_F(BundleVerifyTest, TheAnswerIsForPeopleAndForPrograms) {
  const BundleReport report = Verify(FileOf("sparse"));
  EXPECT_EQ(report.Name(), "cannot tell");
  EXPECT_THAT(BundleText(report), HasSubstr("CANNOT TELL: bundle"));
  const nlohmann::json json = nlohmann::json::parse(BundleJson(report));
  EXPECT_EQ(json.at("exit_code"), 2);
  EXPECT_EQ(json.at("claims").size(), kBundleClaims);
  EXPECT_EQ(json.at("against").at("size"), 16);
  const nlohmann::json none = nlohmann::json::parse(BundleJson(Verify("")));
  EXPECT_TRUE(none.at("package").is_null());
  EXPECT_FALSE(none.at("against").contains("size"));
}

TEST_F(BundleVerifyTest, WhatABundleSaysDoesNotReachTheTerminalAsControl) {
  BundleReport report = Verify(FileOf("range"));
  report.manifest->case_id = "x\x1b[2J";
  report.findings.of(BundleClaim::kCustody).reason = "by \x1b]0;evil\x07";
  const std::string text = BundleText(report);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
}

}  // namespace
}  // namespace auditledger
