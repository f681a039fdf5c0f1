// What a witness has cosigned, and its key: the two things that must never part.
//
//   <key file>            "PRIVATE+KEY+name+hash+base64" (ledger/key_text.h), 0600
//   <state>/witness.vkey  whose state this is
//   <state>/witness.origins  a line for each origin ever cosigned: its file's name, as below
//   <state>/<hex SHA-256(origin)>  the last checkpoint cosigned, with the log's lines and ours
//   <state>/<hex SHA-256(origin)>.fork-a, .fork-b  two heads of one size, both signed by the log
//
// The list is there so that a file that is gone is not taken for a log never cosigned; before the
// first cosignature of an origin leaves, its file is on the disk and then its line. witness.vkey
// and the key file are locked by the process that uses them: a copied state folder does not let
// one key run twice. A copied key file does.
//
// A witness that has lost its state would cosign a second history under its old name. So the two
// are made together, a key without its state is refused, and a witness whose state is lost needs a
// new key. A restored older copy of the folder cannot be told from the newest: never back it up.
//
// Example:
//   RETURN_IF_ERROR(CreateWitness({"witness.example/w1", "w1.key", "state"}, Random::System()));
//   ASSIGN_OR_RETURN(WitnessKey key, LoadWitnessKey("w1.key"));
//   ASSIGN_OR_RETURN(auto state, WitnessState::Open("state", key.verifier));
//
// Thread-safety: a WitnessState may be used by many threads, for one origin by one at a time.
// Errors: FailedPrecondition (wrong key, folder or file open to others, in use), DataLoss (a file
// that is damaged), NotFound (no such key or state), else as posix_file.h.
#ifndef AUDITLEDGER_TOOLS_WITNESS_STATE_H_
#define AUDITLEDGER_TOOLS_WITNESS_STATE_H_

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "ledger/ed25519_key.h"
#include "ledger/mutex.h"
#include "ledger/posix_file.h"
#include "ledger/random.h"
#include "merkle/checkpoint.h"
#include "merkle/note.h"

namespace auditledger {

struct WitnessPaths {
  std::string name;  // the key's, "witness.example/w1"
  std::string key_file;
  std::string state_dir;
};
// Makes the folder (0700) and the key file, which is written last. Returns the witness's key, for
// policies. AlreadyExists when there is a key or a state.
absl::StatusOr<NoteVerifier> CreateWitness(const WitnessPaths& paths, Random& random);

// A hundred times the logs a witness follows at once: 650 KB, rewritten at an origin's first head.
inline constexpr size_t kMaxWitnessedOrigins = 10'000;

struct WitnessKey {
  // FailedPrecondition when another process has the file; held as long as this object.
  absl::Status Lock() const;
  PosixFile file;
  Ed25519Key signer;
  NoteVerifier verifier;  // type 0x04
};
absl::StatusOr<WitnessKey> LoadWitnessKey(const std::string& key_file);

// A checkpoint that this witness cosigned.
struct WitnessedHead {
  Checkpoint checkpoint;
  uint64_t timestamp = 0;  // of our cosignature, in seconds
  std::string note;
};

class WitnessState {
 public:
  static absl::StatusOr<WitnessState> Open(const std::string& state_dir, const NoteVerifier& key);

  // nullopt: never cosigned. DataLoss when the file is gone or not what this witness wrote.
  absl::StatusOr<std::optional<WitnessedHead>> Load(absl::string_view origin) const;
  // Durable before it returns OK. ResourceExhausted for a full disk, and for one origin more than
  // kMaxWitnessedOrigins. REQUIRES: `note` is a checkpoint of `origin`, cosigned by the key.
  absl::Status Store(absl::string_view origin, absl::string_view note) const;
  // Keeps the first two heads that prove a fork; later ones are dropped.
  absl::Status KeepFork(absl::string_view origin, absl::string_view known,
                        absl::string_view other) const;

 private:
  // The origins ever cosigned, by the names of their files.
  struct Listed {
    Mutex mutex;
    std::set<std::string> names ABSL_GUARDED_BY(mutex);
  };
  WitnessState(std::string dir, PosixFile lock, NoteVerifier key, std::set<std::string> names);
  std::string PathOf(absl::string_view origin) const;
  absl::Status List(absl::string_view origin) const;
  std::string dir_;
  PosixFile lock_;
  NoteVerifier key_;
  std::unique_ptr<Listed> listed_;
};

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_WITNESS_STATE_H_
