// Bytes of an append, as the service takes them: parse or explain, check, cut. Whatever is accepted
// must be canonical in the sense of merkle/units.h or be refused there, and no verdict may quote a
// value it was given.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "api/event_rules.h"
#include "api/status.h"
#include "api/wire_check.h"
#include "auditledger/v1/ledger_service.pb.h"
#include "google/protobuf/stubs/logging.h"
#include "merkle/units.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const silence = new google::protobuf::LogSilencer;
  (void)silence;
  using namespace auditledger;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  v1::AppendEventRequest request;
  if (!request.ParseFromArray(data, static_cast<int>(size))) {
    const absl::Status why = ExplainParseFailure(*request.GetDescriptor(), bytes);
    if (!absl::IsInvalidArgument(why)) std::abort();
    (void)ToGrpcStatus(why);
    return 0;
  }
  const std::string event = request.event().SerializeAsString();
  const EventVerdict verdict =
      CheckEvent(request.event(), event, 65536, 1'800'000'000'000'000, "event");
  if (!verdict.status().ok()) {
    (void)ToGrpcStatus(verdict.status());
    return 0;
  }
  const absl::StatusOr<std::vector<Unit>> units = CutUnits(event);
  if (units.ok() && JoinUnits(*units).value() != event) std::abort();
  return 0;
}
