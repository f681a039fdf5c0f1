// auditledger-witness as it is run: keys, a server that is killed, heads brought as files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>
#include <random>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "merkle/witness.h"
#include "tests/testing/seed.h"
#include "tests/testing/shared_path.h"
#include "tests/tools/witness/fixture.h"
#include "tools/exit_codes.h"

namespace auditledger::testing {
namespace {

using ::testing::HasSubstr;

std::string Program() { return BinaryPath("tools/auditledger-witness"); }

struct Ran {
  int exit_code = -1;
  std::string out;
};
Ran RunShell(const std::string& command) {
  Ran ran;
  FILE* const pipe = popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.out.append(buffer, n);
  ran.exit_code = WEXITSTATUS(pclose(pipe));
  return ran;
}

class WitnessProgramTest : public WitnessFixture {
 protected:
  void SetUp() override {
    WitnessFixture::SetUp();
    witness.reset();
    Write("logs", "# followed\n" + log[0].verifier().ToVkey() + "\n");
    who = " --key " + (folder / "w1.key") + " --state " + (folder / "state");
  }
  void TearDown() override {
    if (server > 0) Kill(SIGKILL);
  }
  std::string Write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
    return folder / name;
  }
  // Errors go to "err".
  Ran Run(const std::string& arguments) {
    return RunShell(Program() + " " + arguments + " 2>" + (folder / "err"));
  }
  std::string Err() { return *ReadWholeFile(folder / "err", 1 << 20); }
  Ran Cosign(const std::string& file, const std::string& more = "") {
    return Run("cosign" + who + " --log " + log[0].verifier().ToVkey() + " " + more + " " + file);
  }
  void NewWitness() {
    std::filesystem::remove_all(folder / "state");
    std::filesystem::remove(folder / "w1.key");
    key = std::make_unique<NoteVerifier>(*CreateWitness(
        {"witness.example/w1", folder / "w1.key", folder / "state"}, Random::System()));
  }
  // Returns when it listens, which its first line says.
  void Serve() {
    const std::string command = "exec " + Program() + " serve" + who + " --logs " +
                                (folder / "logs") + " --listen 127.0.0.1:0 --ready-file " +
                                (folder / "ready");
    const char* argv[] = {"sh", "-c", command.c_str(), nullptr};
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    ASSERT_EQ(
        ::posix_spawn(&server, "/bin/sh", &actions, nullptr, const_cast<char**>(argv), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::promise<std::string> first_line;
    std::future<std::string> line = first_line.get_future();
    // Until it ends: a full pipe would hold it up.
    reader = std::thread([end = ends[0], promise = std::move(first_line)]() mutable {
      FILE* const file = ::fdopen(end, "r");
      char buffer[1024];
      if (std::fgets(buffer, sizeof buffer, file) == nullptr) buffer[0] = 0;
      promise.set_value(buffer);
      while (std::fgets(buffer, sizeof buffer, file) != nullptr) continue;
      std::fclose(file);
    });
    const std::string said = line.get();
    const size_t at = said.rfind("127.0.0.1:");
    ASSERT_NE(at, std::string::npos) << said;
    address = "http://" + said.substr(at, said.find_last_of("0123456789") + 1 - at);
  }
  int Kill(int signal) {
    int status = 0;
    ::kill(server, signal);
    ::waitpid(server, &status, 0);
    server = -1;
    reader.join();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string who;
  std::string address;
  pid_t server = -1;
  std::thread reader;
};

TEST_F(WitnessProgramTest, SaysWhatItDoesAndRefusesTheRest) {
  EXPECT_THAT(Run("--help").out, HasSubstr("Exit codes"));
  EXPECT_THAT(Run("--version").out, HasSubstr("auditledger-witness "));
  EXPECT_THAT(Run("cosign --help").out, HasSubstr("--proof"));
  for (const char* wrong : {"", "unknown", "keygen", "serve --key k", "cosign", "vkey"}) {
    EXPECT_EQ(Run(wrong).exit_code, kExitUsage) << wrong;
  }
  EXPECT_EQ(Run("serve" + who + " --logs " + (folder / "logs") + " --listen nowhere").exit_code,
            kExitUsage);
  EXPECT_EQ(Run("serve" + who + " --logs " + (folder / "absent")).exit_code, kExitUnreachable);
}

TEST_F(WitnessProgramTest, KeysAreMadeOnce) {
  const std::string fresh =
      "keygen --name w2 --key " + (folder / "w2.key") + " --state " + (folder / "state2");
  const Ran made = Run(fresh);
  EXPECT_EQ(made.exit_code, 0);
  EXPECT_OK(NoteVerifier::Parse(made.out.substr(0, made.out.size() - 1)));
  EXPECT_EQ(Run("vkey --key " + (folder / "w2.key")).out, made.out);
  EXPECT_EQ(Run(fresh).exit_code, kExitRefused);
  EXPECT_EQ(Run("vkey --key " + (folder / "absent")).exit_code, kExitUnreachable);
}

TEST_F(WitnessProgramTest, HeadsBroughtAsFilesFollowTheSameRules) {
  const Ran first = Cosign(Write("head", log[0].CheckpointAt(8)));
  ASSERT_EQ(first.exit_code, 0) << Err();
  EXPECT_OK(AddCosignatures(log[0].CheckpointAt(8), first.out, {*key}));
  // From standard input, as a text that was scanned.
  EXPECT_EQ(Cosign("- <" + (folder / "head")).exit_code, 0);
  // A larger one needs a proof.
  Write("head12", log[0].CheckpointAt(12));
  EXPECT_EQ(Cosign(folder / "head12").exit_code, kExitUnreachable);
  EXPECT_THAT(Err(), HasSubstr("prove-consistency 8 12"));
  const std::string old_proof = Write("proof5", log[0].UpdateFrom(5, 12));
  EXPECT_EQ(Cosign(folder / "head12", "--proof " + old_proof).exit_code, kExitUnreachable);
  const std::string proof = Write("proof", log[0].UpdateFrom(8, 12));
  const Ran next = Cosign(folder / "head12", "--note --proof " + proof);
  ASSERT_EQ(next.exit_code, 0) << Err();
  EXPECT_THAT(*VerifyCosignatures(next.out, {*key}), ::testing::SizeIs(1));
  EXPECT_OK(OpenCheckpoint(next.out, log[0].origin(), log[0].verifier()));
  // The proof's own file is a request as well.
  EXPECT_EQ(Cosign(Write("request", log[0].UpdateFrom(12, 13))).exit_code, 0);
  // Forks, smaller heads, heads of others.
  EXPECT_EQ(Cosign(Write("fork", log[1].CheckpointAt(13))).exit_code, kExitNotProven);
  EXPECT_EQ(Cosign(Write("fork14", log[1].UpdateFrom(13, 14))).exit_code, kExitNotProven);
  EXPECT_EQ(Cosign(folder / "head").exit_code, kExitNotProven);
  EXPECT_EQ(Cosign(Write("nonsense", "nonsense")).exit_code, kExitNotProven);
  TestLog::Options stranger;
  stranger.origin = "elsewhere.test/log";
  EXPECT_EQ(Cosign(Write("other", TestLog(stranger).CheckpointAt(1))).exit_code, kExitNotProven);
}

TEST_F(WitnessProgramTest, ServesUntilItIsTold) {
  Serve();
  httplib::Client client(address);
  EXPECT_EQ(client.Post("/add-checkpoint", log.Request(0, 0, 8), "text/plain")->status, 200);
  EXPECT_EQ(Cosign(Write("head", log[0].CheckpointAt(8))).exit_code, kExitRefused);
  EXPECT_THAT(Err(), HasSubstr("another process"));
  EXPECT_EQ(Kill(SIGTERM), 0);
  Serve();
  httplib::Client again(address);
  EXPECT_EQ(again.Post("/add-checkpoint", log.Request(0, 0, 9), "text/plain")->body, "8\n");
}

// kill -9 at any moment, under clients of two histories.
TEST_F(WitnessProgramTest, KilledAtAnyMomentItCosignsOneHistory) {
  std::mt19937_64 random(TestSeed());
  std::unique_ptr<WorldOutside> world;
  for (int round = 0; round < 12; ++round) {
    // Three lives a witness: one that has reached the last size would cosign nothing more.
    const bool fresh = round % 3 == 0;
    if (fresh) {
      NewWitness();
      world = std::make_unique<WorldOutside>(*key);
    }
    Serve();
    std::vector<std::thread> clients;
    std::atomic<uint64_t> answers{0};
    std::atomic<int> clients_left{4};
    std::vector<std::vector<std::string>> requests(2);
    for (size_t fork : {0, 1}) {
      for (uint64_t old_size = 0; old_size < kForkSize; ++old_size) {
        requests[fork].push_back(log.Request(fork, old_size, old_size + 1));
      }
    }
    for (size_t client = 0; client < 4; ++client) {
      clients.emplace_back([&, fork = client % 2] {
        httplib::Client http(address);
        const absl::Cleanup left = [&] { --clients_left; };
        for (uint64_t known = 0; known < kForkSize;) {
          const auto answer = http.Post("/add-checkpoint", requests[fork][known], "text/plain");
          if (!answer) return;  // it was killed
          ++answers;
          if (answer->status == 409) {
            known = *ParseWitnessSize(answer->body);
          } else if (answer->status == 200) {
            const std::string& request = requests[fork][known];
            world->Take(request.substr(request.find("\n\n") + 2), answer->body);
            ++known;
          } else {
            return;  // 422: the other history won
          }
        }
      });
    }
    const uint64_t after = answers + (fresh ? 1 : 0) + random() % kForkSize;
    while (answers < after && clients_left > 0) std::this_thread::yield();
    Kill(SIGKILL);
    for (std::thread& client : clients) client.join();
    world->CheckOneHistory(log);
    EXPECT_GT(world->heads(), 0u) << "round " << round;
  }
}

}  // namespace
}  // namespace auditledger::testing
