// A receipt file and the event beside it, divided by the first two bytes. Under a key that signed
// nothing no input may be verified. An event's JSON form must be canonical in the units' sense.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "merkle/units.h"
#include "verifier/event_file.h"
#include "verifier/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  static const auditledger::Pin& pin = *new auditledger::Pin{
      "ledger.test/clinic",
      auditledger::NoteVerifier::FromEd25519("ledger.test/clinic", std::string(32, 'k')).value()};
  const absl::string_view all(reinterpret_cast<const char*>(data) + 2, size - 2);
  const size_t cut = std::min<size_t>(static_cast<size_t>(data[0] << 8 | data[1]), all.size());
  auditledger::ReceiptInput input;
  input.receipt = std::string(all.substr(0, cut));
  input.event = std::string(all.substr(cut));
  if (auditledger::VerifyReceipt(input, pin, {}).ExitCode() == 0) std::abort();
  if (auditledger::VerifyHead({input.receipt, *input.event}, pin, {}).ExitCode() == 0) std::abort();
  const auto event = auditledger::EventFromJson(*input.event);
  if (event.ok() && event->size() <= auditledger::kMaxEventBytes) {
    const auto units = auditledger::CutUnits(*event);
    if (units.ok() && auditledger::JoinUnits(*units).value() != *event) std::abort();
  }
  return 0;
}
