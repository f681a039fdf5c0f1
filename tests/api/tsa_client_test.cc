#include "api/tsa_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "merkle/timestamp.h"
#include "tests/testing/status_matchers.h"

namespace auditledger {
namespace {

using ::testing::HasSubstr;
using testing::StatusIs;
constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
constexpr std::chrono::milliseconds kPatience{10'000};

class TsaClientTest : public ::testing::Test {
 protected:
  TsaClientTest() {
    server_.Post("/tsa", [this](const httplib::Request& request, httplib::Response& response) {
      query_ = request.body;
      type_ = request.get_header_value("Content-Type");
      response.status = status_;
      response.set_content(answer_, answer_type_.c_str());
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // a stop() before it starts is lost
  }
  ~TsaClientTest() override {
    server_.stop();
    thread_.join();
  }
  absl::StatusOr<std::string> Post() {
    return PostTimestampQuery(absl::StrCat("http://127.0.0.1:", port_, "/tsa"),
                              std::string("query\0bytes", 11), kPatience);
  }

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  int status_ = 200;
  std::string answer_ = "reply";
  std::string answer_type_ = "application/timestamp-reply";
  std::string query_;
  std::string type_;
};

TEST_F(TsaClientTest, TheQueryIsPostedAndTheReplyGiven) {
  EXPECT_EQ(Post().value(), "reply");
  EXPECT_EQ(query_, std::string("query\0bytes", 11));
  EXPECT_EQ(type_, "application/timestamp-query");
}

TEST_F(TsaClientTest, OtherAnswersAreNone) {
  status_ = 503;
  EXPECT_THAT(Post(), StatusIs(kUnavailable, HasSubstr("HTTP 503")));
  status_ = 302;
  EXPECT_THAT(Post(), StatusIs(kUnavailable, HasSubstr("HTTP 302")));
  status_ = 200;
  answer_type_ = "text/html";
  EXPECT_THAT(Post(), StatusIs(kUnavailable, HasSubstr("timestamp-reply")));
}

TEST_F(TsaClientTest, AnAnswerWithoutEndIsCutOff) {
  answer_.assign(kMaxTimestampBytes, 'x');
  EXPECT_OK(Post());
  answer_ += 'x';
  EXPECT_THAT(Post(), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(TsaClientTest, NobodyThereIsSaid) {
  EXPECT_THAT(PostTimestampQuery("http://127.0.0.1:1/", "q", kPatience), StatusIs(kUnavailable));
  EXPECT_THAT(PostTimestampQuery("file:///etc/passwd", "q", kPatience), StatusIs(kUnavailable));
}

}  // namespace
}  // namespace auditledger
