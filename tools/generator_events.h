// Single events of generator.h's hospital, as its record system, imaging archive and laboratory
// emit them.
//
// Thread-safety: an object belongs to one thread.
#ifndef AUDITLEDGER_TOOLS_GENERATOR_EVENTS_H_
#define AUDITLEDGER_TOOLS_GENERATOR_EVENTS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "auditledger/v1/event.pb.h"
#include "tools/generator_world.h"

namespace auditledger::generator {

inline constexpr char kRecordsStream[] = "ehr-1";
inline constexpr char kImagingStream[] = "pacs-1";
inline constexpr char kLaboratoryStream[] = "lab-1";

// Times are seconds of the day; milliseconds are drawn.
class EventMaker {
 public:
  // `random` and `world` must outlive it.
  EventMaker(Random& random, const World& world, int64_t midnight_unix_s)
      : random_(random), world_(world), midnight_unix_s_(midnight_unix_s) {}

  // Reads a patient's record; nothing explains it.
  v1::AuditEvent Read(int at_s, size_t staff, size_t patient);
  // Reads, writes or changes something of the visit's patient, with the encounter.
  v1::AuditEvent Access(int at_s, size_t staff, const Visit& visit);
  v1::AuditEvent Login(int at_s, size_t staff, bool in);
  // A report over many patients leaves the record system.
  v1::AuditEvent Export(int at_s);
  v1::AuditEvent Override(int at_s, size_t staff, size_t patient, const std::string& override_id,
                          v1::EmergencyAccess::Phase phase);

  // v3-PurposeOfUse; replaces what is there.
  static void SetPurpose(v1::AuditEvent& event, absl::string_view code);

 private:
  v1::AuditEvent Base(int at_s, size_t staff);
  void AddPatient(v1::AuditEvent& event, size_t patient) const;

  Random& random_;
  const World& world_;
  const int64_t midnight_unix_s_;
};

}  // namespace auditledger::generator

#endif  // AUDITLEDGER_TOOLS_GENERATOR_EVENTS_H_
