// Runs the built programs as a user would: arguments in, exit code and text out; the daemon on a
// folder of its own.
//
// Thread-safety: an object belongs to one thread.
#ifndef AUDITLEDGER_TESTS_E2E_PROCESSES_H_
#define AUDITLEDGER_TESTS_E2E_PROCESSES_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

namespace auditledger::testing {

// The path of a program of this build: "auditctl" -> ".../tools/auditctl".
std::string Program(const std::string& name);

struct Ran {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string out;
  std::string err;
};
Ran RunProgram(const std::vector<std::string>& command, const std::string& input = "");

// A folder that is removed with what is in it.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A program that runs on, once its --ready_file is there.
class Service {
 public:
  // `command` with `--ready_file FILES.ready`; its standard error is added to FILES.log. Aborts the
  // test program, with that log, when it does not become ready.
  Service(std::vector<std::string> command, const std::string& files);
  ~Service();  // SIGKILL, if it still runs

  std::string ready() const;  // what it wrote
  void Kill();                // SIGKILL, and waits
  int Terminate();            // SIGTERM, and waits: the exit code
  std::string log() const;

 private:
  int Wait();
  const std::string files_;
  pid_t pid_ = -1;
};

// auditledgerd with --root, and the arguments given. Without an --access_policy among them who
// comes by a Unix socket of the names used here may do everything.
class Daemon {
 public:
  Daemon(const std::string& root, const std::vector<std::string>& arguments);

  const std::string& address() const { return address_; }  // of the first listener
  void Kill() { service_.Kill(); }
  int Terminate() { return service_.Terminate(); }
  std::string log() const { return service_.log(); }

 private:
  Service service_;
  std::string address_;
};

// The value of --listen for a port of loopback, with the certificates in the folder `certs`.
std::string DevListener(const std::string& certs);

// Whom auditctl asks, about the ledger "clinic".
struct CtlServer {
  std::string address;
  std::string certs = {};    // folder of `auditctl dev-certs`; empty: a Unix socket
  std::string pin_key = {};  // empty: none
};
Ran RunCtl(const CtlServer& server, const std::vector<std::string>& arguments,
           const std::string& input = "");

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_E2E_PROCESSES_H_
