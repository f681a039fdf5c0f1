// A privacy office's key, and what it signs.
#ifndef AUDITLEDGER_TESTS_API_TEST_CAPABILITY_H_
#define AUDITLEDGER_TESTS_API_TEST_CAPABILITY_H_

#include <string>
#include <utility>

#include "ledger/ed25519_key.h"
#include "merkle/note.h"
#include "merkle/patient_capability.h"

namespace auditledger::testing {

class CapabilityKey {
 public:
  CapabilityKey(const std::string& name, char seed)
      : key_(Ed25519Key::FromSeed(std::string(kEd25519SeedBytes, seed)).value()),
        verifier_(NoteVerifier::FromEd25519(name, key_.public_key()).value()) {}

  const NoteVerifier& verifier() const { return verifier_; }
  std::string Sign(const PatientCapability& capability) const {
    return SignText(FormatPatientCapability(capability).value());
  }
  std::string SignText(const std::string& text) const {
    return FormatNote({text, {{verifier_.name(), verifier_.key_id(), key_.Sign(text).value()}}});
  }

 private:
  const Ed25519Key key_;
  const NoteVerifier verifier_;
};

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_API_TEST_CAPABILITY_H_
