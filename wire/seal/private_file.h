#pragma once
// Files that hold secrets: readable by their owner only, or refused. Errors are one line that says what to
// do.

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/bytes.h"

namespace tercet::seal {

/// Text of a regular file of at most `max_bytes`, with no permission for group or others and owned by us or
/// by root.
tl::expected<std::string, std::string> read_private_file(const std::string& path, size_t max_bytes);
/// Creates `path` (which must not exist) with mode 0600, durably. On an error nothing is left behind.
tl::expected<void, std::string> write_private_file(const std::string& path, std::string_view text);
/// Text of a regular file of at most `max_bytes`, whatever its permissions: for what is no secret.
tl::expected<std::string, std::string> read_plain_file(const std::string& path, size_t max_bytes);
/// Writes (or replaces, atomically) a file that is no secret, mode 0644 less the umask.
tl::expected<void, std::string> write_plain_file(const std::string& path, std::string_view text);

/// Base64url without padding (RFC 4648 §5), as JWS uses it.
std::string base64url(Bytes bytes);
/// Fills `out` exactly; false if `text` is anything but the one encoding of that many bytes.
[[nodiscard]] bool from_base64url(std::string_view text, MutBytes out);
/// As above, of a length that the text decides; at most `max_bytes`.
tl::expected<std::string, std::string> from_base64url(std::string_view text, size_t max_bytes);

}  // namespace tercet::seal
