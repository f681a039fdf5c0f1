// The words of a bundle, and the events of its custody.
#include "tools/bundle_texts.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "merkle/units.h"
#include "tools/auditctl_custody.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(BundleTextsTest, EachCodeHasOneMeaning) {
  std::set<std::pair<std::string, std::string>> codes;
  for (const GlossaryCode& code : BundleGlossary()) {
    EXPECT_TRUE(codes.insert({code.system, code.code}).second) << code.code;
    EXPECT_FALSE(code.meaning.empty());
  }
}

TEST(BundleTextsTest, TheCertificateIsADraftThatNamesLogHeadAndKey) {
  BundleManifest manifest;
  manifest.origin = "log.example/clinic";
  manifest.package = "p-1";
  manifest.vkey = "log.example/clinic+00000000+AAAA";
  const Checkpoint head = {"log.example/clinic", 77, LeafHash("x"), {}};
  const std::string text = CertificateDraft(manifest, head, 5);
  EXPECT_THAT(text, ::testing::StartsWith("DRAFT"));
  for (const std::string& part : {manifest.origin, manifest.package, manifest.vkey,
                                  head.root.ToHex(), std::string("5 entries out of a log of 77")}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_EQ(text.find('$'), std::string::npos);
}

TEST(CustodyEventTest, NamesTheManifestAndIsWhatALedgerSeals) {
  ctl::CustodyStep step;
  step.code = "export";
  step.package = "p-1";
  step.case_id = "12";
  step.manifest = LeafHash("m");
  step.who = "P. Officer";
  step.other = "C. Counsel";
  step.purpose = "complaint";
  const v1::AuditEvent event = ctl::CustodyEvent(step, "e-1", 1'700'000'000'000'123);
  EXPECT_EQ(event.entity(0).content_sha256(), std::string(step.manifest.view()));
  EXPECT_EQ(event.recorded().at().seconds(), 1'700'000'000);
  EXPECT_EQ(event.recorded().at().nanos(), 123'000);
  EXPECT_EQ(event.agent_size(), 2);
  EXPECT_TRUE(event.agent(0).requestor());
  EXPECT_EQ(event.agent(1).type().coding(0).code(), "approver");
  EXPECT_TRUE(CutUnits(event.SerializeAsString()).ok());
  step.code = "hand-over";
  EXPECT_EQ(ctl::CustodyEvent(step, "e-1", 1).agent(1).type().coding(0).code(), "receiver");
}

TEST(CustodyEventTest, IdsAreUuidsAndDiffer) {
  EXPECT_THAT(ctl::RandomUuid(), MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]"
                                              "{3}-[0-9a-f]{12}"));
  EXPECT_NE(ctl::RandomUuid(), ctl::RandomUuid());
}

}  // namespace
}  // namespace auditledger
