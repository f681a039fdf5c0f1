// The command line of auditledger-verify, parsed.
#ifndef AUDITLEDGER_VERIFIER_CLI_OPTIONS_H_
#define AUDITLEDGER_VERIFIER_CLI_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace auditledger {

// As sysexits.h: the command line itself is wrong.
inline constexpr int kExitUsage = 64;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitCannotTell = 2;

struct Options {
  std::string command;  // "receipt", "checkpoint", "consistency", "log", "entry", "evidence" ...
  // Pins.
  std::string origin;
  std::string key;
  std::string pins;
  std::string policy;
  bool allow_weak_policy = false;
  // What is checked.
  std::string file;      // receipt, checkpoint, older head, folder, evidence
  std::string new_file;  // consistency: the newer head
  std::string event;
  std::string index_key;
  std::vector<std::string> proofs;
  std::string log_dir;
  std::string from;
  std::string tsa_ca;
  std::vector<std::string> tsa_policies;
  std::string timestamps;
  std::string leaf;        // cose: the entry's leaf
  std::string checkpoint;  // cose: of the receipt's size
  std::string receipt;     // cose: a tlog-proof that carries it
  std::string key_changes;
  std::string page;           // bundle: where to write it for people
  std::string recipient_key;  // open-export, bundle: PEM
  std::string out;            // open-export: the folder to make, or the file
  std::string predecessor;
  std::string predecessor_key;
  std::string tag;                    // answer: in hexadecimal
  std::vector<std::string> subject;   // answer: kind, system, id
  std::vector<std::string> recorded;  // answer: from, to
  std::vector<std::string> happened;
  uint64_t index = 0;
  unsigned threads = 0;
  // Memory and output.
  std::string trust_store;
  bool no_trust_store = false;
  bool json = false;
  bool quiet = false;
};

// Returns -1 when `options` is ready to run, else the exit code (help and version: 0).
int ParseCommandLine(int argc, char** argv, Options& options);

}  // namespace auditledger

#endif  // AUDITLEDGER_VERIFIER_CLI_OPTIONS_H_
