#include "tests/e2e/processes.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "api/client/dev_certs.h"
#include "tests/testing/shared_path.h"

namespace auditledger::testing {
namespace {

constexpr auto kReadyTimeout = std::chrono::seconds(60);  // sanitizer builds on a busy machine
constexpr auto kPoll = std::chrono::milliseconds(2);

std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Standard streams are files: no pipe can fill and block.
pid_t Start(const std::vector<std::string>& command, const std::string& in, const std::string& out,
            const std::string& err) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int files[] = {open(in.c_str(), O_RDONLY),
                       open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600),
                       open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)};
  for (int i = 0; i < 3; ++i) {
    if (files[i] < 0 || dup2(files[i], i) < 0) _exit(127);
  }
  execv(argv[0], argv.data());
  _exit(127);
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::string Program(const std::string& name) {
  const std::string build = BinaryPath("");
  for (const char* folder : {"/tools/", "/api/", "/verifier/"}) {
    if (std::filesystem::exists(build + folder + name)) return build + folder + name;
  }
  std::fprintf(stderr, "%s is not built in %s\n", name.c_str(), build.c_str());
  std::abort();
}

TempFolder::TempFolder() {
  path_ = (std::filesystem::temp_directory_path() / "auditledger-e2e-XXXXXX").string();
  if (mkdtemp(path_.data()) == nullptr) std::abort();
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Ran RunProgram(const std::vector<std::string>& command, const std::string& input) {
  const TempFolder folder;
  const std::string base = folder.path();
  std::ofstream(base + "/in", std::ios::binary) << input;
  int status = 0;
  waitpid(Start(command, base + "/in", base + "/out", base + "/err"), &status, 0);
  return {ExitCode(status), Slurp(base + "/out"), Slurp(base + "/err")};
}

Service::Service(std::vector<std::string> command, const std::string& files) : files_(files) {
  std::filesystem::remove(files + ".ready");
  command.insert(command.end(), {"--ready_file", files + ".ready"});
  pid_ = Start(command, "/dev/null", files + ".out", files + ".log");
  const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
  while (!std::filesystem::exists(files + ".ready")) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_ || std::chrono::steady_clock::now() > deadline) {
      std::fprintf(stderr, "%s did not become ready:\n%s\n", command[0].c_str(), log().c_str());
      std::abort();
    }
    std::this_thread::sleep_for(kPoll);  // there is nothing else to wait on in another process
  }
}

Service::~Service() { Kill(); }

std::string Service::ready() const { return Slurp(files_ + ".ready"); }

int Service::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return ExitCode(status);
}

void Service::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  Wait();
}

int Service::Terminate() {
  kill(pid_, SIGTERM);
  return Wait();
}

std::string Service::log() const { return Slurp(files_ + ".log"); }

namespace {
std::vector<std::string> DaemonCommand(const std::string& root,
                                       const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {Program("auditledgerd"), "--root", root};
  command.insert(command.end(), arguments.begin(), arguments.end());
  if (std::find(arguments.begin(), arguments.end(), "--access_policy") != arguments.end()) {
    return command;
  }
  const std::string policy = root + "/access.policy";
  if (!std::filesystem::exists(policy)) {
    for (const char* listener : {"local:admin", "local:local"}) {
      if (!AddDevGrants(root, listener, AllDevRoles()).ok()) std::abort();
    }
  }
  command.insert(command.end(), {"--access_policy", policy});
  return command;
}
}  // namespace

Daemon::Daemon(const std::string& root, const std::vector<std::string>& arguments)
    : service_(DaemonCommand(root, arguments), root + "/daemon") {
  std::istringstream lines(service_.ready());
  std::string name;
  lines >> name >> address_;
}

std::string DevListener(const std::string& certs) {
  return "main,127.0.0.1:0," + certs + "/server.pem," + certs + "/server.key," + certs + "/ca.pem";
}

Ran RunCtl(const CtlServer& server, const std::vector<std::string>& arguments,
           const std::string& input) {
  std::vector<std::string> command = {Program("auditctl"), "--server", server.address, "--ledger",
                                      "clinic"};
  if (!server.certs.empty()) {
    command.insert(command.end(),
                   {"--ca", server.certs + "/ca.pem", "--cert", server.certs + "/client.pem",
                    "--key-file", server.certs + "/client.key"});
  }
  if (!server.pin_key.empty()) command.insert(command.end(), {"--pin-key", server.pin_key});
  command.insert(command.end(), arguments.begin(), arguments.end());
  return RunProgram(command, input);
}

}  // namespace auditledger::testing
