// Covers: api/client/emitter_key, api/client/ledger_client
#include "api/client/emitter_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "api/client/ledger_client.h"
#include "merkle/commitment.h"
#include "merkle/ed25519_verify.h"
#include "merkle/openssl_ptr.h"
#include "merkle/units.h"
#include "tests/api/client/log_service.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::LogService;
using testing::StatusIs;
using testing::TempDir;
using testing::TestEvent;
using testing::TestLog;
using testing::TestPublicKey;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kLoss = absl::StatusCode::kDataLoss;
constexpr uint8_t kOurs = 5;

std::string PemOf(EVP_PKEY* key, const EVP_CIPHER* cipher = nullptr) {
  const std::unique_ptr<BIO, OpensslDeleter<BIO_free>> out(BIO_new(BIO_s_mem()));
  char word[] = "word";
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key, cipher, word, cipher == nullptr ? 0 : 4,
                                          nullptr, nullptr),
            1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out.get(), &bytes);
  return std::string(bytes, static_cast<size_t>(size));
}

// That of tests/testing/test_log.h.
EvpPkeyPtr TestKey(uint8_t seed_byte) {
  const std::string seed(32, static_cast<char>(seed_byte));
  return EvpPkeyPtr(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(seed.data()), seed.size()));
}

EmitterKey Ours() { return EmitterKey::FromPem(PemOf(TestKey(kOurs).get())).value(); }

v1::AuditEvent EventOf(uint64_t number) {
  v1::AuditEvent event;
  EXPECT_TRUE(event.ParseFromString(TestEvent(number)));
  return event;
}

TEST(EmitterKeyTest, IsAnEd25519KeyOfAPrivateFile) {
  EXPECT_EQ(Ours().public_key(), TestPublicKey(kOurs));
  EXPECT_THAT(EmitterKey::FromPem(""), StatusIs(kInvalid));
  EXPECT_THAT(EmitterKey::FromPem("-----BEGIN PRIVATE KEY-----\n"), StatusIs(kInvalid));
  EXPECT_THAT(EmitterKey::FromPem(PemOf(EvpPkeyPtr(EVP_EC_gen("P-256")).get())),
              StatusIs(kInvalid, HasSubstr("Ed25519")));
  // Nobody is asked at a terminal.
  EXPECT_THAT(EmitterKey::FromPem(PemOf(TestKey(kOurs).get(), EVP_aes_256_cbc())),
              StatusIs(kInvalid));
  TempDir dir;
  const std::string path = dir / "emitter.pem";
  std::ofstream(path) << PemOf(TestKey(kOurs).get());
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(EmitterKey::FromFile(path)->public_key(), TestPublicKey(kOurs));
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  EXPECT_THAT(EmitterKey::FromFile(path), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  std::ofstream(path, std::ios::app) << std::string(kMaxEmitterKeyFileBytes, '\n');
  EXPECT_THAT(EmitterKey::FromFile(path), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(EmitterKey::FromFile(dir / "absent"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(EmitterKeyTest, ASealIsOfThisEventInThisLogAndStream) {
  const EmitterKey key = Ours();
  const v1::AuditEvent event = EventOf(1);
  ASSERT_OK_AND_ASSIGN(const v1::EmitterSeal seal,
                       key.Seal("ledger.test/clinic", event, std::string(32, 's')));
  EXPECT_EQ(seal.seed(), std::string(32, 's'));
  EXPECT_EQ(seal.public_key(), TestPublicKey(kOurs));
  const auto verify = [&](const std::string& origin, const v1::AuditEvent& of) {
    const std::string bytes = of.SerializeAsString();
    const Hash commitment = EventCommitment(DigestUnits(seal.seed(), CutUnitViews(bytes).value()));
    return VerifyEd25519(seal.public_key(),
                         EmitMessage(origin, of.source().stream_id(), of.event_id(), commitment),
                         seal.signature());
  };
  EXPECT_OK(verify("ledger.test/clinic", event));
  EXPECT_FALSE(verify("ledger.test/other", event).ok());
  EXPECT_FALSE(verify("ledger.test/clinic", EventOf(2)).ok());
  std::set<std::string> seeds;
  for (int i = 0; i < 10; ++i) seeds.insert(key.Seal("o", event)->seed());
  EXPECT_EQ(seeds.size(), 10u);
}

class SigningClientTest : public ::testing::Test {
 protected:
  SigningClientTest() : service_(log_) {
    options_.ledger = "ledgers/main";
    options_.log = PinnedLog{log_.origin(), log_.verifier()};
    options_.key = std::make_shared<const EmitterKey>(Ours());
  }
  absl::Status SendOne() {
    LedgerClient client(service_.channel(), options_);
    absl::Status out = absl::UnknownError("no result");
    const absl::Status sent = client.AppendStream(
        {EventOf(900)}, [&](size_t, const absl::StatusOr<v1::Receipt>& r) { out = r.status(); });
    return sent.ok() ? out : sent;
  }
  TestLog log_;
  LogService service_;
  LedgerClientOptions options_;
};

TEST_F(SigningClientTest, SignsWhatItSendsAndAsksForItBack) {
  service_.SignAs(kOurs);
  EXPECT_OK(SendOne());
  ASSERT_EQ(service_.seals().size(), 1u);
  EXPECT_EQ(service_.seals()[0].public_key(), TestPublicKey(kOurs));
  service_.SignAs(0);
  EXPECT_THAT(SendOne(), StatusIs(kLoss, HasSubstr("signature")));
  service_.SignAs(6);
  EXPECT_THAT(SendOne(), StatusIs(kLoss, HasSubstr("signature")));
  service_.SayRepeated(true);  // recorded before, by whoever could then
  EXPECT_OK(SendOne());
}

TEST_F(SigningClientTest, WithoutAKeyNothingIsSignedAndWithoutALogNothingCanBe) {
  options_.key = nullptr;
  EXPECT_OK(SendOne());
  EXPECT_EQ(service_.seals()[0].signature(), "");
  options_.key = std::make_shared<const EmitterKey>(Ours());
  options_.log.reset();
  EXPECT_THAT(SendOne(), StatusIs(kInvalid, HasSubstr("pinned log")));
}

}  // namespace
}  // namespace auditledger
