#include "api/access/crl_check.h"

#include <gmock/gmock.h>

#include <cstdio>
#include <fstream>

#include "tests/api/api_fixture.h"
#include "tests/api/test_ca.h"
#include "tests/testing/fake_clock.h"

namespace auditledger {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;
using testing::StatusIs;
using testing::TestCa;
using testing::TestCertificate;

constexpr uint64_t kSecond = 1'000'000;

class CrlCheckTest : public ::testing::Test {
 protected:
  CrlCheckTest() { clock_.SetWall(Clock::System().WallMicros()); }
  void Write(const std::string& text) {
    std::ofstream(file_ + ".new") << text;
    ASSERT_EQ(std::rename((file_ + ".new").c_str(), file_.c_str()), 0);
  }
  std::unique_ptr<CrlCheck> Open(const std::string& text) {
    Write(text);
    return CrlCheck::Open(ca_.pem(), file_, clock_, *log_).value();
  }

  testing::TempDir dir_;
  const std::string file_ = dir_.path() + "/clients.crl";
  testing::FakeClock clock_;
  std::unique_ptr<RpcLog> log_ = RpcLog::Open("info", dir_.path() + "/log").value();
  const TestCa ca_;
  const TestCertificate good_ = ca_.Client({"spiffe://h/ehr"});
  const TestCertificate revoked_ = ca_.Client({"spiffe://h/old"});
};

TEST_F(CrlCheckTest, ARevokedCertificateIsRefused) {
  const auto check = Open(ca_.Crl({revoked_.serial}));
  EXPECT_OK(check->Verify(good_.pem, ""));
  EXPECT_THAT(check->Verify(revoked_.pem, ""),
              StatusIs(StatusCode::kUnauthenticated, HasSubstr("revoked")));
}

TEST_F(CrlCheckTest, ANewListCountsWithinASecond) {
  const auto check = Open(ca_.Crl({}));
  EXPECT_OK(check->Verify(revoked_.pem, ""));
  Write(ca_.Crl({revoked_.serial}));
  clock_.Advance(kSecond - 1);
  EXPECT_OK(check->Verify(revoked_.pem, "")) << "the file is looked at once a second";
  clock_.Advance(1);
  EXPECT_THAT(check->Verify(revoked_.pem, ""), StatusIs(StatusCode::kUnauthenticated));
}

TEST_F(CrlCheckTest, ABadListLeavesTheLastGood) {
  const auto check = Open(ca_.Crl({revoked_.serial}));
  for (const std::string& bad :
       {std::string(), std::string("x"), TestCa().Crl({}), ca_.Crl({}).substr(0, 100)}) {
    Write(bad);
    clock_.Advance(kSecond);
    EXPECT_THAT(check->Verify(revoked_.pem, ""), StatusIs(StatusCode::kUnauthenticated));
    EXPECT_OK(check->Verify(good_.pem, ""));
  }
  EXPECT_THAT(testing::FileText(dir_.path() + "/log"), HasSubstr("crl_failed"));
}

TEST_F(CrlCheckTest, WithoutACurrentListNobodyPasses) {
  const auto check = Open(ca_.Crl({}, 60));
  EXPECT_OK(check->Verify(good_.pem, ""));
  clock_.Advance(120 * kSecond);
  EXPECT_THAT(check->Verify(good_.pem, ""),
              StatusIs(StatusCode::kUnauthenticated, HasSubstr("CRL has expired")));
  Write(ca_.Crl({}, 3600));
  clock_.Advance(kSecond);
  EXPECT_OK(check->Verify(good_.pem, ""));
}

TEST_F(CrlCheckTest, EachAuthorityOfTheChainNeedsItsList) {
  const TestCa between("between", &ca_);
  const TestCertificate leaf = between.Client({"spiffe://h/ehr"});
  auto check = Open(ca_.Crl({}));
  EXPECT_THAT(check->Verify(leaf.pem, between.pem()),
              StatusIs(StatusCode::kUnauthenticated, HasSubstr("unable to get certificate CRL")));
  check = Open(ca_.Crl({}) + between.Crl({}));
  EXPECT_OK(check->Verify(leaf.pem, between.pem()));
  check = Open(ca_.Crl({}) + between.Crl({leaf.serial}));
  EXPECT_THAT(check->Verify(leaf.pem, between.pem()), StatusIs(StatusCode::kUnauthenticated));
}

TEST_F(CrlCheckTest, WhatTheHandshakeRefusesIsRefusedHereToo) {
  const auto check = Open(ca_.Crl({}));
  EXPECT_FALSE(check->Verify(TestCa().Client({"spiffe://h/ehr"}).pem, "").ok());
  EXPECT_FALSE(check->Verify(TestCa::SelfSigned({"spiffe://h/ehr"}).pem, "").ok());
  EXPECT_FALSE(check->Verify(ca_.Client({"spiffe://h/ehr"}, -7200, -3600).pem, "").ok());
  EXPECT_FALSE(check->Verify("", "").ok());
  EXPECT_FALSE(check->Verify("x", "").ok());
  EXPECT_FALSE(check->Verify(good_.pem, "-----BEGIN CERTIFICATE-----\nAA").ok());
  EXPECT_FALSE(check->Verify(good_.pem + revoked_.pem, "").ok()) << "one leaf";
}

TEST_F(CrlCheckTest, TheFileMustBeGoodAtTheStart) {
  const auto open = [&](const std::string& text) {
    Write(text);
    return CrlCheck::Open(ca_.pem(), file_, clock_, *log_).status();
  };
  EXPECT_THAT(open(""), StatusIs(StatusCode::kInvalidArgument, HasSubstr(file_)));
  EXPECT_THAT(open(ca_.pem()), StatusIs(StatusCode::kInvalidArgument, HasSubstr("lists")));
  EXPECT_THAT(open(TestCa("other").Crl({})),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("client_ca_file")));
  EXPECT_THAT(open(TestCa().Crl({})), StatusIs(StatusCode::kInvalidArgument))
      << "of an authority of the same name";
  EXPECT_THAT(CrlCheck::Open(ca_.pem(), dir_.path() + "/none", clock_, *log_).status(),
              StatusIs(StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace auditledger
