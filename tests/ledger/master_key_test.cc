#include "ledger/master_key.h"

#include <gtest/gtest.h>

#include <set>

#include "ledger/key_text.h"
#include "merkle/base64.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kOrigin[] = "example.org/ledger";
const SealedPlace kPlace{kOrigin, "wrap-1.key"};

MasterKey Key(char filled_with) {
  return MasterKey::FromBytes(SecretString(std::string(32, filled_with))).value();
}

TEST(MasterKeyTest, OpensWhatItSealedAndNamesItself) {
  FakeRandom random(1);
  const MasterKey key = Key('k');
  ASSERT_OK_AND_ASSIGN(const std::string sealed, key.Seal(kPlace, "the text\n", random));
  EXPECT_EQ(key.Open(kPlace, sealed)->Reveal(), "the text\n");
  EXPECT_TRUE(IsSealedText(sealed));
  EXPECT_THAT(sealed, Not(HasSubstr("text")));
  ASSERT_OK_AND_ASSIGN(const SealedText parsed, ParseSealedText(sealed));
  EXPECT_EQ(parsed.fingerprint, key.fingerprint());
  EXPECT_THAT(parsed.box, SizeIs(12 + 9 + 16));
  EXPECT_NE(key.Seal(kPlace, "the text\n", random).value(), sealed) << "a nonce of its own";
}

// A change of the format would leave files that no program opens.
TEST(MasterKeyTest, FingerprintAndSealedTextAreTheseForEver) {
  class Zeros : public Random {
    std::string Bytes(size_t count) override { return std::string(count, '\0'); }
  } zeros;
  const MasterKey key = Key('k');
  EXPECT_EQ(key.fingerprint(), "6cbb43b0689adad3");
  EXPECT_EQ(
      key.Seal(kPlace, "text", zeros).value(),
      "auditledger-sealed/v1 6cbb43b0689adad3 AAAAAAAAAAAAAAAAjwpUt89a6nI1Z8xMfZutGOoxiPg=\n");
}

TEST(MasterKeyTest, ItsTextIsThatOfAKeyFile) {
  FakeRandom random(1);
  const SecretString text = MasterKey::NewText(random);
  EXPECT_OK(MasterKey::Parse(text.Reveal()));
  const std::string bytes(32, 'k');
  EXPECT_EQ(MasterKey::Parse(FormatSymmetricKey("master", 1, bytes).Reveal())->fingerprint(),
            Key('k').fingerprint());
  for (const SecretString& other :
       {FormatSymmetricKey("wrap", 1, bytes), FormatSymmetricKey("master", 2, bytes)}) {
    EXPECT_THAT(MasterKey::Parse(other.Reveal()), StatusIs(absl::StatusCode::kDataLoss));
  }
  for (const size_t wrong : {0, 31, 33}) {
    EXPECT_THAT(MasterKey::FromBytes(SecretString(std::string(wrong, 'k'))),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST(MasterKeyTest, OpensNothingElsewhere) {
  FakeRandom random(1);
  const MasterKey key = Key('k');
  ASSERT_OK_AND_ASSIGN(const std::string sealed, key.Seal(kPlace, "text", random));
  for (const SealedPlace& moved :
       {SealedPlace{"example.org/other", "wrap-1.key"}, SealedPlace{kOrigin, "wrap-2.key"},
        SealedPlace{"example.org/ledge", "rwrap-1.key"}}) {
    EXPECT_THAT(key.Open(moved, sealed),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("renamed or moved")));
  }
}

TEST(MasterKeyTest, AnotherIsNamedBesideTheRightOne) {
  FakeRandom random(1);
  const MasterKey right = Key('k');
  const MasterKey wrong = Key('w');
  ASSERT_OK_AND_ASSIGN(const std::string sealed, right.Seal(kPlace, "text", random));
  EXPECT_THAT(wrong.Open(kPlace, sealed),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(right.fingerprint()), HasSubstr(wrong.fingerprint()),
                             HasSubstr("seal-keys"))));
  // One that lies about its name does not open either.
  ASSERT_OK_AND_ASSIGN(SealedText lie, ParseSealedText(sealed));
  lie.fingerprint = wrong.fingerprint();
  EXPECT_THAT(wrong.Open(kPlace, FormatSealedText(lie)), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(MasterKeyTest, EveryFlippedBitAndEveryCutIsRefused) {
  FakeRandom random(1);
  const MasterKey key = Key('k');
  ASSERT_OK_AND_ASSIGN(const std::string sealed, key.Seal(kPlace, "the text\n", random));
  for (size_t i = 0; i < sealed.size(); ++i) {
    EXPECT_FALSE(key.Open(kPlace, sealed.substr(0, i)).ok()) << i;
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = sealed;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      const absl::Status status = key.Open(kPlace, bad).status();
      EXPECT_FALSE(status.ok()) << i << " " << bit;
      EXPECT_THAT(status.message(), Not(HasSubstr("the text")));
    }
  }
}

TEST(MasterKeyTest, ASealedTextHasOneForm) {
  const std::string box = EncodeBase64(std::string(29, 'b'));
  const std::string good = "auditledger-sealed/v1 0123456789abcdef " + box + "\n";
  EXPECT_EQ(FormatSealedText(ParseSealedText(good).value()), good);
  const std::string too_short = EncodeBase64(std::string(28, 'b'));
  for (const std::string& bad : {std::string(), "auditledger-key/v1 0123456789abcdef " + box + "\n",
                                 "auditledger-sealed/v1 0123456789abcdef " + box, good + "\n",
                                 " " + good, "auditledger-sealed/v1 0123456789ABCDEF " + box + "\n",
                                 "auditledger-sealed/v1 0123456789abcde " + box + "\n",
                                 "auditledger-sealed/v1 0123456789abcdef0 " + box + "\n",
                                 "auditledger-sealed/v1 0123456789abcdef  " + box + "\n",
                                 std::string("auditledger-sealed/v1 0123456789abcdef\n"),
                                 "auditledger-sealed/v1 0123456789abcdef " + too_short + "\n"}) {
    EXPECT_THAT(ParseSealedText(bad), StatusIs(absl::StatusCode::kDataLoss)) << bad;
  }
}

}  // namespace
}  // namespace auditledger
