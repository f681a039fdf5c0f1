// The log of the log, over the server: no payload without an entry before it, whoever asks and
// however; a refusal is on record in the ledger it names.
//
// Covers: api/access/access_event, api/access/access_log
#include "api/access/access_log.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <map>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "api/access/permissions.h"
#include "api/limits.h"
#include "tests/api/access_record.h"
#include "tests/api/api_fixture.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/fake_random.h"

namespace auditledger {
namespace {

using ::testing::ElementsAre;
using testing::Eventually;
using testing::GoodEvent;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::OnRecord;
using ::testing::SizeIs;
using testing::StatusIs;
using Stub = v1::LedgerService::Stub;

class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() {
    LedgerSetOptions options;
    options.roots = {dir_ / "data", dir_ / "state", dir_ / "keys", dir_ / "seeds"};
    ledgers_ = LedgerSet::Open(options).value();
    ledger_ = ledgers_->Create("main", "test.example/log").value();
    server_ = std::make_unique<testing::ServerUnderTest>(*ledgers_, Serving);
    for (int i = 0; i < 3; ++i) {
      EXPECT_OK(server_->Append(GoodEvent(absl::StrCat("e", i), static_cast<uint64_t>(i) + 1)));
    }
  }
  static void Serving(config::v1::Config&) {}
  uint64_t Size() { return ledger_->head()->head.size; }

  absl::Status Get(v1::EntryView view, uint64_t index = 1, const std::string& ledger = "main") {
    v1::GetEntryRequest request;
    request.set_name(absl::StrCat("ledgers/", ledger, "/entries/", index));
    request.set_view(view);
    return server_->Call(&Stub::GetEntry, request).status();
  }
  absl::Status List(v1::EntryView view) {
    v1::ListEntriesRequest request;
    request.set_parent("ledgers/main");
    request.set_view(view);
    request.set_start_index(1);
    return server_->Call(&Stub::ListEntries, request).status();
  }
  // The first message of a tail, which then ends.
  absl::Status Tail(v1::EntryView view) {
    grpc::ClientContext context;
    v1::TailEntriesRequest request;
    request.set_ledger("ledgers/main");
    request.set_view(view);
    request.set_start_index(2);
    const auto tail = server_->stub().TailEntries(&context, request);
    v1::TailEntriesResponse response;
    const bool read = tail->Read(&response);
    at_first_message_ = OnRecord(*ledger_);
    if (read) context.TryCancel();
    while (tail->Read(&response)) continue;
    const grpc::Status status = tail->Finish();
    return read ? absl::OkStatus() : FromGrpc(status);
  }

  testing::TempDir dir_;
  std::unique_ptr<LedgerSet> ledgers_;
  Ledger* ledger_ = nullptr;
  std::unique_ptr<testing::ServerUnderTest> server_;
  std::vector<std::string> at_first_message_;
};

TEST_F(AccessLogTest, NoMethodGivesAPayloadBeforeItsEntryIsDurable) {
  using Read = std::function<absl::Status(v1::EntryView)>;
  const std::map<std::string, std::pair<Read, std::string>> reads = {
      {"LedgerService/GetEntry",
       {
           [&](v1::EntryView view) { return Get(view); },
           "read",
       }},
      {"LedgerService/ListEntries", {[&](v1::EntryView view) { return List(view); }, "read"}},
      {"LedgerService/TailEntries", {[&](v1::EntryView view) { return Tail(view); }, "opened"}},
  };
  for (const MethodRule& rule : AllRules()) {
    const std::string method(rule.method);
    if (rule.content_roles.Names().empty()) continue;
    ASSERT_EQ(reads.count(method), 1u) << method << " may give payloads: play it here";
    const auto& [read, phase] = reads.at(method);
    const size_t before = OnRecord(*ledger_).size();
    ASSERT_OK(read(v1::ENTRY_VIEW_LEAF));
    EXPECT_THAT(OnRecord(*ledger_), SizeIs(before)) << method << ": a leaf is no payload";
    at_first_message_.clear();
    ASSERT_OK(read(v1::ENTRY_VIEW_FULL));
    // What the ledger had signed when the answer was there.
    const std::vector<std::string> then =
        at_first_message_.empty() ? OnRecord(*ledger_) : at_first_message_;
    ASSERT_GT(then.size(), before) << method;
    EXPECT_THAT(then[before], HasSubstr(absl::StrCat("110101 ", phase, " ", method,
                                                     " by local:app: ledgers/main/entries/")));
    // And with the ledger paused it gives leaves, but no payload.
    ledger_->Hold(absl::UnavailableError("paused"));
    EXPECT_OK(read(v1::ENTRY_VIEW_LEAF)) << method;
    const absl::Status refused = read(v1::ENTRY_VIEW_FULL);
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("paused"))) << method;
    EXPECT_EQ(ErrorReason(refused), "ACCESS_NOT_RECORDED") << method;
    ledger_->Hold(absl::OkStatus());
  }
}

TEST_F(AccessLogTest, AnEventSaysWhoReadWhat) {
  ASSERT_OK(Get(v1::ENTRY_VIEW_FULL, 2));
  ASSERT_OK(List(v1::ENTRY_VIEW_FULL));
  EXPECT_THAT(OnRecord(*ledger_),
              ElementsAre("110101 read LedgerService/GetEntry by local:app: ledgers/main/entries/2",
                          "110101 read LedgerService/ListEntries by local:app: "
                          "ledgers/main/entries/1-4"));
}

TEST_F(AccessLogTest, WhatFailsOrHoldsNoEntryIsNotARead) {
  EXPECT_FALSE(Get(v1::ENTRY_VIEW_FULL, 99).ok());
  v1::ListEntriesRequest request;
  request.set_parent("ledgers/main");
  request.set_view(v1::ENTRY_VIEW_FULL);
  request.set_start_index(Size());
  EXPECT_OK(server_->Call(&Stub::ListEntries, request));
  EXPECT_THAT(OnRecord(*ledger_), IsEmpty());
}

TEST_F(AccessLogTest, ATailIsOnRecordByItsOpeningAndItsEnd) {
  ASSERT_OK(Tail(v1::ENTRY_VIEW_FULL));
  ASSERT_TRUE(Eventually([&] { return OnRecord(*ledger_).size() == 2; }));
  const std::vector<std::string> record = OnRecord(*ledger_);
  EXPECT_EQ(record[0],
            "110101 opened LedgerService/TailEntries by local:app: ledgers/main/entries/2-");
  EXPECT_THAT(record[1], HasSubstr("110101 ended LedgerService/TailEntries by local:app: "
                                   "ledgers/main/entries/2-"));
}

TEST_F(AccessLogTest, AStopLeavesNoEndOut) {
  constexpr size_t kTails = 20;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::TailEntriesResponse>>> tails;
  v1::TailEntriesResponse response;
  for (size_t i = 0; i < kTails; ++i) {
    v1::TailEntriesRequest request;
    request.set_ledger("ledgers/main");
    request.set_view(v1::ENTRY_VIEW_FULL);
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    tails.push_back(server_->stub().TailEntries(contexts.back().get(), request));
    ASSERT_TRUE(tails.back()->Read(&response));
  }
  std::thread stop([this] { server_.reset(); });
  for (auto& tail : tails) {
    while (tail->Read(&response)) continue;
    EXPECT_FALSE(tail->Finish().ok());
  }
  stop.join();
  size_t ends = 0;  // those of one caller share an event
  for (const std::string& event : OnRecord(*ledger_)) {
    if (!absl::StrContains(event, " ended ")) continue;
    ends += std::vector<std::string>(absl::StrSplit(event, " ledgers/main/entries/0-")).size() - 1;
  }
  EXPECT_EQ(ends, kTails);
}

TEST_F(AccessLogTest, AnEndedLedgersReadsAreInItsSuccessor) {
  ASSERT_OK(ledger_->FreezeLog({}));
  const std::string last = ledger_->head()->checkpoint;
  const absl::Status refused = Get(v1::ENTRY_VIEW_FULL);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("successor")));
  EXPECT_EQ(ErrorReason(refused), "ACCESS_NOT_RECORDED");
  EXPECT_OK(Get(v1::ENTRY_VIEW_LEAF));
  ASSERT_OK_AND_ASSIGN(Ledger* const next, ledgers_->Create("next", "test.example/next", {last}));
  ASSERT_OK(Get(v1::ENTRY_VIEW_FULL));
  EXPECT_THAT(OnRecord(*next), ElementsAre("110101 read LedgerService/GetEntry by local:app: "
                                           "ledgers/main/entries/1"));
}

TEST_F(AccessLogTest, WhoChangesTheWrappingKeyIsOnRecordBeforeItChanges) {
  const auto admin = v1::AdminService::NewStub(server_->admin_channel());
  const auto rotate = [&](v1::RotateWrappingKeyRequest::OldKey old_key,
                          v1::RotateWrappingKeyResponse& response) {
    v1::RotateWrappingKeyRequest request;
    request.set_ledger("ledgers/main");
    request.set_old_key(old_key);
    grpc::ClientContext context;
    return FromGrpc(admin->RotateWrappingKey(&context, request, &response));
  };
  v1::RotateWrappingKeyResponse response;
  EXPECT_THAT(rotate(v1::RotateWrappingKeyRequest::OLD_KEY_UNSPECIFIED, response),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("old_key")));
  EXPECT_THAT(OnRecord(*ledger_), IsEmpty());
  ASSERT_OK(rotate(v1::RotateWrappingKeyRequest::OLD_KEY_DESTROY, response));
  EXPECT_EQ(response.key_id(), 2u);
  EXPECT_THAT(OnRecord(*ledger_), ElementsAre("110113 110129  by local:admin:  x0"));
  EXPECT_OK(Get(v1::ENTRY_VIEW_FULL)) << "what was wrapped under the old one opens";
}

// ---- refusals ----

TEST_F(AccessLogTest, ARefusedCallIsOnRecordInTheLedgerItNames) {
  ASSERT_OK(ledgers_->Create("other", "test.example/other"));
  v1::FreezeLedgerRequest freeze;
  freeze.set_ledger("ledgers/main");
  grpc::ClientContext context;
  v1::FreezeLedgerResponse response;
  const auto app = v1::AdminService::NewStub(server_->channel());
  EXPECT_FALSE(app->FreezeLedger(&context, freeze, &response).ok());
  const std::string refused = "110113 110132 AdminService/FreezeLedger by local:app: ";
  EXPECT_TRUE(Eventually([&] { return !OnRecord(*ledger_).empty(); }));
  EXPECT_THAT(OnRecord(*ledger_), ElementsAre(refused + "ledger:test.example/log x1"));
}

// ---- batches ----

class AccessBatchTest : public ::testing::Test {
 protected:
  static AccessRead ReadOf(uint64_t index) {
    return {"auditor",
            "LedgerService/GetEntry",
            "ledgers/main",
            AccessPhase::kRead,
            {index, index + 1}};
  }
  testing::FakeLedgerSet ledgers_;
  testing::FakeClock clock_;
  testing::FakeRandom random_{7};
  AccessLog log_{ledgers_, clock_, random_};
};

TEST_F(AccessBatchTest, ReadsThatWaitShareACommitAndNoneIsAnsweredBefore) {
  testing::FakeLedger& ledger = ledgers_.main();
  ledger.Hold(true);
  int answered = 0;
  for (uint64_t i = 0; i < 100; ++i) {
    log_.Record(ledger, ReadOf(i), [&](const absl::Status& status) {
      EXPECT_OK(status);
      ++answered;
    });
  }
  EXPECT_EQ(ledger.waiting(), 1u) << "one append at a time";
  EXPECT_EQ(answered, 0);
  ledger.Release(1);
  EXPECT_EQ(answered, 1);
  EXPECT_EQ(ledger.waiting(), 1u);
  ledger.Release(1);
  EXPECT_EQ(answered, 100) << "the other ninety-nine by the second";
  EXPECT_EQ(ledger.head()->head.size, 2u) << "and as one event each: their ranges join";
}

TEST_F(AccessBatchTest, RangesThatDoNotJoinFillSeveralEvents) {
  testing::FakeLedger& ledger = ledgers_.main();
  ledger.Hold(true);
  for (uint64_t i = 0; i <= 2 * kMaxAccessRanges + 1; ++i) {
    log_.Record(ledger, ReadOf(3 * i), [](const absl::Status&) {});
  }
  ledger.Release(1);
  ledger.Release(1);
  EXPECT_EQ(ledger.head()->head.size, 1u + 3u) << "the first; then two full ones and the rest";
}

TEST_F(AccessBatchTest, MoreThanOneCommitTakesGoOnInTheNext) {
  testing::FakeLedger& ledger = ledgers_.main();
  ledger.Hold(true);
  size_t answered = 0;
  for (size_t i = 0; i < 2 * kMaxAccessBatch; ++i) {
    log_.Record(ledger, ReadOf(i), [&](const absl::Status&) { ++answered; });
  }
  ledger.Release(1);
  ledger.Release(1);
  EXPECT_EQ(answered, 1 + kMaxAccessBatch);
  ledger.Release(1);
  EXPECT_EQ(answered, 2 * kMaxAccessBatch);
}

TEST_F(AccessBatchTest, ALedgerThatRefusesAnswersAllWithTheReason) {
  testing::FakeLedger& ledger = ledgers_.main();
  ledger.Refuse(WithReason(absl::UnavailableError("latched"), kReasonStorageFailed));
  int refused = 0;
  for (uint64_t i = 0; i < 3; ++i) {
    log_.Record(ledger, ReadOf(i), [&](const absl::Status& status) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("latched")));
      EXPECT_EQ(ReasonOf(status).reason, "ACCESS_NOT_RECORDED");
      EXPECT_EQ(ReasonOf(status).metadata.at("cause"), "STORAGE_FAILED");
      ++refused;
    });
  }
  EXPECT_EQ(refused, 3);
  ledger.SetStatus({LedgerState::kReadOnly, "latched"});
  EXPECT_THAT(log_.MayRecord(ledger), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(AccessBatchTest, AnswersThatWaitAreBoundedInBytes) {
  EXPECT_EQ(kMaxWaitingAnswerBytes, 64u << 20);
  testing::FakeLedger& ledger = ledgers_.main();
  ledger.Hold(true);
  std::vector<absl::Status> answers;
  const auto record = [&](size_t answer_bytes) {
    AccessRead read = ReadOf(1);
    read.answer_bytes = answer_bytes;
    log_.Record(ledger, read, [&](const absl::Status& status) { answers.push_back(status); });
  };
  record(kMaxWaitingAnswerBytes - 1);
  record(1);
  EXPECT_THAT(answers, IsEmpty()) << "exactly as many wait";
  record(1);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0], StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(ReasonOf(answers[0]).reason, "OVERLOADED");
  record(0);  // an opening of a tail holds no answer
  ledger.Release(1);
  ledger.Release(1);
  EXPECT_THAT(answers, SizeIs(4));
  record(kMaxWaitingAnswerBytes);
  EXPECT_THAT(answers, SizeIs(4)) << "there is room again, for all of it";
  record(1);
  EXPECT_THAT(answers, SizeIs(5));
  ledger.Release(1);
}

TEST_F(AccessBatchTest, EndsThatCannotBeRecordedAreKeptUpToABound) {
  EXPECT_EQ(kMaxUnrecordedEnds, 1000u);
  testing::FakeLedger& ledger = ledgers_.main();
  for (const size_t ends : {kMaxUnrecordedEnds, kMaxUnrecordedEnds + 1}) {
    const uint64_t before = ledger.head()->head.size;
    ledger.Refuse(absl::UnavailableError("latched"));
    for (size_t i = 0; i < ends; ++i) {
      AccessRead read = ReadOf(i);
      read.principal = absl::StrCat("reader-", i);  // so that each is an event
      read.phase = AccessPhase::kEnded;
      log_.RecordEnd(ledger, read);
    }
    log_.Retry();
    EXPECT_EQ(ledger.head()->head.size, before);
    ledger.Refuse(absl::OkStatus());
    log_.Retry();
    EXPECT_EQ(ledger.head()->head.size, before + kMaxUnrecordedEnds) << ends;
    log_.Retry();
    EXPECT_EQ(ledger.head()->head.size, before + kMaxUnrecordedEnds) << "each once";
  }
}

// The process dies between the entry and the answer, or before the entry: what is left is never an
// answer without an entry.
TEST_F(AccessBatchTest, ACallThatIsCutOffHadNoAnswerWithoutAnEntry) {
  testing::FakeLedger& ledger = ledgers_.main();
  testing::ServerUnderTest server(ledgers_);
  ASSERT_OK(server.Append(GoodEvent("a")));
  ledger.Hold(true);
  v1::GetEntryRequest request;
  request.set_name("ledgers/main/entries/0");
  request.set_view(v1::ENTRY_VIEW_FULL);
  std::atomic<bool> answered{false};
  std::thread reader([&] {
    const auto response = server.Call(&Stub::GetEntry, request);
    answered = response.ok();
  });
  ASSERT_TRUE(Eventually([&] { return ledger.waiting() == 1; }));
  EXPECT_FALSE(answered) << "its entry is not durable";
  const uint64_t before = ledger.head()->head.size;
  ledger.Release(1);
  reader.join();
  EXPECT_TRUE(answered);
  EXPECT_EQ(ledger.head()->head.size, before + 1);
}

}  // namespace
}  // namespace auditledger
