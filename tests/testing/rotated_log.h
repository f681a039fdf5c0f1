// A TestLog whose key is rotated: the entry's body, and heads by another key than its own.
#ifndef AUDITLEDGER_TESTS_TESTING_ROTATED_LOG_H_
#define AUDITLEDGER_TESTS_TESTING_ROTATED_LOG_H_

#include <cstdint>
#include <string>

#include "merkle/key_chain.h"
#include "merkle/note.h"
#include "tests/testing/test_log.h"

namespace auditledger::testing {

// Keys are those of test_log.h: TestPublicKey(1), (2) ...
inline std::string KeyChangeBody(const std::string& origin, uint8_t from, uint8_t to) {
  KeyChange change{TestPublicKey(from), TestPublicKey(to), "", ""};
  const std::string message = KeyChangeMessage(origin, change.old_key, change.new_key).value();
  change.old_signature = TestSignature(from, message);
  change.new_signature = TestSignature(to, message);
  return EncodeKeyChange(change).value();
}

// The log's head of `size`, signed by another key.
inline std::string CheckpointBy(uint8_t key, TestLog& log, uint64_t size) {
  const NoteVerifier verifier = NoteVerifier::FromEd25519(log.origin(), TestPublicKey(key)).value();
  Note note;
  note.text = ParseNote(log.CheckpointAt(size))->text;
  note.signatures.push_back({log.origin(), verifier.key_id(), TestSignature(key, note.text)});
  return FormatNote(note);
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_TESTING_ROTATED_LOG_H_
