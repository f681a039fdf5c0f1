#include "ledger/key_text.h"

#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::StatusIs;

// The example key of golang.org/x/mod/sumdb/note's documentation.
constexpr char kSigner[] =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz\n";
constexpr char kVkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

TEST(KeyTextTest, ReadsAndWritesGosSignerKeys) {
  ASSERT_OK_AND_ASSIGN(const NoteSigningKey key, ParseNoteSigningKey(kSigner));
  EXPECT_EQ(key.verifier.ToVkey(), kVkey);
  EXPECT_EQ(key.seed.Reveal().size(), 32u);
  ASSERT_OK_AND_ASSIGN(const SecretString text,
                       FormatNoteSigningKey("PeterNeumann", key.seed.Reveal()));
  EXPECT_EQ(text.Reveal(), kSigner);
}

TEST(KeyTextTest, RefusesSignerKeysOfAnyOtherForm) {
  const std::string good = kSigner;
  const std::string without_lf = good.substr(0, good.size() - 1);
  for (const std::string& bad :
       {std::string(), without_lf, good + "\n", " " + good, good.substr(1),
        absl::StrReplaceAll(good, {{"c74f20a3", "c74f20a4"}}),
        absl::StrReplaceAll(good, {{"c74f20a3", "C74F20A3"}}),
        absl::StrReplaceAll(good, {{"PeterNeumann", "PeterNeuman"}}),
        absl::StrReplaceAll(good, {{"PeterNeumann", ""}}),
        absl::StrReplaceAll(good, {{"AYEK", "AoEK"}}),  // another algorithm
        without_lf + "AAAA\n", std::string("PRIVATE+KEY+a\n"), std::string("PRIVATE+KEY+a+b\n"),
        without_lf + "\r\n"}) {
    EXPECT_THAT(ParseNoteSigningKey(bad), StatusIs(absl::StatusCode::kDataLoss)) << bad;
  }
  EXPECT_THAT(FormatNoteSigningKey("with space", std::string(32, 's')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FormatNoteSigningKey("name", std::string(31, 's')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(KeyTextTest, SymmetricKeysReadBackForTheirPurposeAndIdAlone) {
  const std::string key(kSymmetricKeyBytes, 'k');
  const SecretString text = FormatSymmetricKey("wrap", 65535, key);
  EXPECT_EQ(text.Reveal(),
            "auditledger-key/v1 wrap 65535 a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n");
  ASSERT_OK_AND_ASSIGN(const SecretString read, ParseSymmetricKey("wrap", 65535, text.Reveal()));
  EXPECT_EQ(read.Reveal(), key);
  const auto is_lost = StatusIs(absl::StatusCode::kDataLoss);
  EXPECT_THAT(ParseSymmetricKey("wrap", 6553, text.Reveal()), is_lost);
  EXPECT_THAT(ParseSymmetricKey("index", 65535, text.Reveal()), is_lost);
  const std::string good(text.Reveal());
  for (size_t i = 0; i < good.size(); ++i) {
    EXPECT_THAT(ParseSymmetricKey("wrap", 65535, good.substr(0, i)), is_lost);
  }
  EXPECT_THAT(ParseSymmetricKey("wrap", 65535, good + "x"), is_lost);
  for (const size_t size : {kSymmetricKeyBytes - 1, kSymmetricKeyBytes + 1}) {
    const SecretString other = FormatSymmetricKey("wrap", 1, std::string(size, 'k'));
    EXPECT_THAT(ParseSymmetricKey("wrap", 1, other.Reveal()), is_lost);
  }
}

TEST(KeyTextTest, ErrorsNeverQuoteTheKey) {
  const std::string secret = "c2VjcmV0c2VjcmV0";
  for (const std::string& text :
       {"PRIVATE+KEY+n+00000000+" + secret + "\n", "auditledger-key/v1 wrap 1 " + secret + "\n"}) {
    EXPECT_EQ(ParseNoteSigningKey(text).status().message().find(secret), std::string::npos);
    EXPECT_EQ(ParseSymmetricKey("wrap", 1, text).status().message().find(secret),
              std::string::npos);
  }
}

}  // namespace
}  // namespace auditledger
