// A server under a witness policy, on a real LedgerSet, with witnesses behind real HTTP.
#ifndef AUDITLEDGER_TESTS_API_WITNESSING_FIXTURE_H_
#define AUDITLEDGER_TESTS_API_WITNESSING_FIXTURE_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/witness_policy.h"
#include "merkle/verify.h"
#include "tests/api/api_fixture.h"
#include "tests/api/witness_http.h"

namespace auditledger::testing {

class WitnessingTest : public ::testing::Test {
 protected:
  WitnessingTest() {
    std::ofstream(policy_file_) << witnesses_.PolicyText();
    OpenLedgers();
    ledger_ = ledgers_->Create("main", "test.example/log").value();
    witnesses_.witnesses().Follow(ledger_->verifier());
  }

  std::string Folder(const std::string& name) { return dir_.path() + "/" + name; }
  void OpenLedgers() {
    LedgerSetOptions options;
    options.roots = {Folder("data"), Folder("state"), Folder("keys"), Folder("seeds")};
    options.hold_until_confirmed = [](const std::string&) { return true; };
    ledgers_ = LedgerSet::Open(options).value();
  }
  void Serve(const std::function<void(config::v1::Witness&)>& change = {},
             const std::function<void(config::v1::Config&)>& more = {}) {
    server_ = std::make_unique<ServerUnderTest>(*ledgers_, [&](config::v1::Config& config) {
      config.set_data_dir(Folder("data"));
      config.set_state_dir(Folder("state"));
      config.set_key_dir(Folder("keys"));
      config.set_seed_dir(Folder("seeds"));
      config::v1::Witness& witness = *config.mutable_witness();
      witness.set_policy_file(policy_file_);
      witness.set_interval_ms(20);
      witness.set_timeout_ms(1000);
      witness.set_ack_timeout_ms(8000);
      witness.set_alarm_after_seconds(1);
      if (change) change(witness);
      if (more) more(config);
    });
  }
  void Stop() {
    server_.reset();
    ledgers_.reset();
  }
  void Start(const std::function<void(config::v1::Witness&)>& change = {}) {
    OpenLedgers();
    Serve(change);
  }
  void Restart(const std::function<void(config::v1::Witness&)>& change = {}) {
    Stop();
    Start(change);
  }
  // The first `count` witnesses are away, the others there.
  void Away(size_t count) {
    for (size_t i = 0; i < witnesses_.witnesses().size(); ++i) {
      witnesses_[i].SetDown(i < count);
    }
  }
  // All of a ledger but its keys aside, or back in place of what is there. Not while it is open.
  void Save() {
    for (const std::string name : {"data", "state", "seeds"}) {
      std::filesystem::copy(Folder(name), Folder(name + ".old"),
                            std::filesystem::copy_options::recursive);
    }
  }
  void PutBack() {
    for (const std::string name : {"data", "state", "seeds"}) {
      std::filesystem::remove_all(Folder(name));
      std::filesystem::copy(Folder(name + ".old"), Folder(name),
                            std::filesystem::copy_options::recursive);
    }
  }

  absl::StatusOr<v1::Receipt> Append(const std::string& id, v1::AckLevel ack) {
    // The same event each time: a made one carries the second it was made in.
    v1::AppendEventRequest request =
        AppendRequest(events_.try_emplace(id, GoodEvent(id)).first->second);
    request.set_ack(ack);
    auto response = server_->Call(&v1::LedgerService::Stub::AppendEvent, request);
    if (!response.ok()) return response.status();
    return response->receipt();
  }
  absl::StatusOr<v1::Receipt> AppendWitnessed(const std::string& id) {
    return Append(id, v1::ACK_LEVEL_WITNESSED);
  }
  absl::StatusOr<v1::Receipt> AppendDurable(const std::string& id) {
    return Append(id, v1::ACK_LEVEL_DURABLE);
  }
  // Whether the receipt proves its entry under a head that the quorum cosigned.
  void ExpectWitnessed(const v1::Receipt& receipt) {
    EXPECT_TRUE(receipt.witnessed());
    const std::string& note = receipt.checkpoint().note();
    const auto head = OpenCheckpoint(note, "test.example/log", ledger_verifier());
    ASSERT_OK(head);
    EXPECT_EQ(head->checkpoint.size, receipt.inclusion().tree_size());
    std::vector<Hash> path;
    for (const std::string& hash : receipt.inclusion().hashes()) {
      path.push_back(Hash::FromBytes(hash).value());
    }
    EXPECT_OK(VerifyInclusion(receipt.index(), head->checkpoint.size, LeafHash(receipt.leaf()),
                              path, head->checkpoint.root));
    ExpectQuorum(note);
  }
  void ExpectQuorum(const std::string& note) {
    const auto policy = LoadWitnessPolicy(policy_file_, false);
    ASSERT_OK(policy);
    const auto by = VerifyCosignatures(note, policy->policy.WitnessKeys());
    ASSERT_OK(by);
    EXPECT_OK(policy->policy.CheckQuorum(CosigningKeys(*by)));
  }
  NoteVerifier ledger_verifier() { return ledgers_->Find("main").value()->verifier(); }
  v1::Ledger Status() {
    v1::GetLedgerRequest request;
    request.set_name("ledgers/main");
    return server_->Call(&v1::LedgerService::Stub::GetLedger, request)->ledger();
  }
  bool Logged(const std::string& text) {
    return FileText(server_->dir() + "/log").find(text) != std::string::npos;
  }
  bool Confirmed() {
    return Eventually([&] { return Status().state() == v1::Ledger::STATE_SERVING; });
  }

  TempDir dir_;
  const std::string policy_file_ = dir_.path() + "/policy";
  HttpWitnesses witnesses_{Clock::System()};
  std::unique_ptr<LedgerSet> ledgers_;
  Ledger* ledger_ = nullptr;
  std::map<std::string, v1::AuditEvent> events_;  // by id
  std::unique_ptr<ServerUnderTest> server_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_WITNESSING_FIXTURE_H_
