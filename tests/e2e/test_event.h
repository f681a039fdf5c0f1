// An ordinary event that the end-to-end tests send by the client's library.
#ifndef AUDITLEDGER_TESTS_E2E_TEST_EVENT_H_
#define AUDITLEDGER_TESTS_E2E_TEST_EVENT_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "auditledger/v1/event.pb.h"

namespace auditledger::testing {

inline v1::AuditEvent MakeEvent(const std::string& stream, uint64_t sequence) {
  v1::AuditEvent event;
  event.set_event_id(absl::StrCat(stream, "/", sequence));
  event.set_schema_version(1);
  event.mutable_recorded()->mutable_at()->set_seconds(1'740'996'000);
  event.mutable_recorded()->set_utc_offset_minutes(0);
  event.add_category()->add_coding()->set_code("110110");
  event.set_action(v1::ACTION_READ);
  event.mutable_outcome()->set_indicator(v1::Outcome::INDICATOR_SUCCESS);
  event.add_agent()->mutable_who()->set_reference("Practitioner/p");
  event.mutable_source()->mutable_observer()->set_reference("Device/d");
  event.mutable_source()->set_stream_id(stream);
  event.mutable_source()->set_stream_sequence(sequence);
  return event;
}

}  // namespace auditledger::testing

#endif  // AUDITLEDGER_TESTS_E2E_TEST_EVENT_H_
