// ErasureService on a real LedgerSet: two administrators erase, and everybody is told.
//
// Covers: api/erasure_service
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "auditledger/v1/erasure_service.grpc.pb.h"
#include "merkle/erasure_entries.h"
#include "merkle/leaf.h"
#include "merkle/opening.h"
#include "tests/api/api_fixture.h"

namespace auditledger {
namespace {

using testing::Detail;
using testing::GoodEvent;
using ::testing::HasSubstr;
using testing::StatusIs;

// One server with two listeners: an administrator comes by "local:admin", and, where one person
// suffices, approves too.
class ErasureServiceTest : public ::testing::Test {
 protected:
  explicit ErasureServiceTest(bool one_person = true) {
    LedgerSetOptions options;
    options.roots = {dir_ / "data", dir_ / "state", dir_ / "keys", dir_ / "seeds"};
    options.one_person_erases = [one_person](const std::string&) { return one_person; };
    ledgers_ = LedgerSet::Open(options).value();
    ledger_ = ledgers_->Create("main", "test.example/log").value();
    server_ = std::make_unique<testing::ServerUnderTest>(*ledgers_);
    stub_ = v1::ErasureService::NewStub(server_->admin_channel());
    for (int i = 0; i < 20; ++i) {
      v1::AuditEvent event = GoodEvent(absl::StrCat("e", i), static_cast<uint64_t>(i) + 1);
      if (i % 5 == 2) {
        event.mutable_patient(0)->mutable_identifier()->set_system("urn:mrn");
        event.mutable_patient(0)->mutable_identifier()->set_value("12");
      }
      EXPECT_OK(server_->Append(event));
    }
  }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::ErasureService::Stub::*method)(
                                    grpc::ClientContext*, const Request&, Response*),
                                Request request, v1::ErasureService::Stub* stub = nullptr) {
    if (request.ledger().empty()) request.set_ledger("ledgers/main");
    grpc::ClientContext context;
    Response response;
    const grpc::Status status =
        ((stub != nullptr ? stub : stub_.get())->*method)(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }
  static v1::RequestErasureRequest Ask(uint64_t first, uint64_t last) {
    v1::RequestErasureRequest request;
    request.add_ranges()->set_first(first);
    request.mutable_ranges(0)->set_last(last);
    request.set_reason(v1::ERASURE_REASON_SUBJECT_REQUEST);
    request.set_why("case 12");
    return request;
  }
  absl::StatusOr<v1::ApproveErasureResponse> Approve(uint64_t index) {
    v1::ApproveErasureRequest request;
    request.set_request_index(index);
    return Call(&v1::ErasureService::Stub::ApproveErasure, request);
  }
  static std::string ReasonIn(const absl::Status& status) {
    return Detail<google::rpc::ErrorInfo>(status).reason();
  }

  testing::TempDir dir_;
  std::unique_ptr<LedgerSet> ledgers_;
  Ledger* ledger_ = nullptr;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::unique_ptr<v1::ErasureService::Stub> stub_;
};

class TwoPersonsTest : public ErasureServiceTest {
 protected:
  TwoPersonsTest() : ErasureServiceTest(false) {}
};

using Stub = v1::ErasureService::Stub;

TEST_F(ErasureServiceTest, ErasesAndEveryReaderIsTold) {
  ASSERT_OK_AND_ASSIGN(const auto request, Call(&Stub::RequestErasure, Ask(3, 5)));
  EXPECT_EQ(request.receipt().index(), 21u);
  v1::AuditEvent event;
  ASSERT_TRUE(event.ParseFromString(request.event()));
  EXPECT_EQ(event.outcome().description(), "case 12");
  EXPECT_EQ(event.agent(0).who().identifier().value(), "local:admin");
  const Opening opening{request.receipt().opening().seed(), request.receipt().opening().header(),
                        request.event()};
  EXPECT_OK(VerifyOpening(ParseLeaf(request.receipt().leaf()).value(), opening, std::nullopt));
  ASSERT_OK_AND_ASSIGN(const auto erased, Approve(21));
  EXPECT_EQ(erased.receipt().index(), 22u);
  ASSERT_EQ(erased.ranges_size(), 1);
  EXPECT_EQ(erased.ranges(0).last(), 5u);
  v1::GetEntryRequest get;
  get.set_name("ledgers/main/entries/4");
  get.set_view(v1::ENTRY_VIEW_FULL);
  ASSERT_OK_AND_ASSIGN(const auto entry, server_->Call(&v1::LedgerService::Stub::GetEntry, get));
  EXPECT_EQ(entry.entry().payload_state(), v1::PAYLOAD_STATE_ERASED);
  EXPECT_EQ(entry.entry().erased_by(), 22u);
  EXPECT_FALSE(entry.entry().has_opening());
  v1::ListEntriesRequest list;
  list.set_parent("ledgers/main");
  list.set_view(v1::ENTRY_VIEW_FULL);
  ASSERT_OK_AND_ASSIGN(const auto page, server_->Call(&v1::LedgerService::Stub::ListEntries, list));
  EXPECT_EQ(page.entries(5).erased_by(), 22u);
  EXPECT_EQ(page.entries(6).erased_by(), 0u);
  const absl::Status again = server_->Append(GoodEvent("e3", 4)).status();
  EXPECT_THAT(again,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("erased by entry 22")));
  EXPECT_EQ(Detail<google::rpc::ErrorInfo>(again).metadata().at("erased_by"), "22");
  EXPECT_EQ(ReasonIn(Approve(21).status()), "REQUEST_DONE");
  EXPECT_EQ(ReasonIn(Call(&Stub::RequestErasure, Ask(5, 5)).status()), "EVENT_ERASED");
}

TEST_F(TwoPersonsTest, WhoAsksDoesNotApprove) {
  ASSERT_OK_AND_ASSIGN(const auto request, Call(&Stub::RequestErasure, Ask(3, 5)));
  EXPECT_EQ(ReasonIn(Approve(request.receipt().index()).status()), "SECOND_PERSON_NEEDED");
}

TEST_F(ErasureServiceTest, FindsAPatientsEntriesByTheirTag) {
  v1::FindSubjectRequest request;
  request.mutable_subject()->set_system("urn:mrn");
  request.mutable_subject()->set_value("12");
  ASSERT_OK_AND_ASSIGN(auto found, Call(&Stub::FindSubject, request));
  ASSERT_EQ(found.ranges_size(), 4);
  EXPECT_EQ(found.ranges(0).first(), 3u);
  EXPECT_EQ(found.ranges(3).last(), 18u);
  EXPECT_EQ(found.next_index(), found.size());
  request.set_start_index(8);
  ASSERT_OK_AND_ASSIGN(found, Call(&Stub::FindSubject, request));
  EXPECT_EQ(found.ranges(0).first(), 8u);
  ASSERT_OK_AND_ASSIGN(const auto asked, Call(&Stub::RequestErasure, Ask(3, 8)));
  ASSERT_OK(Approve(asked.receipt().index()));
  request.set_start_index(0);
  ASSERT_OK_AND_ASSIGN(found, Call(&Stub::FindSubject, request));
  EXPECT_EQ(found.ranges(0).first(), 13u) << "what is erased is left out";
  // All are of this reference: neighbours are one range, and the ledger's own are none of them.
  request.mutable_subject()->set_system("");
  request.mutable_subject()->set_value("Patient/4711");
  ASSERT_OK_AND_ASSIGN(found, Call(&Stub::FindSubject, request));
  EXPECT_EQ(found.ranges(1).last(), 20u);
  request.mutable_subject()->set_value("nobody");
  ASSERT_OK_AND_ASSIGN(found, Call(&Stub::FindSubject, request));
  EXPECT_EQ(found.ranges_size(), 0);
  request.mutable_subject()->clear_value();
  EXPECT_THAT(Call(&Stub::FindSubject, request).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("subject.value")));
  request.mutable_subject()->set_value("x");
  request.set_start_index(1000);
  EXPECT_EQ(ReasonIn(Call(&Stub::FindSubject, request).status()), "INDEX_BEYOND_SIZE");
}

// Who looked for a patient is on record, and that record stands for ever.
TEST_F(ErasureServiceTest, WhoReadIsNotErasable) {
  v1::FindSubjectRequest find;
  find.mutable_subject()->set_value("Patient/4711");
  ASSERT_OK(Call(&Stub::FindSubject, find));
  const uint64_t record = ledger_->head()->head.size - 1;
  const absl::Status refused = Call(&Stub::RequestErasure, Ask(record - 2, record)).status();
  EXPECT_EQ(ReasonIn(refused), "NOT_ERASABLE");
  EXPECT_THAT(refused.message(), HasSubstr(absl::StrCat("entry ", record, " ")));
  EXPECT_OK(Call(&Stub::RequestErasure, Ask(record - 2, record - 1)));
}

TEST_F(ErasureServiceTest, ASecretInTheReasonLeavesTheReceiptGood) {
  v1::RequestErasureRequest request = Ask(3, 4);
  request.set_why("they sent password=hunter2");
  ASSERT_OK_AND_ASSIGN(const auto response, Call(&Stub::RequestErasure, request));
  EXPECT_THAT(response.event(), HasSubstr("password=*******"));
  const Leaf leaf = ParseLeaf(response.receipt().leaf()).value();
  EXPECT_OK(VerifyOpening(leaf,
                          {response.receipt().opening().seed(),
                           response.receipt().opening().header(), response.event()},
                          std::nullopt));
}

TEST_F(ErasureServiceTest, AHoldStandsInTheWay) {
  v1::PlaceLegalHoldRequest place;
  place.add_ranges()->set_first(4);
  place.mutable_ranges(0)->set_last(4);
  place.set_why("court order");
  ASSERT_OK_AND_ASSIGN(const auto placed, Call(&Stub::PlaceLegalHold, place));
  EXPECT_EQ(placed.receipt().index(), 21u);
  const absl::Status held = Call(&Stub::RequestErasure, Ask(3, 5)).status();
  EXPECT_EQ(ReasonIn(held), "LEGAL_HOLD");
  EXPECT_EQ(Detail<google::rpc::ErrorInfo>(held).metadata().at("hold"), "21");
  v1::LiftLegalHoldRequest lift;
  lift.set_hold_index(20);
  lift.set_why("closed");
  EXPECT_EQ(ReasonIn(Call(&Stub::LiftLegalHold, lift).status()), "NO_SUCH_HOLD");
  lift.set_hold_index(21);
  EXPECT_OK(Call(&Stub::LiftLegalHold, lift));
  EXPECT_OK(Call(&Stub::RequestErasure, Ask(3, 5)));
  place.clear_ranges();
  EXPECT_OK(Call(&Stub::PlaceLegalHold, place));
  EXPECT_EQ(ReasonIn(Call(&Stub::RequestErasure, Ask(9, 9)).status()), "LEGAL_HOLD");
}

TEST_F(ErasureServiceTest, FieldsAreChecked) {
  const auto violates = [](const absl::Status& status) { return testing::FirstViolation(status); };
  v1::RequestErasureRequest request = Ask(3, 5);
  request.clear_why();
  EXPECT_THAT(violates(Call(&Stub::RequestErasure, request).status()),
              HasSubstr("why: is required"));
  request.set_why(std::string(1025, 'w'));
  EXPECT_THAT(violates(Call(&Stub::RequestErasure, request).status()), HasSubstr("at most 1024"));
  request.set_why(std::string(1024, 'w'));
  EXPECT_OK(Call(&Stub::RequestErasure, request));
  request.clear_reason();
  EXPECT_THAT(violates(Call(&Stub::RequestErasure, request).status()), HasSubstr("reason: is"));
  request.set_reason(static_cast<v1::ErasureReason>(77));
  EXPECT_THAT(violates(Call(&Stub::RequestErasure, request).status()), HasSubstr("reason: is"));
  request = Ask(5, 3);
  EXPECT_THAT(violates(Call(&Stub::RequestErasure, request).status()), HasSubstr("ranges: "));
  request.clear_ranges();
  EXPECT_THAT(violates(Call(&Stub::RequestErasure, request).status()), HasSubstr("ranges: is"));
  EXPECT_EQ(ReasonIn(Call(&Stub::RequestErasure, Ask(0, 0)).status()), "NOT_ERASABLE");
  EXPECT_EQ(ReasonIn(Call(&Stub::RequestErasure, Ask(3, 500)).status()), "INDEX_BEYOND_SIZE");
  EXPECT_EQ(ReasonIn(Approve(5).status()), "NO_SUCH_REQUEST");
  request = Ask(3, 3);
  request.set_ledger("ledgers/none");
  EXPECT_EQ(ReasonIn(Call(&Stub::RequestErasure, request).status()), "LEDGER_NOT_FOUND");
  v1::PlaceLegalHoldRequest place;
  EXPECT_THAT(violates(Call(&Stub::PlaceLegalHold, place).status()), HasSubstr("why: is"));
  EXPECT_THAT(violates(Call(&Stub::LiftLegalHold, v1::LiftLegalHoldRequest()).status()),
              HasSubstr("why: is"));
  v1::ApproveErasureRequest approve;
  approve.set_why(std::string(1025, 'w'));
  EXPECT_THAT(violates(Call(&Stub::ApproveErasure, approve).status()), HasSubstr("at most 1024"));
}

TEST_F(ErasureServiceTest, IsForPrivacyOfficers) {
  const auto stranger = v1::ErasureService::NewStub(server_->channel());
  EXPECT_THAT(Call(&Stub::RequestErasure, Ask(3, 3), stranger.get()).status(),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Call(&Stub::FindSubject, v1::FindSubjectRequest(), stranger.get()).status(),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Call(&Stub::ApproveErasure, v1::ApproveErasureRequest(), stranger.get()).status(),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Call(&Stub::PlaceLegalHold, v1::PlaceLegalHoldRequest(), stranger.get()).status(),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(Call(&Stub::LiftLegalHold, v1::LiftLegalHoldRequest(), stranger.get()).status(),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace auditledger
