// A key as the programs without protobuf (monitor, fsck) take it on their command lines. The others
// have LoadKey of verifier/pins.h.
//
// Thread-safety: a free function, safe everywhere.
#ifndef AUDITLEDGER_TOOLS_KEY_ARGUMENT_H_
#define AUDITLEDGER_TOOLS_KEY_ARGUMENT_H_

#include <string>

#include "absl/status/statusor.h"
#include "merkle/note.h"

namespace auditledger {

// `key` is a vkey, or the path of a file that holds one, of any type. InvalidArgument telling why
// it is neither.
absl::StatusOr<NoteVerifier> ReadKeyArgument(const std::string& key);

}  // namespace auditledger

#endif  // AUDITLEDGER_TOOLS_KEY_ARGUMENT_H_
