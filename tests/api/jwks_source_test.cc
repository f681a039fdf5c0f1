#include "api/access/jwks_source.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "tests/api/api_fixture.h"
#include "tests/api/test_issuer.h"
#include "tests/api/witness_http.h"
#include "tests/testing/fake_clock.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::KeySet;
using ::testing::Not;
using testing::StatusIs;
using testing::TestIssuer;

constexpr uint64_t kSecond = 1'000'000;

// What the issuer answers, and how often it was asked.
struct FakeIssuer {
  absl::StatusOr<HttpAnswer> answer = absl::UnavailableError("down");
  int asked = 0;
};

class FakeHttp : public HttpTransport {
 public:
  explicit FakeHttp(FakeIssuer& issuer) : issuer_(issuer) {}
  absl::StatusOr<HttpAnswer> Post(const std::string&, const HttpPost&) override {
    return absl::UnimplementedError("");
  }
  absl::StatusOr<HttpAnswer> Get(const std::string& url, size_t max_bytes) override {
    EXPECT_EQ(url, "https://idp.example/jwks");
    EXPECT_EQ(max_bytes, kMaxJwksBytes);
    ++issuer_.asked;
    return issuer_.answer;
  }

 private:
  FakeIssuer& issuer_;
};

class JwksSourceTest : public ::testing::Test {
 protected:
  void Write(const std::string& text) {
    std::ofstream(file_ + ".new") << text;
    ASSERT_EQ(std::rename((file_ + ".new").c_str(), file_.c_str()), 0);
  }
  std::string Log() { return testing::FileText(dir_.path() + "/log"); }
  std::unique_ptr<JwksSource> OfFile() {
    return JwksSource::Open({"idp", file_, "", "", nullptr}, clock_, *log_).value();
  }
  std::unique_ptr<JwksSource> OfUrl() {
    return JwksSource::Open({"idp", "", "https://idp.example/jwks", "",
                             [this] { return std::make_unique<FakeHttp>(issuer_); }},
                            clock_, *log_)
        .value();
  }
  void Answer(const std::string& body, int status = 200) {
    issuer_.answer = HttpAnswer{status, "application/json", body};
  }
  // One second on, and a look.
  static void Pass(JwksSource& source, testing::FakeClock& clock, uint64_t seconds) {
    for (uint64_t i = 0; i < seconds; ++i) {
      clock.Advance(kSecond);
      source.RunOnce();
    }
  }

  testing::TempDir dir_;
  const std::string file_ = dir_.path() + "/jwks.json";
  testing::FakeClock clock_;
  std::unique_ptr<RpcLog> log_ = RpcLog::Open("info", dir_.path() + "/log").value();
  FakeIssuer issuer_;
  const std::string good_ = TestIssuer::Get().Jwks();
  const std::string rotated_ = KeySet({TestIssuer::Get().ec().Jwk("next", "")});
};

TEST_F(JwksSourceTest, AFileMustBeGoodAtTheStart) {
  EXPECT_THAT(JwksSource::Open({"idp", file_, "", "", nullptr}, clock_, *log_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file_)));
  Write("{}");
  EXPECT_THAT(JwksSource::Open({"idp", file_, "", "", nullptr}, clock_, *log_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"keys\"")));
}

TEST_F(JwksSourceTest, AFileIsReadAgainWhenItChanges) {
  Write(good_);
  const auto source = OfFile();
  const auto before = source->keys();
  source->RunOnce();
  EXPECT_EQ(source->keys(), before) << "the same object while nothing changed";
  Write(rotated_);
  source->RunOnce();
  EXPECT_EQ(source->keys()->Find("ec"), nullptr);
  EXPECT_NE(source->keys()->Find("next"), nullptr);
  EXPECT_FALSE(source->WantKey()) << "a file is not asked";
}

TEST_F(JwksSourceTest, ABadFileLeavesTheLastGoodAndSaysSoOnce) {
  Write(good_);
  const auto source = OfFile();
  Write("{\"keys\":[");
  Pass(*source, clock_, 3);
  EXPECT_NE(source->keys()->Find("ec"), nullptr);
  EXPECT_TRUE(source->report().failing) << "until it is mended";
  EXPECT_EQ(source->report().age_s, 3);
  const std::string log = Log();
  EXPECT_THAT(log, HasSubstr("token_keys_failed"));
  EXPECT_EQ(log.find("token_keys_failed"), log.rfind("token_keys_failed"));
  Write(rotated_);
  Pass(*source, clock_, 1);
  EXPECT_FALSE(source->report().failing);
  EXPECT_EQ(source->report().age_s, 0);
  ASSERT_EQ(std::remove(file_.c_str()), 0);
  Pass(*source, clock_, 1);
  EXPECT_TRUE(source->report().failing);
  EXPECT_NE(source->keys(), nullptr);
}

// A key was stolen, and there is no other yet. (What a URL answers may be an issuer's fault: its
// keys stay for a day.)
TEST_F(JwksSourceTest, AFileWithoutAnyKeyWithdrawsThemAll) {
  Write(good_);
  const auto source = OfFile();
  Write("{\"keys\":[]}");
  Pass(*source, clock_, 1);
  ASSERT_NE(source->keys(), nullptr);
  EXPECT_EQ(source->keys()->size(), 0u);
  EXPECT_EQ(source->keys()->Find("ec"), nullptr);
  EXPECT_FALSE(source->report().failing);
  EXPECT_THAT(Log(), HasSubstr("\"keys\":\"0\""));
  Write(rotated_);
  Pass(*source, clock_, 1);
  EXPECT_NE(source->keys()->Find("next"), nullptr);
  Write("{\"keys\":[]}");
  EXPECT_THAT(JwksSource::Open({"idp", file_, "", "", nullptr}, clock_, *log_).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("holds no key")))
      << "nobody starts so on purpose";
}

TEST_F(JwksSourceTest, AnOldFileIsStillTheOperatorsWord) {
  Write(good_);
  const auto source = OfFile();
  clock_.Advance(30 * 24 * 3600 * kSecond);
  EXPECT_NE(source->keys(), nullptr);
}

TEST_F(JwksSourceTest, AUrlIsAskedEachInterval) {
  Answer(good_);
  const auto source = OfUrl();
  EXPECT_EQ(source->keys(), nullptr);
  EXPECT_EQ(source->report().age_s, -1);
  source->RunOnce();
  EXPECT_EQ(issuer_.asked, 1);
  const auto before = source->keys();
  EXPECT_EQ(before->size(), 2u);
  Pass(*source, clock_, 299);
  EXPECT_EQ(issuer_.asked, 1);
  EXPECT_EQ(source->report().age_s, 299);
  Pass(*source, clock_, 1);
  EXPECT_EQ(issuer_.asked, 2);
  EXPECT_EQ(source->keys(), before) << "the same set is the same object";
  EXPECT_EQ(source->report().age_s, 0);
  Answer(rotated_);
  Pass(*source, clock_, 300);
  EXPECT_NE(source->keys()->Find("next"), nullptr);
}

TEST_F(JwksSourceTest, AnIssuerThatIsDownLeavesTheLastGoodForADay) {
  Answer(good_);
  const auto source = OfUrl();
  source->RunOnce();
  for (const auto& answer : std::vector<absl::StatusOr<HttpAnswer>>{
           absl::UnavailableError("down"), HttpAnswer{500, "", good_}, HttpAnswer{302, "", good_},
           HttpAnswer{200, "", "<html>"}, HttpAnswer{200, "", "{\"keys\":[]}"}}) {
    issuer_.answer = answer;
    const int asked = issuer_.asked;
    Pass(*source, clock_, 300);
    EXPECT_GT(issuer_.asked, asked);
    EXPECT_NE(source->keys()->Find("ec"), nullptr);
    EXPECT_TRUE(source->report().failing);
  }
  const uint64_t age_s = static_cast<uint64_t>(source->report().age_s);
  clock_.Advance((24 * 3600 - age_s) * kSecond - 1);
  EXPECT_NE(source->keys(), nullptr);
  clock_.Advance(1);
  EXPECT_EQ(source->keys(), nullptr) << "a withdrawn key is not believed for ever";
  Answer(good_);
  Pass(*source, clock_, 300);
  EXPECT_NE(source->keys(), nullptr) << "the same set as before";
  EXPECT_FALSE(source->report().failing);
}

TEST_F(JwksSourceTest, FailuresAreTriedAgainLessAndLess) {
  const auto source = OfUrl();
  std::vector<int> at;
  for (int second = 0; second < 1000; ++second) {
    const int asked = issuer_.asked;
    source->RunOnce();
    if (issuer_.asked > asked) at.push_back(second);
    clock_.Advance(kSecond);
  }
  EXPECT_THAT(at, ::testing::ElementsAre(0, 5, 15, 35, 75, 155, 315, 615, 915));
}

TEST_F(JwksSourceTest, AnUnknownKeyAsksAtOnceAndOnceAMinute) {
  Answer(good_);
  const auto source = OfUrl();
  source->RunOnce();
  EXPECT_FALSE(source->WantKey()) << "they were asked for just now";
  EXPECT_EQ(issuer_.asked, 1);
  Pass(*source, clock_, 59);
  EXPECT_EQ(issuer_.asked, 1);
  Pass(*source, clock_, 1);
  EXPECT_EQ(issuer_.asked, 2) << "it was remembered";
  clock_.Advance(60 * kSecond - 1);
  EXPECT_FALSE(source->WantKey());
  clock_.Advance(1);
  Answer(rotated_);
  EXPECT_TRUE(source->WantKey()) << "try again";
  source->RunOnce();
  EXPECT_EQ(issuer_.asked, 3);
  EXPECT_NE(source->keys()->Find("next"), nullptr);
  for (int i = 0; i < 100; ++i) {
    source->WantKey();
    source->RunOnce();
  }
  EXPECT_EQ(issuer_.asked, 3);
}

TEST_F(JwksSourceTest, LogsNeitherUrlNorWhatTheIssuerSent) {
  issuer_.answer = HttpAnswer{200, "", "{\"secret\":1"};
  const auto source = OfUrl();
  source->RunOnce();
  const std::string log = Log();
  EXPECT_THAT(log, HasSubstr("token_keys_failed"));
  EXPECT_THAT(log, Not(HasSubstr("secret")));
}

TEST_F(JwksSourceTest, ItsThreadAsksOverHttp) {
  testing::LoopbackHttp server([this](httplib::Server& http) {
    http.Get("/jwks", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(good_, "application/json");
    });
  });
  const auto source = JwksSource::Open({"idp", "", server.url() + "/jwks", "",
                                        [] { return NewHttpTransport({.timeout = kJwksTimeout}); }},
                                       Clock::System(), *log_)
                          .value();
  source->Start();
  EXPECT_TRUE(testing::Eventually([&] { return source->keys() != nullptr; }));
  source->Stop();
}

}  // namespace
}  // namespace auditledger
