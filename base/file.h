#pragma once
// Small files: read whole, written so that after a crash the old or the new content is there, whole. Start-up
// and tools only (blocking). Errors are one line: "<path>: <what is wrong>: <what to do>".

#include <sys/types.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace tercet {

/// Reads a regular file of at most `most` bytes.
tl::expected<std::string, std::string> read_file(const std::string& path, size_t most = 16U << 20U);

enum class Existing : uint8_t { replace, refuse };

/// Writes beside `path`, syncs, renames (or links, when an existing one is refused) and syncs the folder;
/// when it returns, the content survives a power loss. The file never exists with more permissions than
/// `mode`.
tl::expected<void, std::string> write_file_durably(const std::string& path, std::string_view content,
                                                   mode_t mode = 0644, Existing existing = Existing::replace);

/// Renames `from` to `to`, of one folder, replacing what is there; both names are on the disk when it
/// returns.
tl::expected<void, std::string> move_durably(const std::string& from, const std::string& to);

/// Appends one line (a newline is added) and syncs. Creates the file with `mode`, its folder's entry synced
/// too.
tl::expected<void, std::string> append_line_durably(const std::string& path, std::string_view line,
                                                    mode_t mode = 0644);

/// Makes a folder and those above it.
tl::expected<void, std::string> make_folder(const std::string& path, mode_t mode = 0755);

}  // namespace tercet
