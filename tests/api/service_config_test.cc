// The gRPC service configuration that is published with the protos: it names every service, retries
// what is safe and nothing else, and our own retries have its numbers.
//
// Covers: api/client/retry
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/client/retry.h"
#include "auditledger/v1/admin_service.grpc.pb.h"
#include "auditledger/v1/erasure_service.grpc.pb.h"
#include "auditledger/v1/ledger_service.grpc.pb.h"
#include "auditledger/v1/patient_service.grpc.pb.h"
#include "auditledger/v1/proof_service.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "tests/testing/shared_path.h"

namespace auditledger {
namespace {

using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using nlohmann::json;

std::string ConfigText() {
  return testing::ReadFile(testing::SourcePath("proto/auditledger/v1/service_config.json"));
}

std::vector<const ServiceDescriptor*> AllServices() {
  std::vector<const ServiceDescriptor*> out;
  for (const auto* file :
       {v1::GetLedgerRequest::descriptor()->file(), v1::CreateLedgerRequest::descriptor()->file(),
        v1::FindSubjectRequest::descriptor()->file(),
        v1::GetCoseReceiptRequest::descriptor()->file(),
        v1::ListPatientEntriesRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) out.push_back(file->service(i));
  }
  return out;
}

// The entries' names, "service" or "service/method", of those with a retry policy or without.
std::set<std::string> NamesOf(bool retried) {
  std::set<std::string> out;
  const json config = json::parse(ConfigText());
  for (const json& entry : config["methodConfig"]) {
    if (entry.contains("retryPolicy") != retried) continue;
    for (const json& name : entry["name"]) {
      out.insert(name.contains("method") ? absl::StrCat(name["service"].get<std::string>(), "/",
                                                        name["method"].get<std::string>())
                                         : name["service"].get<std::string>());
    }
  }
  return out;
}

TEST(ServiceConfigTest, EveryServiceIsNamedAndNothingThatIsNotThere) {
  std::set<std::string> services, methods;
  for (const ServiceDescriptor* service : AllServices()) {
    services.insert(service->full_name());
    for (int i = 0; i < service->method_count(); ++i) {
      methods.insert(absl::StrCat(service->full_name(), "/", service->method(i)->name()));
    }
  }
  EXPECT_EQ(NamesOf(false), services);
  for (const std::string& name : NamesOf(true)) EXPECT_EQ(methods.count(name), 1u) << name;
}

// Appending is exactly-once, and reading changes nothing. What is named here changes something and
// has no such key, or is a stream, which gRPC cannot repeat once an answer came.
TEST(ServiceConfigTest, WhatIsNotSafeToRepeatIsNotRetried) {
  const std::set<std::string> retried = NamesOf(true);
  std::set<std::string> others;
  for (const ServiceDescriptor* service : AllServices()) {
    for (int i = 0; i < service->method_count(); ++i) {
      const MethodDescriptor* method = service->method(i);
      const bool streams = method->client_streaming() || method->server_streaming();
      const std::string name = absl::StrCat(service->full_name(), "/", method->name());
      if (streams) {
        EXPECT_EQ(retried.count(name), 0u) << name;
      } else if (retried.count(name) == 0) {
        others.insert(method->name());
      }
    }
  }
  EXPECT_THAT(others, ::testing::ElementsAre("ApproveErasure", "CreateLedger", "FreezeLedger",
                                             "LiftLegalHold", "PlaceLegalHold", "RequestErasure",
                                             "RotateWrappingKey"));
}

TEST(ServiceConfigTest, OurRetriesHaveItsNumbers) {
  const auto milliseconds = [](const json& duration) {
    double seconds = 0;
    EXPECT_TRUE(absl::SimpleAtod(absl::StripSuffix(duration.get<std::string>(), "s"), &seconds));
    return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  };
  int policies = 0;
  const json config = json::parse(ConfigText());
  for (const json& entry : config["methodConfig"]) {
    if (!entry.contains("retryPolicy")) continue;
    ++policies;
    const json& policy = entry["retryPolicy"];
    const RetryPolicy ours;
    EXPECT_EQ(policy["maxAttempts"], ours.max_attempts);
    EXPECT_EQ(milliseconds(policy["initialBackoff"]), ours.initial);
    EXPECT_EQ(milliseconds(policy["maxBackoff"]), ours.max);
    EXPECT_EQ(policy["backoffMultiplier"], 2);
    // A refusal for overload has a hint, which gRPC does not read: it would come back too early.
    EXPECT_EQ(policy["retryableStatusCodes"], json::array({"UNAVAILABLE"}));
  }
  EXPECT_EQ(policies, 1);
}

// With one that it cannot read gRPC 1.51 makes a channel that does not even try to connect.
TEST(ServiceConfigTest, GrpcTakesIt) {
  for (const bool broken : {false, true}) {
    grpc::ChannelArguments arguments;
    arguments.SetServiceConfigJSON(broken ? R"({"methodConfig": 7})" : ConfigText());
    const auto channel = grpc::CreateCustomChannel("unix:/nowhere/auditledger.socket",
                                                   grpc::InsecureChannelCredentials(), arguments);
    grpc::ClientContext context;
    v1::CreateLedgerResponse response;
    const grpc::Status status = v1::AdminService::NewStub(channel)->CreateLedger(
        &context, v1::CreateLedgerRequest(), &response);
    EXPECT_FALSE(status.ok());
    const bool tried = status.error_message().find("connect") != std::string::npos;
    EXPECT_EQ(tried, !broken) << status.error_message();
  }
}

}  // namespace
}  // namespace auditledger
