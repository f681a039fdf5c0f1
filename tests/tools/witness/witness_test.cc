#include "tools/witness.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "merkle/frontier.h"
#include "merkle/witness.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/seed.h"
#include "tests/testing/shared_path.h"
#include "tests/testing/vectors.h"
#include "tests/tools/witness/fixture.h"

namespace auditledger::testing {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WitnessDecisionTest : public WitnessFixture {};

TEST_F(WitnessDecisionTest, PublicVectorsGetTheStatusOfTheCurrentText) {
  REQUIRE_SHARED(VectorPath("witness/add-checkpoint.json"));
  const auto file = ReadVectors("witness/add-checkpoint.json");
  witness.reset();
  WitnessOptions options;
  options.key_file = folder / "w1.key";
  options.state_dir = folder / "state";
  options.logs = *ParseWitnessedLogs(std::string(file["log_vkey"]));
  ASSERT_OK_AND_ASSIGN(witness, Witness::Open(std::move(options)));
  for (const auto& request : file["requests"]) {
    const std::string body = request["request"];
    EXPECT_EQ(Send(body), request["status_current_spec"]) << body << last.body;
    if (request.contains("response_body")) {
      EXPECT_EQ(last.body, request["response_body"]);
      EXPECT_EQ(last.content_type, "text/x.tlog.size");
    }
    if (last.status == 200) {
      const std::string note = body.substr(body.find("\n\n") + 2);
      EXPECT_OK(AddCosignatures(note, last.body, {*key}));
    }
  }
}

TEST_F(WitnessDecisionTest, AHeadIsCosignedWithItsTime) {
  ASSERT_EQ(Send(log.Request(0, 0, 3)), 200);
  EXPECT_EQ(last.origin, log[0].origin());
  EXPECT_EQ(last.size, 3u);
  ASSERT_OK_AND_ASSIGN(const std::string note,
                       AddCosignatures(log[0].CheckpointAt(3), last.body, {*key}));
  ASSERT_OK_AND_ASSIGN(const auto cosignatures, VerifyCosignatures(note, {*key}));
  EXPECT_EQ(cosignatures.front().timestamp, clock.WallMicros() / 1'000'000);
  // The same head again, as after a lost answer, and then larger ones.
  clock.Advance(5'000'000);
  EXPECT_EQ(Send(log.Request(0, 3, 3)), 200);
  EXPECT_EQ(Send(log.Request(0, 3, 9)), 200);
  EXPECT_EQ(Send(log.Request(0, 9, 20)), 200);
  EXPECT_EQ(KnownSize(), 20u);
}

TEST_F(WitnessDecisionTest, TheEmptyTreeIsAHeadToo) {
  TestLog empty = TestLog::Empty({});
  const std::string head = empty.CheckpointSaying(0, EmptyRoot());
  EXPECT_EQ(Send("old 0\n\n" + head), 200);
  EXPECT_EQ(Send("old 0\n\n" + empty.CheckpointSaying(0, LeafHash("x"))), 422);
  EXPECT_EQ(Send(absl::StrCat("old 0\n", LeafHash("x").ToBase64(), "\n\n", head)), 422);
  EXPECT_EQ(Send(log.Request(0, 0, 3)), 200);
  EXPECT_EQ(Send("old 0\n\n" + head), 409);
}

TEST_F(WitnessDecisionTest, TheOldSizeMustBeTheWitnesss) {
  ASSERT_EQ(Send(log.Request(0, 0, 7)), 200);
  for (uint64_t old_size : {1, 6, 8}) {
    EXPECT_EQ(Send(log.Request(0, old_size, 10)), 409);
    EXPECT_EQ(last.body, "7\n");
  }
  EXPECT_EQ(Send(log.Request(0, 0, 10)), 409);  // how a client learns the size
  EXPECT_EQ(Send(log.Request(0, 5, 5)), 409);
  EXPECT_EQ(Send(absl::StrCat("old 8\n\n", log[0].CheckpointAt(7))), 400);
  EXPECT_EQ(KnownSize(), 7u);
}

TEST_F(WitnessDecisionTest, AForkIsRefusedAtEverySizeAndItsProofKept) {
  ASSERT_EQ(Send(log.Request(0, 0, 10)), 200);
  for (uint64_t size = 10; size <= kForkSize; ++size) {
    EXPECT_EQ(Send(log.Request(1, 10, size)), 422) << size;
  }
  EXPECT_EQ(Send(log.Request(1, 7, 10)), 409);
  EXPECT_EQ(Send(log.Request(0, 10, 20)), 200);
  const std::string base = folder / "state/" + Sha256({log[0].origin()}).ToHex();
  ASSERT_OK_AND_ASSIGN(const std::string known, ReadWholeFile(base + ".fork-a", 10000));
  ASSERT_OK_AND_ASSIGN(const std::string other, ReadWholeFile(base + ".fork-b", 10000));
  const auto a = OpenCheckpoint(known, log[0].origin(), log[0].verifier());
  const auto b = OpenCheckpoint(other, log[0].origin(), log[0].verifier());
  ASSERT_OK(a);
  ASSERT_OK(b);
  EXPECT_EQ(a->checkpoint.size, b->checkpoint.size);
  EXPECT_NE(a->checkpoint.root, b->checkpoint.root);
}

TEST_F(WitnessDecisionTest, ProofsMustHold) {
  ASSERT_EQ(Send(log.Request(0, 0, 6)), 200);
  const std::string good = log.Request(0, 6, 13);
  const size_t hash = good.find('\n') + 1;
  const std::string without_first = good.substr(0, hash) + good.substr(good.find('\n', hash) + 1);
  std::string other_hash = good;
  other_hash[hash] = other_hash[hash] == 'A' ? 'B' : 'A';
  const std::string one_more =
      good.substr(0, hash) + LeafHash("x").ToBase64() + "\n" + good.substr(hash);
  for (const std::string& bad : {without_first, other_hash, one_more}) {
    EXPECT_EQ(Send(bad), 422) << bad;
  }
  EXPECT_EQ(Send(absl::StrCat("old 6\n", LeafHash("x").ToBase64(), "\n\n", log[0].CheckpointAt(6))),
            422);
  EXPECT_EQ(Send(good), 200);
}

TEST_F(WitnessDecisionTest, OnlyTheLogsOwnSignatureCounts) {
  TestLog::Options other_key;
  other_key.key = 2;
  TestLog stranger(other_key);
  EXPECT_EQ(Send("old 0\n\n" + stranger.CheckpointAt(1)), 403);
  TestLog::Options other_origin;
  other_origin.origin = "elsewhere.test/log";
  TestLog elsewhere(other_origin);
  EXPECT_EQ(Send("old 0\n\n" + elsewhere.CheckpointAt(1)), 404);
  EXPECT_EQ(last.origin, "");
  std::string forged = log[0].CheckpointAt(3);
  forged.replace(forged.find("\n3\n"), 3, "\n4\n");
  EXPECT_EQ(Send("old 0\n\n" + forged), 403);
  // Signatures of others beside the log's change nothing, and are not passed on.
  const std::string many = log[0].CheckpointAt(3) + FormatNoteSignature({"stranger", 7, "abc"});
  EXPECT_EQ(Send("old 0\n\n" + many), 200);
  EXPECT_THAT(*witness->LastCheckpoint(Sha256({log[0].origin()}).ToHex()),
              ::testing::Not(HasSubstr("stranger")));
}

TEST_F(WitnessDecisionTest, MalformedRequestsAreBad) {
  const std::string head = log[0].CheckpointAt(3);
  for (const std::string& body : {std::string(), std::string("old"), "old 0\n" + head,
                                  "old 00\n\n" + head, "old -1\n\n" + head, "new 0\n\n" + head,
                                  "old 0\nAAAA\n\n" + head, "old 0\r\n\r\n" + head}) {
    EXPECT_EQ(Send(body), 400) << body;
  }
  // 63 hashes are the format's limit.
  std::string hashes;
  for (int i = 0; i < 63; ++i) absl::StrAppend(&hashes, LeafHash("x").ToBase64(), "\n");
  EXPECT_EQ(Send("old 0\n" + hashes + "\n" + head), 422);
  EXPECT_EQ(Send("old 0\n" + hashes + LeafHash("x").ToBase64() + "\n\n" + head), 400);
  // A note that cannot be read has no signature by the log.
  EXPECT_EQ(Send("old 0\n\n" + log[0].origin() + "\n3\nx\n"), 403);
  EXPECT_EQ(Send("old 0\n\nother\n3\nx\n"), 404);
  EXPECT_EQ(Send("old 0\n\n" + log[0].Sign(log[0].origin() + "\n03\nx\n")), 400);
  const std::string padded =
      "old 0\n\n" + head + FormatNoteSignature({"x", 1, std::string(kMaxAddCheckpointBytes, 's')});
  EXPECT_EQ(Send(padded), 400);
}

TEST_F(WitnessDecisionTest, AClockThatWentBackSignsNothing) {
  ASSERT_EQ(Send(log.Request(0, 0, 3)), 200);
  clock.SetWall(clock.WallMicros() - 1'000'000);
  EXPECT_EQ(Send(log.Request(0, 3, 4)), 503);
  EXPECT_THAT(last.body, HasSubstr("clock"));
  clock.Advance(1'000'000);
  EXPECT_EQ(Send(log.Request(0, 3, 4)), 200);
  EXPECT_THAT(failures, IsEmpty());
}

TEST_F(WitnessDecisionTest, MonitorsGetTheLastHead) {
  const std::string hash = Sha256({log[0].origin()}).ToHex();
  EXPECT_THAT(witness->LastCheckpoint(hash), StatusIs(StatusCode::kNotFound));
  ASSERT_EQ(Send(log.Request(0, 0, 3)), 200);
  ASSERT_EQ(Send(log.Request(0, 3, 8)), 200);
  ASSERT_OK_AND_ASSIGN(const std::string note, witness->LastCheckpoint(hash));
  EXPECT_EQ(note, *AddCosignatures(log[0].CheckpointAt(8), last.body, {*key}));
  EXPECT_THAT(witness->LastCheckpoint(Sha256({"other"}).ToHex()), StatusIs(StatusCode::kNotFound));
}

TEST_F(WitnessDecisionTest, ItRemembersOverRestarts) {
  ASSERT_EQ(Send(log.Request(0, 0, 8)), 200);
  const std::string hash = Sha256({log[0].origin()}).ToHex();
  const std::string before = *witness->LastCheckpoint(hash);
  Start();
  EXPECT_EQ(*witness->LastCheckpoint(hash), before);
  EXPECT_EQ(Send(log.Request(1, 8, 8)), 422);
  EXPECT_EQ(Send(log.Request(1, 5, 9)), 409);
  EXPECT_EQ(Send(log.Request(0, 8, 9)), 200);
}

// The process dies when the head is on the disk and its cosignature has not left.
TEST_F(WitnessDecisionTest, AnAnswerThatWasLostBindsAllTheSame) {
  ASSERT_EQ(Send(log.Request(0, 0, 8)), 200);
  Start();
  EXPECT_EQ(Send(log.Request(1, 0, 8)), 409);
  EXPECT_EQ(Send(log.Request(1, 8, 8)), 422);
  EXPECT_EQ(Send(log.Request(0, 8, 8)), 200);
}

class WitnessFaultTest : public WitnessFixture {};

// Each n-th operation of each kind fails: nothing leaves that the next start does not know.
TEST_F(WitnessFaultTest, EveryFailedOperationLeavesOneHistory) {
  uint64_t played = 0;
  for (FileOperation operation : {FileOperation::kOpen, FileOperation::kWrite, FileOperation::kSync,
                                  FileOperation::kRename}) {
    for (uint64_t n = 0;; ++n) {
      std::filesystem::remove_all(folder.path());
      std::filesystem::create_directory(folder.path());
      SetUp();
      WorldOutside world(*key);
      failures.clear();
      bool reached = false;
      {
        FileFaults faults(operation, "state", EIO, n, 1);
        for (uint64_t size = 6; size < 10; ++size) {
          if (Send(log.Request(0, KnownSize(), size)) == 200) {
            world.Take(log[0].CheckpointAt(size), last.body);
            continue;
          }
          // The process ends; meanwhile nothing more leaves it.
          EXPECT_EQ(last.status, 500);
          EXPECT_THAT(failures, SizeIs(1));
          EXPECT_EQ(Send(log.Request(1, KnownSize(), size)), 500);
          reached = true;
          break;
        }
        if (!reached) break;
      }
      ++played;
      Start();
      for (size_t fork : {1, 0}) {  // the fork first
        for (uint64_t size = 6; size < 12; ++size) {
          if (size < KnownSize()) continue;
          if (Send(log.Request(fork, KnownSize(), size)) == 200) {
            world.Take(log[fork].CheckpointAt(size), last.body);
          }
        }
      }
      world.CheckOneHistory(log);
      EXPECT_GT(world.heads(), 0u);
    }
  }
  EXPECT_GE(played, 4u * 4);
}

TEST_F(WitnessFaultTest, AFullDiskPassesBy) {
  ASSERT_EQ(Send(log.Request(0, 0, 6)), 200);
  {
    FileFaults faults(FileOperation::kWrite, "state", ENOSPC);
    EXPECT_EQ(Send(log.Request(0, 6, 7)), 503);
    EXPECT_THAT(failures, IsEmpty());
  }
  EXPECT_EQ(Send(log.Request(1, 6, 7)), 422);
  EXPECT_EQ(Send(log.Request(0, 6, 7)), 200);
}

TEST_F(WitnessFaultTest, AFailedSyncEndsIt) {
  FileFaults faults(FileOperation::kSync, "state", ENOSPC);
  EXPECT_EQ(Send(log.Request(0, 0, 6)), 500);
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_TRUE(IsSyncFailure(failures[0]));
}

// The evidence of a fork is no state, but a disk that cannot sync is not to be trusted with any.
TEST_F(WitnessFaultTest, AFailedSyncOfEvidenceEndsItToo) {
  ASSERT_EQ(Send(log.Request(0, 0, 6)), 200);
  FileFaults faults(FileOperation::kSync, ".fork", EIO);
  EXPECT_EQ(Send(log.Request(1, 6, 6)), 422);
  ASSERT_THAT(failures, SizeIs(1));
  EXPECT_EQ(Send(log.Request(0, 6, 7)), 500);
}

// Many clients of a log that shows each a history of its own.
TEST_F(WitnessFaultTest, ParallelForksGetOneHistoryCosigned) {
  const uint64_t seed = TestSeed();
  std::vector<std::string> requests[2];  // made here: a TestLog belongs to one thread
  std::vector<std::string> heads[2];
  for (size_t fork : {0, 1}) {
    for (uint64_t size = 0; size <= kForkSize; ++size) {
      heads[fork].push_back(size == 0 ? "" : log[fork].CheckpointAt(size));
      for (uint64_t old_size = 0; old_size <= kForkSize; ++old_size) {
        requests[fork].push_back(old_size > size || size == 0 ? ""
                                                              : log.Request(fork, old_size, size));
      }
    }
  }
  for (int round = 0; round < 5; ++round) {
    std::filesystem::remove_all(folder.path());
    std::filesystem::create_directory(folder.path());
    SetUp();
    WorldOutside world(*key);
    std::vector<std::thread> clients;
    std::atomic<uint64_t> cosigned{0};
    for (uint64_t client = 0; client < 8; ++client) {
      clients.emplace_back([&, client] {
        std::mt19937_64 random(seed + client);
        const size_t fork = client % 2;
        uint64_t known = 0;
        uint64_t largest = 0;
        for (int i = 0; i < 40; ++i) {
          const uint64_t size = std::min(kForkSize, known + random() % 3 + (known == 0 ? 1 : 0));
          const std::string& request = requests[fork][size * (kForkSize + 1) + known];
          const WitnessAnswer answer = witness->AddCheckpoint(request);
          if (answer.status == 409) {
            known = *ParseWitnessSize(answer.body);
            EXPECT_GE(known, largest);
          } else if (answer.status == 200) {
            world.Take(heads[fork][size], answer.body);
            EXPECT_GE(size, largest) << "cosigned backwards";
            known = largest = size;
            ++cosigned;
          }
        }
      });
    }
    for (std::thread& client : clients) client.join();
    world.CheckOneHistory(log);
    EXPECT_GT(cosigned, 0u);
  }
}

}  // namespace
}  // namespace auditledger::testing
