#pragma once
// Times as people write them: durations ("500ms", "30s", "12h", "1h30m") and instants (RFC 3339).

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/time.h"

namespace tercet {

/// One or more whole numbers with their units, largest first or not: us ms s m h d. "0" alone is zero. Never
/// negative. The error is one line that quotes the text.
tl::expected<Duration, std::string> parse_duration(std::string_view text);
/// What parse_duration() reads, in the largest unit that is exact ("90s" -> "90s", 3,600,000 ms -> "1h").
std::string to_text(Duration duration);

/// RFC 3339 §5.6 in UTC with milliseconds: "2026-03-01T12:00:00.250Z". A time that no four-digit year holds
/// is written as the nearest that one does.
std::string to_rfc3339(WallTime time);
/// RFC 3339 date-time with any offset, or a date alone ("2026-03-01": midnight UTC).
tl::expected<WallTime, std::string> parse_rfc3339(std::string_view text);

}  // namespace tercet
