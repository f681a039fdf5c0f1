// The hospital that generator.h makes events of: who works there, who is treated, and why who may
// look.
//
// Thread-safety: values; an object belongs to one thread.
#ifndef AUDITLEDGER_TOOLS_GENERATOR_WORLD_H_
#define AUDITLEDGER_TOOLS_GENERATOR_WORLD_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace auditledger::generator {

// The standard's distributions differ between libraries; its engine does not.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  uint64_t Between(uint64_t low, uint64_t high) { return low + Below(high - low + 1); }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }
  std::string Uuid();  // version 4

 private:
  std::mt19937_64 engine_;
};

enum class Role {
  kPhysician,
  kNurse,
  kRadiologist,
  kTechnician,
  kLabAnalyst,
  kRegistrar,
  kBilling
};

struct Department {
  const char* name;
  int subnet;  // 10.20.<subnet>.x
};
inline constexpr Department kDepartments[] = {
    {"emergency", 1}, {"cardiology", 2}, {"oncology", 3},     {"intensive-care", 4},
    {"radiology", 5}, {"laboratory", 6}, {"registration", 7}, {"billing", 8}};
inline constexpr size_t kWards = 4;  // the first of them have patients
inline constexpr size_t kRadiology = 4;
inline constexpr size_t kLaboratory = 5;
inline constexpr size_t kRegistration = 6;
inline constexpr size_t kBillingOffice = 7;

struct Staff {
  std::string id;  // "staff-0007"
  Role role = Role::kNurse;
  size_t department = 0;
  int workstation = 0;
  int shift_start_s = 0;  // seconds of the day
  int shift_end_s = 0;
  std::string session_id;
};

struct Patient {
  std::string mrn;  // "100482"
  bool vip = false;
};

// One stay or visit: whoever is on its team has a reason to look while it lasts.
struct Visit {
  std::string encounter;  // "Encounter/enc-00012"
  std::string order;      // "ServiceRequest/ord-00012"
  size_t patient = 0;
  size_t ward = 0;
  std::vector<size_t> team;  // indices of staff
  int start_s = 0;
  int end_s = 0;
};

struct World {
  std::vector<Staff> staff;
  std::vector<Patient> patients;
  std::vector<Visit> visits;

  std::vector<size_t> StaffOf(Role role) const;
  // Has the patient a visit with this member of staff on its team?
  bool Treats(size_t staff, size_t patient) const;
};

// `events` sets how many visits there are.
World MakeWorld(Random& random, size_t events);

const char* RoleCode(Role role);

}  // namespace auditledger::generator

#endif  // AUDITLEDGER_TOOLS_GENERATOR_WORLD_H_
