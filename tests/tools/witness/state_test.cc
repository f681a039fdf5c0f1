#include "tools/witness_state.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "tests/testing/file_faults.h"
#include "tests/tools/witness/fixture.h"

namespace auditledger::testing {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;
using ::testing::Optional;

class WitnessStateTest : public WitnessFixture {
 protected:
  void SetUp() override {
    WitnessFixture::SetUp();
    witness.reset();
  }
  absl::StatusOr<WitnessState> Open() { return WitnessState::Open(folder / "state", *key); }
  absl::StatusOr<std::unique_ptr<Witness>> OpenWitness(const std::string& state = "state") {
    WitnessOptions options;
    options.key_file = folder / "w1.key";
    options.state_dir = folder / state;
    options.logs = {{log[0].origin(), {log[0].verifier()}}};
    return Witness::Open(std::move(options));
  }
  void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
};

TEST_F(WitnessStateTest, KeyAndStateAreMadeTogetherAndOnce) {
  ASSERT_OK_AND_ASSIGN(const WitnessKey loaded, LoadWitnessKey(folder / "w1.key"));
  EXPECT_EQ(loaded.verifier.ToVkey(), key->ToVkey());
  EXPECT_EQ(loaded.verifier.type(), kNoteEd25519Cosignature);
  EXPECT_EQ(loaded.verifier.name(), "witness.example/w1");
  EXPECT_THAT(CreateWitness({"w", folder / "w1.key", folder / "new"}, Random::System()),
              StatusIs(StatusCode::kAlreadyExists));
  Write(folder / "state/0123", "what was cosigned");
  EXPECT_THAT(CreateWitness({"w", folder / "new.key", folder / "state"}, Random::System()),
              StatusIs(StatusCode::kAlreadyExists));
  EXPECT_THAT(CreateWitness({"a name", folder / "new.key", folder / "new"}, Random::System()),
              StatusIs(StatusCode::kInvalidArgument));
}

TEST_F(WitnessStateTest, AKeyWithoutItsStateSignsNothing) {
  std::filesystem::remove(folder / "state/witness.vkey");
  EXPECT_THAT(Open(), StatusIs(StatusCode::kNotFound, HasSubstr("never use the key again")));
  ASSERT_OK(CreateWitness({"w2", folder / "w2.key", folder / "state2"}, Random::System()));
  EXPECT_THAT(WitnessState::Open(folder / "state2", *key),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("not the state of key")));
}

TEST_F(WitnessStateTest, TwoProcessesDoNotShareAState) {
  ASSERT_OK_AND_ASSIGN(const WitnessState first, Open());
  EXPECT_THAT(Open(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("another process")));
}

TEST_F(WitnessStateTest, ACopiedStateDoesNotLetOneKeyRunTwice) {
  Start();
  std::filesystem::copy(folder / "state", folder / "copy");
  ASSERT_EQ(::chmod((folder / "copy").c_str(), 0700), 0);
  EXPECT_THAT(OpenWitness("copy"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("another process")));
  EXPECT_OK(LoadWitnessKey(folder / "w1.key"));  // to print the vkey
  witness.reset();
  EXPECT_OK(OpenWitness("copy"));
}

// Whoever removes the one file would have a second history cosigned from size 0.
TEST_F(WitnessStateTest, ALogThatWasCosignedIsNeverTakenForANewOne) {
  Start();
  ASSERT_EQ(Send(log.Request(0, 0, 8)), 200);
  witness.reset();
  const std::string path = folder / "state/" + Sha256({log[0].origin()}).ToHex();
  std::filesystem::rename(path, folder / "gone");
  EXPECT_THAT(OpenWitness(), StatusIs(StatusCode::kDataLoss, HasSubstr("was cosigned before")));
  std::filesystem::rename(folder / "state/witness.origins", folder / "list");
  EXPECT_THAT(OpenWitness(), StatusIs(StatusCode::kDataLoss, HasSubstr("witness.origins")));
  std::filesystem::rename(folder / "list", folder / "state/witness.origins");
  std::filesystem::rename(folder / "gone", path);
  Start();
  EXPECT_EQ(KnownSize(), 8u);
}

TEST_F(WitnessStateTest, TheListIsOnTheDiskBeforeTheFirstCosignatureLeaves) {
  Start();
  {
    FileFaults faults(FileOperation::kSync, "witness.origins", EIO);
    EXPECT_EQ(Send(log.Request(0, 0, 8)), 500);
  }
  const std::string list = folder / "state/witness.origins";
  EXPECT_EQ(*ReadWholeFile(list, 100), "");
  Start();  // the head was on the disk, nothing had left
  EXPECT_EQ(KnownSize(), 8u);
  EXPECT_EQ(*ReadWholeFile(list, 100), Sha256({log[0].origin()}).ToHex() + "\n");
}

TEST_F(WitnessStateTest, AListThatIsNoneIsRefused) {
  const std::string line = Sha256({"a"}).ToHex() + "\n";
  for (const std::string& bad :
       {std::string("x\n"), line.substr(1), line + line, absl::AsciiStrToUpper(line),
        line.substr(0, line.size() - 1), "\n" + line}) {
    Write(folder / "state/witness.origins", bad);
    EXPECT_THAT(Open(), StatusIs(StatusCode::kDataLoss)) << bad;
  }
  Write(folder / "state/witness.origins", line);
  EXPECT_OK(Open());
  std::filesystem::remove(folder / "w1.key");
  EXPECT_THAT(CreateWitness({"w", folder / "w1.key", folder / "state"}, Random::System()),
              StatusIs(StatusCode::kAlreadyExists));
}

TEST_F(WitnessStateTest, TenThousandOriginsAreTheLimit) {
  std::string lines;
  for (size_t i = 0; i + 1 < kMaxWitnessedOrigins; ++i) {
    absl::StrAppend(&lines, Sha256({absl::StrCat(i)}).ToHex(), "\n");
  }
  Write(folder / "state/witness.origins", lines);
  {
    ASSERT_OK_AND_ASSIGN(const WitnessState state, Open());
    EXPECT_OK(state.Store("the last", "note"));
    EXPECT_OK(state.Store("the last", "another"));
    EXPECT_THAT(state.Store("one more", "note"), StatusIs(StatusCode::kResourceExhausted));
  }
  EXPECT_OK(Open());
}

TEST_F(WitnessStateTest, WhatIsOpenToOthersIsRefused) {
  ASSERT_EQ(::chmod((folder / "w1.key").c_str(), 0640), 0);
  EXPECT_THAT(LoadWitnessKey(folder / "w1.key"),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("chmod go=")));
  ASSERT_EQ(::chmod((folder / "state").c_str(), 0755), 0);
  EXPECT_THAT(Open(), StatusIs(StatusCode::kFailedPrecondition, HasSubstr("open to others")));
}

TEST_F(WitnessStateTest, KeyFilesThatAreNoneAreRefusedWithoutTheirText) {
  Write(folder / "w1.key", "PRIVATE+KEY+secret");
  const absl::Status status = LoadWitnessKey(folder / "w1.key").status();
  EXPECT_THAT(status, StatusIs(StatusCode::kDataLoss));
  EXPECT_EQ(std::string(status.message()).find("secret"), std::string::npos);
  Write(folder / "w1.key", std::string(4097, 'x'));
  EXPECT_THAT(LoadWitnessKey(folder / "w1.key"), StatusIs(StatusCode::kDataLoss));
  EXPECT_THAT(LoadWitnessKey(folder / "absent"), StatusIs(StatusCode::kNotFound));
}

TEST_F(WitnessStateTest, OnlyItsOwnWordIsBelieved) {
  Start();
  ASSERT_EQ(Send(log.Request(0, 0, 8)), 200);
  witness.reset();
  const std::string path = folder / "state/" + Sha256({log[0].origin()}).ToHex();
  const std::string good = *ReadWholeFile(path, kMaxNoteBytes);
  {
    ASSERT_OK_AND_ASSIGN(const WitnessState state, Open());
    ASSERT_OK_AND_ASSIGN(const auto head, state.Load(log[0].origin()));
    EXPECT_EQ(head->checkpoint.size, 8u);
    EXPECT_EQ(head->note, good);
    EXPECT_EQ(*state.Load("other.example"), std::nullopt);
  }
  for (size_t at = 0; at < good.size(); at += 7) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    Write(path, damaged);
    ASSERT_OK_AND_ASSIGN(const WitnessState state, Open());
    const auto head = state.Load(log[0].origin());
    if (head.ok()) {  // only the log's own line, which the witness does not need, may change
      EXPECT_EQ((*head)->checkpoint.root, log[0].RootAt(8));
    } else {
      EXPECT_THAT(head, StatusIs(StatusCode::kDataLoss, HasSubstr("never remove it")));
    }
  }
  for (size_t cut = 0; cut < good.size(); cut += 50) {
    Write(path, good.substr(0, cut));
    ASSERT_OK_AND_ASSIGN(const WitnessState state, Open());
    EXPECT_THAT(state.Load(log[0].origin()), StatusIs(StatusCode::kDataLoss)) << cut;
  }
  // Another log's head under this name.
  Write(path, good);
  std::filesystem::copy(path, folder / "state/" + Sha256({"other.example"}).ToHex());
  ASSERT_OK_AND_ASSIGN(const WitnessState state, Open());
  EXPECT_THAT(state.Load("other.example"), StatusIs(StatusCode::kDataLoss));
}

TEST_F(WitnessStateTest, TheFirstForkIsKept) {
  ASSERT_OK_AND_ASSIGN(const WitnessState state, Open());
  ASSERT_OK(state.KeepFork("o", "a", "b"));
  ASSERT_OK(state.KeepFork("o", "c", "d"));
  const std::string base = folder / "state/" + Sha256({"o"}).ToHex();
  EXPECT_EQ(*ReadWholeFile(base + ".fork-a", 10), "a");
  EXPECT_EQ(*ReadWholeFile(base + ".fork-b", 10), "b");
}

}  // namespace
}  // namespace auditledger::testing
