#include "tools/fhir_time.h"

#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace auditledger {
namespace {

constexpr size_t kMaxFractionDigits = 9;  // nanoseconds, what a Timestamp holds

// Reads digits by position: no locale, no sign, no spaces. A failed reader has nothing left to
// read, so that no loop over what is left waits for it.
class Reader {
 public:
  explicit Reader(absl::string_view text) : text_(text) {}

  int Digits(size_t count, int low, int high) {
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      if (!AtDigit()) Fail();
      if (!ok_) return low;
      value = value * 10 + (text_[0] - '0');
      text_.remove_prefix(1);
    }
    if (value < low || value > high) Fail();
    return value;
  }
  void Literal(char c) {
    if (!Skip(c)) Fail();
  }
  bool Skip(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool AtDigit() const {
    return !text_.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text_[0]));
  }
  bool ok() const { return ok_; }
  bool done() const { return text_.empty(); }

 private:
  void Fail() {
    ok_ = false;
    text_ = {};
  }

  absl::string_view text_;
  bool ok_ = true;
};

void ReadFraction(Reader& in, v1::Time& time) {
  if (!in.Skip('.')) return;
  int32_t nanos = 0;
  uint32_t digits = 0;
  // At least one digit: Digits fails where there is none.
  do {
    const int digit = in.Digits(1, 0, 9);
    if (digits < kMaxFractionDigits) {
      nanos = nanos * 10 + digit;
      ++digits;
    }
  } while (in.AtDigit());
  for (uint32_t i = digits; i < kMaxFractionDigits; ++i) nanos *= 10;
  time.mutable_at()->set_nanos(nanos);
  time.set_fraction_digits(digits);
}

// Leaves the offset unset where the text ends.
void ReadZone(Reader& in, v1::Time& time) {
  if (in.done()) return;
  if (in.Skip('Z')) {
    time.set_utc_offset_minutes(0);
    return;
  }
  const bool west = in.Skip('-');
  if (!west) in.Literal('+');
  const int hours = in.Digits(2, 0, 14);
  in.Literal(':');
  const int minutes = hours * 60 + in.Digits(2, 0, 59);
  time.set_utc_offset_minutes(west ? -minutes : minutes);
}

}  // namespace

absl::StatusOr<v1::Time> ParseFhirTime(absl::string_view text) {
  Reader in(text);
  v1::Time time;
  const int year = in.Digits(4, 1, 9999);
  in.Literal('-');
  const int month = in.Digits(2, 1, 12);
  in.Literal('-');
  const int day = in.Digits(2, 1, 31);
  in.Literal('T');
  const int hour = in.Digits(2, 0, 23);
  in.Literal(':');
  const int minute = in.Digits(2, 0, 59);
  in.Literal(':');
  const int second = in.Digits(2, 0, 59);
  ReadFraction(in, time);
  ReadZone(in, time);
  const absl::CivilSecond civil(year, month, day, hour, minute, second);
  // CivilSecond turns February 30 into March 2.
  if (!in.ok() || !in.done() || civil.day() != day) {
    return absl::InvalidArgumentError(
        "not a time such as 2015-08-22T23:42:24.120+02:00 (date, time to the second, zone)");
  }
  const int64_t offset_s = int64_t{time.utc_offset_minutes()} * 60;
  time.mutable_at()->set_seconds(absl::ToUnixSeconds(absl::FromCivil(civil, absl::UTCTimeZone())) -
                                 offset_s);
  return time;
}

std::string FormatFhirTime(const v1::Time& time) {
  const int offset = time.utc_offset_minutes();
  const absl::Time local = absl::FromUnixSeconds(time.at().seconds() + int64_t{offset} * 60);
  const absl::CivilSecond civil = absl::ToCivilSecond(local, absl::UTCTimeZone());
  std::string out = absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d", civil.year(), civil.month(),
                                    civil.day(), civil.hour(), civil.minute(), civil.second());
  const size_t digits = time.fraction_digits();
  if (digits > 0 && digits <= kMaxFractionDigits) {
    absl::StrAppendFormat(&out, ".%s",
                          absl::StrFormat("%09d", time.at().nanos()).substr(0, digits));
  }
  if (!time.has_utc_offset_minutes()) return out;
  if (offset == 0) return out + "Z";
  absl::StrAppendFormat(&out, "%c%02d:%02d", offset < 0 ? '-' : '+', std::abs(offset) / 60,
                        std::abs(offset) % 60);
  return out;
}

}  // namespace auditledger
