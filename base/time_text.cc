#include "base/time_text.h"

#include <array>
#include <cstdio>
#include <optional>

namespace tercet {
namespace {

struct Unit {
  std::string_view name;
  int64_t ns;
};
// "ms" and "us" stand before "m" and "s": the longest name that fits is meant.
constexpr std::array<Unit, 7> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", 1'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"h", 3'600'000'000'000},
                                      {"d", 86'400'000'000'000}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes exactly `digits` digits off the front.
std::optional<int> take_number(std::string_view& text, size_t digits) {
  if (text.size() < digits) {
    return std::nullopt;
  }
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) {
      return std::nullopt;
    }
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// Days since 1970-01-01 of a Gregorian date, and back (H. Hinnant, "chrono-Compatible Low-Level Date
// Algorithms").
int64_t days_from_civil(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2 ? 1 : 0;
  const int64_t era = (y >= 0 ? y : y - 399) / 400;
  const int64_t yoe = y - era * 400;
  const int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  const int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146'097 + doe - 719'468;
}
struct Civil {
  int64_t year, month, day;
};
Civil civil_from_days(int64_t z) {
  z += 719'468;
  const int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  const int64_t doe = z - era * 146'097;
  const int64_t yoe = (doe - doe / 1'460 + doe / 36'524 - doe / 146'096) / 365;
  const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const int64_t mp = (5 * doy + 2) / 153;
  const int64_t month = mp < 10 ? mp + 3 : mp - 9;
  return {yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - (153 * mp + 2) / 5 + 1};
}

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kYear9999EndMs = 253'402'300'799'999;

}  // namespace

tl::expected<Duration, std::string> parse_duration(std::string_view text) {
  const auto refuse = [&] {
    return tl::unexpected("\"" + std::string(text) + "\" is not a duration: write 500ms, 30s, 12h or 1h30m");
  };
  if (text == "0") {
    return Duration{};
  }
  std::string_view rest = text;
  int64_t total = 0;
  if (rest.empty()) {
    return refuse();
  }
  while (!rest.empty()) {
    int64_t value = 0;
    size_t digits = 0;
    while (digits < rest.size() && is_digit(rest[digits])) {
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, rest[digits] - '0', &value)) {
        return refuse();
      }
      ++digits;
    }
    if (digits == 0) {
      return refuse();
    }
    rest.remove_prefix(digits);
    const Unit* unit = nullptr;
    for (const Unit& u : kUnits) {
      if (rest.starts_with(u.name) && (unit == nullptr || u.name.size() > unit->name.size())) {
        unit = &u;
      }
    }
    if (unit == nullptr || __builtin_mul_overflow(value, unit->ns, &value) ||
        __builtin_add_overflow(total, value, &total)) {
      return refuse();
    }
    rest.remove_prefix(unit->name.size());
  }
  return Duration{total};
}

std::string to_text(Duration duration) {
  if (duration.ns == 0) {
    return "0s";
  }
  for (size_t i = kUnits.size(); i-- > 0;) {
    if (duration.ns % kUnits[i].ns == 0) {
      return std::to_string(duration.ns / kUnits[i].ns) + std::string(kUnits[i].name);
    }
  }
  return std::to_string(duration.ns) + "ns";
}

std::string to_rfc3339(WallTime time) {
  int64_t ms = time.ms < 0 ? 0 : time.ms;
  ms = ms > kYear9999EndMs ? kYear9999EndMs : ms;
  const Civil date = civil_from_days(ms / kDayMs);
  const int64_t of_day = ms % kDayMs;
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year),
                static_cast<int>(date.month), static_cast<int>(date.day),
                static_cast<int>(of_day / 3'600'000), static_cast<int>(of_day / 60'000 % 60),
                static_cast<int>(of_day / 1'000 % 60), static_cast<int>(of_day % 1'000));
  return out.data();
}

tl::expected<WallTime, std::string> parse_rfc3339(std::string_view text) {
  const auto refuse = [&] {
    return tl::unexpected("\"" + std::string(text) +
                          "\" is not a time: write 2026-03-01T12:00:00Z or 2026-03-01");
  };
  std::string_view rest = text;
  const auto year = take_number(rest, 4);
  if (!year || !take_char(rest, "-")) {
    return refuse();
  }
  const auto month = take_number(rest, 2);
  if (!month || *month < 1 || *month > 12 || !take_char(rest, "-")) {
    return refuse();
  }
  const auto day = take_number(rest, 2);
  const int64_t days = day ? days_from_civil(*year, *month, *day) : 0;
  // A day that its month does not have comes back as another date.
  if (!day || *day < 1 || civil_from_days(days).day != *day || civil_from_days(days).month != *month) {
    return refuse();
  }
  int64_t ms = days * kDayMs;
  if (rest.empty()) {
    return WallTime{ms};
  }
  if (!take_char(rest, "Tt ")) {
    return refuse();
  }
  const auto hour = take_number(rest, 2);
  if (!hour || *hour > 23 || !take_char(rest, ":")) {
    return refuse();
  }
  const auto minute = take_number(rest, 2);
  if (!minute || *minute > 59 || !take_char(rest, ":")) {
    return refuse();
  }
  const auto second = take_number(rest, 2);
  if (!second || *second > 60) {  // 60: a leap second, which our clocks fold into the next
    return refuse();
  }
  ms += ((*hour * 60LL + *minute) * 60 + *second) * 1'000;
  if (take_char(rest, ".")) {
    int64_t scale = 100;
    size_t digits = 0;
    while (!rest.empty() && is_digit(rest.front())) {
      ms += (rest.front() - '0') * scale;
      scale /= 10;
      rest.remove_prefix(1);
      ++digits;
    }
    if (digits == 0) {
      return refuse();
    }
  }
  if (!take_char(rest, "Zz")) {
    const int sign = !rest.empty() && rest.front() == '-' ? -1 : 1;
    if (!take_char(rest, "+-")) {
      return refuse();
    }
    const auto offset_hour = take_number(rest, 2);
    if (!offset_hour || *offset_hour > 23 || !take_char(rest, ":")) {
      return refuse();
    }
    const auto offset_minute = take_number(rest, 2);
    if (!offset_minute || *offset_minute > 59) {
      return refuse();
    }
    ms -= sign * (*offset_hour * 60LL + *offset_minute) * 60'000;
  }
  if (!rest.empty()) {
    return refuse();
  }
  return WallTime{ms};
}

}  // namespace tercet
