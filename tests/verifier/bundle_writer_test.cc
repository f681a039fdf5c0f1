// A bundle that is written verifies; and what is withheld by policy is not in it.
// Covers: verifier/bundle_redaction
#include "verifier/bundle_writer.h"

#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "absl/strings/match.h"
#include "auditledger/v1/event.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_log.h"
#include "tests/verifier/test_export.h"
#include "verifier/bundle_custody.h"
#include "verifier/bundle_redaction.h"
#include "verifier/bundle_verify.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReadFile;
using testing::StatusIs;
using testing::TempDir;
using testing::TestLog;

// An access that names two patients, a nurse, an address and typed text.
std::string Access(const std::string& id) {
  v1::AuditEvent event;
  event.set_event_id(id);
  event.set_schema_version(1);
  event.mutable_recorded()->mutable_at()->set_seconds(1'700'000'000);
  event.set_action(v1::ACTION_READ);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  event.mutable_outcome()->set_description("typed by Nele");
  event.mutable_emergency_access()->set_justification("asked by the neighbour");
  event.mutable_emergency_access()->set_override_id("btg-1");
  for (const char* patient : {"4711", "0815"}) {
    v1::Identifier& identifier = *event.add_patient()->mutable_identifier();
    identifier.set_system("urn:mrn");
    identifier.set_value(patient);
  }
  v1::Agent& agent = *event.add_agent();
  agent.mutable_who()->set_reference("Practitioner/nele");
  agent.set_name("Nele Jansen");
  agent.set_requestor(true);
  agent.mutable_network()->set_address("10.0.7.12");
  agent.set_department("cardiology");
  event.mutable_source()->mutable_observer()->set_reference("Device/his");
  event.mutable_source()->set_host("ward-pc-7");
  event.mutable_source()->set_stream_id("his-1");
  v1::Entity& entity = *event.add_entity();
  entity.mutable_what()->set_reference("Observation/of-0815");
  entity.set_description("letter about 0815");
  event.mutable_original()->set_format("native");
  event.mutable_original()->set_content("Nele 0815 10.0.7.12");
  return event.SerializeAsString();
}

class BundleWriterTest : public ::testing::Test {
 protected:
  BundleWriterTest() {
    log_.AddEvents(3);
    log_.AddEvent(Access("a-1"));
    log_.AddEvents(2);
    size_ = log_.size();
  }

  std::string Path() const { return dir_.File("x.bundle"); }
  Pin ThePin() const { return MakePin(log_.origin(), log_.verifier().ToVkey()).value(); }

  BundleEntry EntryOf(uint64_t index, const Redaction& redaction) {
    BundleEntry entry;
    entry.index = index;
    entry.leaf_bytes = log_.leaves()[index];
    entry.leaf = ParseLeaf(entry.leaf_bytes).value();
    if (!log_.openings()[index]) return entry;
    const OpeningView opening = ViewOf(*log_.openings()[index]);
    const std::vector<UnitView> units = CutUnitViews(opening.event).value();
    const std::vector<uint8_t> rules = redaction.RulesOf(units);
    size_t next = 0;
    EXPECT_OK(OpenInto(opening, {kShown, [&](const UnitView&) { return rules[next++]; }}, entry));
    return entry;
  }

  // Entries [begin, end), redacted.
  Hash Write(uint64_t begin, uint64_t end, const Redaction& redaction) {
    const auto writer = BundleWriter::Create(Path()).value();
    for (uint64_t i = begin; i < end; ++i) EXPECT_OK(writer->Add(EntryOf(i, redaction)));
    BundleParts parts;
    parts.size = size_;
    parts.examined = end - begin;
    parts.head = log_.CheckpointAt(size_);
    if (end - begin < size_) {
      parts.query.kind = BundleQuery::Kind::kRange;
      parts.query.begin = begin;
      parts.query.end = end;
    }
    for (const LeafRange& run : writer->Runs()) {
      parts.inclusion.push_back({run.begin, run.end, RangeProof(run, size_, log_).value()});
    }
    parts.consistency = {
        EncodeEarlierHead(log_.CheckpointAt(2), ConsistencyProof(2, size_, log_).value())};
    parts.coverage = {{"p", "s", 1, 1, {}, false}};
    parts.glossary = {{"s", "c", "m"}};
    parts.certificate = "draft";
    parts.manifest.package = "package-1";
    parts.manifest.origin = log_.origin();
    return writer->Finish(parts).value();
  }

  // An entry of the log that says so, and its record.
  void Record(const Hash& manifest, const std::string& code) {
    v1::AuditEvent event;
    event.set_event_id(code);
    v1::Coding& coding = *event.add_code()->add_coding();
    coding.set_system(std::string(kCustodySystem));
    coding.set_code(code);
    event.add_entity()->set_content_sha256(std::string(manifest.view()));
    const std::string bytes = event.SerializeAsString();
    const uint64_t index = log_.AddEvent(bytes);
    EXPECT_OK(AppendCustody(Path(),
                            EncodeCustodyRecord(log_.ReceiptFor(index, index + 1), bytes,
                                                ConsistencyProof(size_, index + 1, log_).value())));
  }

  BundleReport Verify() {
    file_ = ReadFile(Path());
    BundleInput input;
    input.bytes = file_;
    return VerifyBundle(input, ThePin());
  }

  TestLog log_;
  TempDir dir_;
  uint64_t size_ = 0;
  std::string file_;
  const Redaction nothing_{{}, {}};
};

TEST_F(BundleWriterTest, WhatIsWrittenVerifiesOnceTheLogKnowsOfIt) {
  const Hash manifest = Write(0, size_, nothing_);
  EXPECT_EQ(Verify().Name(), "cannot tell") << BundleText(Verify());
  Record(manifest, "export");
  EXPECT_EQ(Verify().Name(), "verified, unwitnessed") << BundleText(Verify());
  Record(manifest, "hand-over");
  const BundleReport report = Verify();
  EXPECT_EQ(report.Name(), "verified, unwitnessed") << BundleText(report);
  EXPECT_THAT(report.findings.of(BundleClaim::kCustody).reason, HasSubstr("hand-overs: 1"));
}

TEST_F(BundleWriterTest, ARangeVerifiesToo) {
  for (uint64_t begin = 0; begin < size_; ++begin) {
    for (uint64_t end = begin + 1; end <= size_; ++end) {
      Write(begin, end, nothing_);
      const BundleReport report = Verify();
      EXPECT_EQ(report.ExitCode(), 2) << BundleText(report);
      EXPECT_EQ(report.findings.of(BundleClaim::kCompleteness).result, ClaimResult::kPass);
    }
  }
}

TEST_F(BundleWriterTest, TheFileIsItsOwnersAndNothingElseStays) {
  Write(1, 3, nothing_);
  struct stat status = {};
  ASSERT_EQ(::stat(Path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600);
  EXPECT_NE(::stat((Path() + ".tmp").c_str(), &status), 0);
  EXPECT_NE(::stat((Path() + ".entries.tmp").c_str(), &status), 0);
}

TEST_F(BundleWriterTest, EntriesAscend) {
  const auto writer = BundleWriter::Create(Path()).value();
  EXPECT_OK(writer->Add(EntryOf(2, nothing_)));
  EXPECT_THAT(writer->Add(EntryOf(2, nothing_)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(writer->Add(EntryOf(1, nothing_)), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(BundleWriterTest, AFileThatCannotBeWrittenIsSaidSo) {
  const auto unavailable = StatusIs(absl::StatusCode::kUnavailable);
  EXPECT_THAT(BundleWriter::Create(dir_.File("none/x")).status(), unavailable);
  EXPECT_THAT(AppendCustody(dir_.File("none/x"), "record"), unavailable);
  const auto writer = BundleWriter::Create(Path()).value();
  EXPECT_OK(writer->Add(EntryOf(1, nothing_)));
  std::filesystem::create_directories(Path() + "/in the way");
  EXPECT_THAT(writer->Finish({}).status(), unavailable);
}

TEST_F(BundleWriterTest, ARecordOverTheLimitIsRefused) {
  const std::string large(kMaxBundleRecordBytes + 1, 'x');
  const auto finish = [&](const std::function<void(BundleParts&)>& change) {
    BundleParts parts;
    change(parts);
    return BundleWriter::Create(Path()).value()->Finish(parts).status();
  };
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  EXPECT_OK(finish([](BundleParts&) {}));
  EXPECT_THAT(finish([&](BundleParts& p) {
                p.query.kind = BundleQuery::Kind::kTag;
                p.query.about = large;
              }),
              refused);
  EXPECT_THAT(finish([&](BundleParts& p) { p.head = large; }), refused);
  EXPECT_THAT(finish([&](BundleParts& p) { p.key_changes = large; }), refused);
  EXPECT_THAT(finish([&](BundleParts& p) { p.consistency = {large}; }), refused);
  EXPECT_THAT(finish([&](BundleParts& p) { p.completeness = {large}; }), refused);
  EXPECT_THAT(finish([&](BundleParts& p) {
                p.coverage = {{large, "", 0, 0, {}, false}};
              }),
              refused);
  EXPECT_THAT(finish([&](BundleParts& p) { p.glossary = {{large, "", ""}}; }), refused);
  EXPECT_THAT(finish([&](BundleParts& p) { p.certificate = large; }), refused);
  EXPECT_THAT(finish([&](BundleParts& p) { p.manifest.case_id = large; }), refused);
  EXPECT_THAT(AppendCustody(Path(), large), refused);
  EXPECT_FALSE(AppendCustody("/dev/full", "a step").ok()) << "no room";
}

TEST_F(BundleWriterTest, AnEntryAtTheLimitOfARecordAndBeyond) {
  const auto writer = BundleWriter::Create(Path()).value();
  BundleEntry entry = EntryOf(1, nothing_);
  const size_t without = EncodeBundleEntry(entry).size() - entry.units[0].bytes.size();
  const std::string large(kMaxBundleRecordBytes - without + 1, 'x');
  entry.units[0].bytes = large;
  EXPECT_THAT(writer->Add(entry), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(writer->Runs().size(), 0u) << "what is refused is not proven either";
  entry.units[0].bytes.remove_suffix(1);
  EXPECT_OK(writer->Add(entry));
}

TEST_F(BundleWriterTest, AnOutcomeIsFreeTextWhereItHasSome) {
  const auto file_of = [&](const std::function<void(v1::Outcome&)>& fill) {
    v1::AuditEvent event;
    event.set_event_id("e");
    event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
    fill(*event.mutable_outcome());
    const uint64_t index = log_.AddEvent(event.SerializeAsString());
    size_ = log_.size();
    Write(index, index + 1, Redaction({.free_text = true}, {}));
    Verify();
    return file_;
  };
  EXPECT_THAT(file_of([](v1::Outcome& o) { o.set_native_code("shown-1"); }), HasSubstr("shown-1"));
  EXPECT_THAT(file_of([](v1::Outcome& o) { o.set_description("typed-1"); }),
              Not(HasSubstr("typed-1")));
  EXPECT_THAT(file_of([](v1::Outcome& o) { o.add_detail()->set_text("typed-2"); }),
              Not(HasSubstr("typed-2")));
}

TEST_F(BundleWriterTest, WhatAPolicyWithholdsIsNotInTheFile) {
  const std::vector<TagKey> subject = {{"patient", "urn:mrn", "4711"}};
  struct Case {
    RedactionPolicy policy;
    std::vector<std::string> gone;
    std::vector<std::string> stays;
  };
  const std::vector<Case> cases = {
      {{}, {}, {"0815", "Nele 0815", "10.0.7.12", "neighbour", "ward-pc-7"}},
      {{.other_patients = true}, {"0815"}, {"4711", "Nele Jansen", "10.0.7.12", "neighbour"}},
      {{.staff_names = true}, {"Nele Jansen", "Practitioner"}, {"cardiology", "0815", "10.0.7.12"}},
      {{.free_text = true}, {"neighbour", "typed by", "letter"}, {"Nele Jansen", "btg-1"}},
      {{.network = true}, {"10.0.7.12", "ward-pc-7"}, {"Nele Jansen", "0815"}},
      {RedactionPolicy::MinimumNecessary(),
       {"0815", "Nele", "10.0.7.12", "neighbour", "ward-pc-7", "Practitioner"},
       {"4711", "cardiology", "btg-1"}}};
  for (const Case& each : cases) {
    const Redaction redaction(each.policy, subject);
    Record(Write(4, 5, redaction), "export");
    const BundleReport report = Verify();
    EXPECT_EQ(report.Name(), "verified, unwitnessed") << BundleText(report);
    for (const std::string& word : each.gone) EXPECT_THAT(file_, Not(HasSubstr(word)));
    for (const std::string& word : each.stays) EXPECT_THAT(file_, HasSubstr(word));
  }
}

TEST_F(BundleWriterTest, TheSameNumberOfAnotherSystemIsAnotherPatient) {
  Write(4, 5, Redaction({.other_patients = true}, {{"patient", "urn:elsewhere", "4711"}}));
  Verify();
  EXPECT_THAT(file_, Not(HasSubstr("4711")));
}

TEST_F(BundleWriterTest, WithoutASubjectEveryPatientIsAnother) {
  // Nobody is whom the answer is about, so everybody is another.
  Write(4, 5, Redaction({.other_patients = true}, {}));
  Verify();
  EXPECT_THAT(file_, Not(HasSubstr("4711")));
}

TEST_F(BundleWriterTest, ObjectsThatAreOtherPatientsAreWithheldWithoutAPatientBesideThem) {
  const std::vector<TagKey> subject = {{"patient", "", "Patient/7"}};
  const auto file_of = [&](const std::string& patient, const std::string& what) {
    v1::AuditEvent event;
    event.set_event_id("e");
    if (!patient.empty()) event.add_patient()->set_reference(patient);
    event.mutable_source()->mutable_observer()->set_reference("http://app.example/Patient/app");
    event.add_agent()->set_requestor(true);
    event.add_agent()->set_department("more agents than patients");
    event.add_entity()->mutable_what()->set_reference(what);
    event.mutable_entity(0)->mutable_what()->set_display("shown-1");
    const uint64_t index = log_.AddEvent(event.SerializeAsString());
    size_ = log_.size();
    Write(index, index + 1, Redaction({.other_patients = true}, subject));
    Verify();
    return file_;
  };
  EXPECT_THAT(file_of("", "Patient/8"), Not(HasSubstr("Patient/8")));
  EXPECT_THAT(file_of("", "Observation/9"), Not(HasSubstr("Observation/9")));
  EXPECT_THAT(file_of("Patient/7", "http://his.example/Patient/8"), Not(HasSubstr("Patient/8")));
  EXPECT_THAT(file_of("Patient/7", "Patient/7"), HasSubstr("shown-1"));
  EXPECT_THAT(file_of("Patient/7", "Patient/77"), Not(HasSubstr("shown-1")));
  EXPECT_THAT(file_of("Patient/7", "Observation/9"), HasSubstr("Observation/9"));
}

TEST_F(BundleWriterTest, AnIdentifierThatReadsAsAReferenceIsNone) {
  v1::AuditEvent event;
  event.set_event_id("e");
  event.add_patient()->mutable_identifier()->set_system("urn:mrn");
  event.mutable_patient(0)->mutable_identifier()->set_value("Patient/7");
  event.add_entity()->mutable_what()->set_reference("Patient/7");
  const std::string bytes = event.SerializeAsString();
  const std::vector<UnitView> units = CutUnitViews(bytes).value();
  ASSERT_EQ(units.back().path.field, kEntityField);
  const Redaction redaction({.other_patients = true}, {{"patient", "urn:mrn", "Patient/7"}});
  EXPECT_EQ(redaction.RulesOf(units).back(), kRuleOtherPatients);
}

TEST_F(BundleWriterTest, AnAgentsPurposeIsNoOutcomeForAllItsNumber) {
  constexpr uint32_t kPurposeOfUse = 11;  // of Agent, as outcome of AuditEvent
  v1::AuditEvent event;
  event.mutable_outcome()->set_description("typed");
  const std::string bytes = event.SerializeAsString();
  const auto rule_of = [&](const UnitPath& path) {
    return Redaction({.free_text = true}, {}).RulesOf({{path, bytes}}).front();
  };
  EXPECT_EQ(rule_of({kPurposeOfUse, 0, 0}), kRuleFreeText);
  EXPECT_EQ(rule_of({kAgentField, 0, kPurposeOfUse}), kShown);
}

TEST_F(BundleWriterTest, EachRuleHasANameAndAReason) {
  for (uint8_t rule = kRuleOtherPatients; rule <= kRuleNotAskedFor; ++rule) {
    EXPECT_EQ(BundleRuleOf(rule).rule, rule);
    EXPECT_FALSE(BundleRuleOf(rule).name.empty());
    EXPECT_FALSE(BundleRuleOf(rule).why.empty());
  }
}

}  // namespace
}  // namespace auditledger
