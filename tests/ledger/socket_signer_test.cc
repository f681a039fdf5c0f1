// A ledger's side and a signer's side of the socket, in one process: what holds when questions,
// answers, processes and connections are lost.
//
// Covers: ledger/signer_server, ledger/signer_service, ledger/signer_socket
#include "ledger/socket_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>

#include "ledger/posix_file.h"
#include "ledger/signer_folder.h"
#include "ledger/signer_protocol.h"
#include "ledger/signer_server.h"
#include "ledger/signer_socket.h"
#include "ledger/signer_state.h"
#include "merkle/bytes.h"
#include "merkle/checkpoint.h"
#include "merkle/cose_receipt.h"
#include "merkle/ed25519_verify.h"
#include "tests/testing/fake_random.h"
#include "tests/testing/file_faults.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace auditledger {
namespace {

using ::auditledger::testing::FakeRandom;
using ::auditledger::testing::FileFaults;
using ::auditledger::testing::StatusIs;
using ::auditledger::testing::TempDir;
using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;
constexpr char kOrigin[] = "example.org/clinic";

// A log of two leaves: 1 -> 2 is proven by the second leaf's hash.
const Hash kFirst = LeafHash("first");
const Hash kSecond = LeafHash("second");
const Head kOne{1, kFirst, 11};
const Head kTwo{2, NodeHash(kFirst, kSecond), 22};
const Head kFork{2, NodeHash(kFirst, LeafHash("fork")), 22};

class SocketSignerTest : public ::testing::Test {
 protected:
  SocketSignerTest() {
    options_.dir = temp_ / "signer";
    options_.socket_path = temp_ / "s";
    options_.log = [this](absl::string_view line) {
      MutexLock lock(log_mutex_);
      log_ += std::string(line) + "\n";
    };
    EXPECT_OK(CreateSignerOrigin(options_.dir, kOrigin, random_));
  }

  void Serve() { ASSERT_OK_AND_ASSIGN(server_, SignerServer::Start(options_)); }
  absl::StatusOr<std::unique_ptr<Signer>> Connect(milliseconds patience = milliseconds(10'000)) {
    return OpenSocketSigner({options_.socket_path, kOrigin, patience});
  }
  std::unique_ptr<Signer> Connected() {
    auto signer = Connect();
    EXPECT_OK(signer);
    return *std::move(signer);
  }
  Head OnDisk() {
    const std::string path = SignerOriginPath(options_.dir, kOrigin) + "/signer.state";
    return ParseSignerState(ReadWholeFile(path, 1 << 20).value())->head;
  }
  std::string Log() {
    MutexLock lock(log_mutex_);
    return log_;
  }
  // What a stranger's bytes are answered with.
  absl::StatusOr<SignerAnswer> Say(absl::string_view bytes) {
    const SocketDeadline soon = SocketClock::now() + std::chrono::seconds(10);
    auto socket = SignerSocket::Connect(options_.socket_path);
    if (!socket.ok()) return socket.status();
    EXPECT_OK(socket->Write(bytes, soon));
    auto header_bytes = socket->Read(kSignerFrameHeaderBytes, soon);
    if (!header_bytes.ok()) return header_bytes.status();
    auto header = ParseSignerFrameHeader(*header_bytes);
    if (!header.ok()) return header.status();
    return ParseSignerAnswer(header->type, socket->Read(header->body_bytes, soon).value());
  }

  TempDir temp_;
  FakeRandom random_{1};
  SignerServerOptions options_;
  Mutex log_mutex_;
  std::string log_;
  std::unique_ptr<SignerServer> server_;
};

TEST_F(SocketSignerTest, SignsWhatExtendsAndNothingElse) {
  Serve();
  const auto signer = Connected();
  EXPECT_EQ(signer->LastSigned().value(), std::nullopt);
  ASSERT_OK_AND_ASSIGN(const std::string note, signer->Sign(kOne, {}));
  EXPECT_OK(OpenCheckpoint(note, kOrigin, signer->verifier()));
  EXPECT_EQ(signer->LastSigned().value(), kOne);
  EXPECT_EQ(OnDisk(), kOne);

  EXPECT_THAT(signer->Sign(kTwo, {kFirst}), StatusIs(kRefused, HasSubstr("does not extend")));
  ASSERT_OK(signer->Sign(kTwo, {kSecond}));
  const auto refused =
      StatusIs(kRefused, AllOf(HasSubstr("does not extend"), HasSubstr(temp_ / "s")));
  EXPECT_THAT(signer->Sign(kFork, {}), refused) << "fork";
  EXPECT_THAT(signer->Sign(kOne, {}), refused) << "rollback";
  EXPECT_EQ(OnDisk(), kTwo);
  EXPECT_FALSE(signer->SyncFailed());
  EXPECT_THAT(Log(), HasSubstr("example.org/clinic: the head (size 1")) << "an alarm to look into";
}

TEST_F(SocketSignerTest, SignsForCoseReceiptsTheLastHeadSignedAlone) {
  Serve();
  const auto signer = Connected();
  EXPECT_THAT(signer->SignCoseHead(kOne), StatusIs(kRefused, HasSubstr("not the last one signed")));
  ASSERT_OK(signer->Sign(kOne, {}));
  ASSERT_OK_AND_ASSIGN(const std::string signature, signer->SignCoseHead(kOne));
  EXPECT_OK(VerifyEd25519(signer->verifier().public_key(),
                          CoseSignedBytes(signer->verifier(), kOne.root), signature));
  EXPECT_THAT(signer->SignCoseHead(kTwo), StatusIs(kRefused));
  EXPECT_OK(signer->Sign(kTwo, {kSecond}).status()) << "a refusal stops nothing";
}

TEST_F(SocketSignerTest, OneProcessSignsForManyOrigins) {
  const std::string other = "example.org/ward";
  Serve();
  const auto clinic = Connected();
  EXPECT_THAT(OpenSocketSigner({options_.socket_path, other}),
              StatusIs(kRefused, HasSubstr("auditledger-signer init")));
  // Made while it serves.
  ASSERT_OK(CreateSignerOrigin(options_.dir, other, random_));
  ASSERT_OK_AND_ASSIGN(const auto ward, OpenSocketSigner({options_.socket_path, other}));
  EXPECT_NE(ward->verifier().ToVkey(), clinic->verifier().ToVkey());
  ASSERT_OK(clinic->Sign(kTwo, {}));
  ASSERT_OK(ward->Sign(kOne, {}));
  EXPECT_EQ(clinic->LastSigned().value(), kTwo);
  EXPECT_EQ(ward->LastSigned().value(), kOne);
}

// The process dies after its state was written and before it answers, which is all that kill -9 can
// do between the two: what fdatasync has seen stays.
TEST_F(SocketSignerTest, ALostAnswerIsAskedForAgainAndIsTheSame) {
  std::atomic<int> lose{0};
  options_.before_answer = [&] { return lose-- <= 0; };
  Serve();
  const auto signer = Connected();
  ASSERT_OK(signer->Sign(kOne, {}));
  lose = 2;
  ASSERT_OK_AND_ASSIGN(const std::string note, signer->Sign(kTwo, {kSecond}));
  EXPECT_EQ(lose, -1);
  EXPECT_EQ(OnDisk(), kTwo);
  EXPECT_EQ(signer->Sign(kTwo, {}).value(), note);
}

TEST_F(SocketSignerTest, AProcessThatComesBackGoesOn) {
  Serve();
  const auto signer = Connected();
  ASSERT_OK(signer->Sign(kOne, {}));
  server_.reset();
  EXPECT_FALSE(PathExists(options_.socket_path));
  std::thread later([this] { Serve(); });
  EXPECT_OK(signer->Sign(kTwo, {kSecond})) << "waits for it";
  later.join();
  EXPECT_EQ(signer->LastSigned().value(), kTwo);
}

TEST_F(SocketSignerTest, WithoutAnAnswerItGivesUp) {
  EXPECT_THAT(Connect(milliseconds(50)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no answer within 50 ms")));
  // Accepts and says nothing, as a process that was stopped does.
  ASSERT_OK_AND_ASSIGN(const SignerListener silent, SignerListener::Listen(options_.socket_path));
  EXPECT_THAT(Connect(milliseconds(50)), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SocketSignerTest, AProcessWithAnotherKeyIsRefused) {
  Serve();
  const auto signer = Connected();
  ASSERT_OK(signer->Sign(kOne, {}));
  server_.reset();
  std::filesystem::remove_all(options_.dir);
  ASSERT_OK(CreateSignerOrigin(options_.dir, kOrigin, random_));
  Serve();
  EXPECT_THAT(signer->Sign(kTwo, {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("the key it had")));
}

TEST_F(SocketSignerTest, AFailedSyncIsSaidAndEndsTheProcess) {
  std::atomic<int> ends{0};
  options_.on_sync_failure = [&] { ++ends; };
  Serve();
  const auto signer = Connected();
  {
    const FileFaults faults(FileOperation::kSync, "signer.state", EIO);
    EXPECT_THAT(signer->Sign(kOne, {}),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("may be lost")));
  }
  EXPECT_TRUE(signer->SyncFailed());
  server_->Stop();
  EXPECT_EQ(ends, 1);
}

TEST_F(SocketSignerTest, AWriteErrorStopsTheOriginUntilTheProcessStartsAgain) {
  Serve();
  const auto signer = Connected();
  {
    const FileFaults faults(FileOperation::kWrite, "signer.state", EIO);
    EXPECT_FALSE(signer->Sign(kOne, {}).ok());
  }
  EXPECT_FALSE(signer->SyncFailed());
  EXPECT_THAT(signer->Sign(kOne, {}), StatusIs(kRefused, HasSubstr("has stopped")));
  server_.reset();
  Serve();
  EXPECT_OK(signer->Sign(kOne, {}));
}

TEST_F(SocketSignerTest, AnOriginThatCannotSignSaysWhyAndIsTriedAgain) {
  const std::string state = SignerOriginPath(options_.dir, kOrigin) + "/signer.state";
  ASSERT_OK(RenameDurably(state, temp_ / "away"));
  Serve();
  EXPECT_THAT(Log(), HasSubstr("cannot sign for example.org/clinic"));
  EXPECT_THAT(Connect(), StatusIs(kRefused, HasSubstr("lost state")));
  ASSERT_OK(RenameDurably(temp_ / "away", state));
  EXPECT_OK(Connect());
}

TEST_F(SocketSignerTest, TwoProcessesOnOneFolderDoNotBothSign) {
  Serve();
  ASSERT_OK(Connect());
  SignerServerOptions second = options_;
  EXPECT_THAT(SignerServer::Start(second),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("another process listens")));
  second.socket_path = temp_ / "s2";
  ASSERT_OK_AND_ASSIGN(const auto server, SignerServer::Start(second));
  EXPECT_THAT(OpenSocketSigner({second.socket_path, kOrigin}),
              StatusIs(kRefused, HasSubstr("another signer has it open")));
}

TEST_F(SocketSignerTest, ASocketLeftByAKilledProcessIsReplacedAFileIsNot) {
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    options_.socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ::close(fd);
  }
  ASSERT_TRUE(PathExists(options_.socket_path));
  Serve();
  EXPECT_OK(Connect());
  struct stat info = {};
  ASSERT_EQ(::stat(options_.socket_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
  ASSERT_OK(CreateFile(temp_ / "file", "precious"));
  EXPECT_THAT(SignerListener::Listen(temp_ / "file"),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("no socket")));
}

// A process that was stopped, with as many waiting as may: it is there all the same.
TEST_F(SocketSignerTest, ASocketThatTakesNobodyMoreIsNotReplaced) {
  ASSERT_OK_AND_ASSIGN(const SignerListener stopped, SignerListener::Listen(options_.socket_path));
  std::vector<SignerSocket> waiting;
  while (true) {
    auto socket = SignerSocket::Connect(options_.socket_path);
    if (!socket.ok()) {
      EXPECT_THAT(socket, StatusIs(absl::StatusCode::kUnavailable));
      break;
    }
    waiting.push_back(*std::move(socket));
    ASSERT_LT(waiting.size(), 1000u);
  }
  EXPECT_THAT(SignerListener::Listen(options_.socket_path),
              StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(SocketSignerTest, APathHasALimit) {
  EXPECT_OK(CheckSocketPath("/" + std::string(kMaxSocketPathBytes - 1, 'x')));
  EXPECT_FALSE(CheckSocketPath("/" + std::string(kMaxSocketPathBytes, 'x')).ok());
  EXPECT_FALSE(CheckSocketPath("relative").ok());
  EXPECT_EQ(ParseSignerAddress("unix:/run/s").value(), "/run/s");
  for (const char* wrong : {"", "/run/s", "unix:", "unix:s", "tcp:/s"}) {
    EXPECT_THAT(ParseSignerAddress(wrong), StatusIs(absl::StatusCode::kInvalidArgument)) << wrong;
  }
}

TEST_F(SocketSignerTest, RubbishIsRefusedAndStopsNobody) {
  Serve();
  const auto signer = Connected();
  for (const std::string& rubbish :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(8, '\0'), std::string(64, '\xff'),
        std::string("\x01\x02\x00\x00\x00\x00\x00\x01\x00", 9)}) {
    ASSERT_OK_AND_ASSIGN(const SignerAnswer answer, Say(rubbish));
    EXPECT_EQ(answer.type, SignerMessage::kError);
    EXPECT_EQ(answer.error, SignerError::kMalformed);
  }
  EXPECT_OK(signer->Sign(kOne, {}));
}

TEST_F(SocketSignerTest, ANameThatIsMadeUpLeavesNothingBehind) {
  Serve();
  const std::string name = "../" + std::string(1, '\n') + "etc";
  SignerRequest question{SignerMessage::kSign, name, kOne, {}};
  ASSERT_OK_AND_ASSIGN(const SignerAnswer answer, Say(EncodeSignerRequest(question).value()));
  EXPECT_EQ(answer.error, SignerError::kUnknownOrigin);
  EXPECT_THAT(Log(), HasSubstr("../\\netc")) << "in one line";
  EXPECT_EQ(ListSignerOrigins(options_.dir)->size(), 1u);
}

TEST_F(SocketSignerTest, WhoStallsIsCutOffAndStopsNobody) {
  options_.frame_timeout = milliseconds(50);
  Serve();
  ASSERT_OK_AND_ASSIGN(const SignerSocket stalled, SignerSocket::Connect(options_.socket_path));
  ASSERT_OK(stalled.Write("\x01", kNoSocketDeadline));
  const auto signer = Connected();
  EXPECT_OK(signer->Sign(kOne, {}));
  EXPECT_THAT(stalled.Read(1, SocketClock::now() + std::chrono::seconds(10)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("has gone")));
}

TEST_F(SocketSignerTest, ConnectionsWithoutEndPushOutOnlyThoseThatWait) {
  options_.max_connections = 2;
  Serve();
  const auto signer = Connected();
  ASSERT_OK(signer->Sign(kOne, {}));
  std::vector<SignerSocket> many;
  for (int i = 0; i < 10; ++i) {
    auto socket = SignerSocket::Connect(options_.socket_path);
    ASSERT_OK(socket);
    many.push_back(*std::move(socket));
  }
  // The oldest of them has been pushed out, the ledger's as well; it connects again.
  EXPECT_FALSE(many[0].Read(1, SocketClock::now() + std::chrono::seconds(10)).ok());
  EXPECT_OK(signer->Sign(kTwo, {kSecond}));
}

// A token that hangs, and as many waiting for it as may: who comes is turned away at once, and is
// served as soon as one of the places is that of somebody who asks nothing.
TEST_F(SocketSignerTest, AnswersThatHangDoNotStopTheDoor) {
  options_.max_connections = 2;
  std::promise<void> answered;
  std::atomic<int> hang{0};
  std::atomic<int> hanging{0};
  options_.before_answer = [&, gate = answered.get_future().share()] {
    if (hang-- > 0) {
      ++hanging;
      gate.wait();
    }
    return true;
  };
  Serve();
  const std::string question =
      EncodeSignerRequest({SignerMessage::kLastSigned, kOrigin, {}, {}}).value();
  const SocketDeadline soon = SocketClock::now() + std::chrono::seconds(10);
  hang = 2;
  std::vector<SignerSocket> waiting;
  for (int i = 0; i < 2; ++i) {
    auto socket = SignerSocket::Connect(options_.socket_path);
    ASSERT_OK(socket);
    ASSERT_OK(socket->Write(question, soon));
    waiting.push_back(*std::move(socket));
  }
  while (hanging < 2) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const SignerSocket late, SignerSocket::Connect(options_.socket_path));
    EXPECT_THAT(late.Read(1, soon), StatusIs(absl::StatusCode::kUnavailable)) << i;
  }
  EXPECT_THAT(Log(), HasSubstr("turned a connection away"));
  answered.set_value();
  for (const SignerSocket& socket : waiting) {
    EXPECT_OK(socket.Read(kSignerFrameHeaderBytes, soon)) << "who asked has the answer";
  }
  EXPECT_OK(Connected()->Sign(kOne, {}));
}

TEST_F(SocketSignerTest, OnlyKnownUsersAreServed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to connect as another user";
  ASSERT_EQ(::chmod(temp_.path().c_str(), 0755), 0);
  constexpr uid_t kStranger = 65'533;
  const auto connect_as_stranger = [&] {
    ASSERT_EQ(::chmod(options_.socket_path.c_str(), 0666), 0);
    ASSERT_EQ(::seteuid(kStranger), 0);
  };
  Serve();
  ASSERT_EQ(::chmod(options_.socket_path.c_str(), 0600), 0);
  ASSERT_EQ(::seteuid(kStranger), 0);
  const auto closed = Connect();
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_THAT(closed, StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("cannot connect")));
  connect_as_stranger();
  const auto refused = Connect();
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("user 65533")));
  EXPECT_THAT(Log(), HasSubstr("refused a connection of user 65533"));
  server_.reset();
  options_.allowed_users = {kStranger};
  Serve();
  connect_as_stranger();
  const auto served = Connect();
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_OK(served);
}

// A signer that lies: its answers are of the right form and wrong.
TEST_F(SocketSignerTest, AnswersToAnotherQuestionAreRefused) {
  Serve();
  const std::string vkey = Connected()->verifier().ToVkey();
  ASSERT_OK_AND_ASSIGN(const std::string fork, Connected()->Sign(kFork, {}));
  server_.reset();
  ASSERT_OK_AND_ASSIGN(const SignerListener liar, SignerListener::Listen(options_.socket_path));
  SignerAnswer key;
  key.type = SignerMessage::kPublicKeyAnswer;
  key.text = vkey;
  SignerAnswer other = key;
  other.type = SignerMessage::kSignAnswer;
  other.text = fork;
  const std::string answers[] = {EncodeSignerAnswer(key), EncodeSignerAnswer(other),
                                 EncodeSignerAnswer(key), "\x02garbage"};
  std::thread lies([&] {
    std::optional<SignerSocket> socket;
    for (const std::string& answer : answers) {
      if (!socket) socket = liar.Accept().value();
      auto header = socket->Read(kSignerFrameHeaderBytes, kNoSocketDeadline);
      if (!header.ok()) {  // what was wrong ended the connection
        socket = liar.Accept().value();
        header = socket->Read(kSignerFrameHeaderBytes, kNoSocketDeadline);
      }
      socket->Read(ParseSignerFrameHeader(*header)->body_bytes, kNoSocketDeadline).value();
      ASSERT_OK(socket->Write(answer, kNoSocketDeadline));
    }
  });
  const auto signer = Connected();
  EXPECT_THAT(signer->Sign(kTwo, {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("another head")));
  EXPECT_THAT(signer->LastSigned(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("another question")));
  EXPECT_THAT(signer->LastSigned(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("malformed")));
  lies.join();
}

}  // namespace
}  // namespace auditledger
