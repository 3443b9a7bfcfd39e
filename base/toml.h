#pragma once
// A configuration file, read strictly: every key that nobody asked for is an error that names file, line and
// the nearest known key. Start-up only; may allocate and never throws.
//
//   auto toml = Toml::load(path);                          // syntax errors: "lb1.toml:7: …"
//   options.port = toml->integer("clients.port", 8200, 1, 65535);
//   options.refresh = toml->duration("failover.garp_refresh", seconds(60));
//   if (auto done = toml->finish(); !done) { … done.error() … }
//
// A getter marks its key as known and returns the default where the file does not say otherwise. What is
// wrong with a value (type, range) is kept and told by finish(), in the order of the lines, so a reader is a
// plain list of getters. Keys are written "section.key"; nested sections "a.b.key".

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/time.h"

namespace tercet {

class Toml {
 public:
  /// The error is one line: "<path>:<line>: <what is wrong>: <what to do>".
  static tl::expected<Toml, std::string> load(const std::string& path);
  /// `name` stands for the path in messages and is what relative paths are relative to.
  static tl::expected<Toml, std::string> parse(std::string_view text, std::string name);

  [[nodiscard]] const std::string& path() const { return path_; }
  /// Whether the file has `key` (or a section of that name). Does not make it known.
  [[nodiscard]] bool has(std::string_view key) const;

  std::string text(std::string_view key, std::string_view fallback = {});
  /// One of `allowed`, else an error that lists them.
  std::string one_of(std::string_view key, std::string_view fallback, std::vector<std::string_view> allowed);
  int64_t integer(std::string_view key, int64_t fallback, int64_t min = INT64_MIN, int64_t max = INT64_MAX);
  bool boolean(std::string_view key, bool fallback);
  /// A string such as "100ms".
  Duration duration(std::string_view key, Duration fallback, Duration min = {}, Duration max = {INT64_MAX});
  /// An array of strings.
  std::vector<std::string> texts(std::string_view key, std::vector<std::string> fallback = {});
  /// A path; a relative one is meant from the file's own folder. Empty stays empty.
  std::string file(std::string_view key, std::string_view fallback = {});
  /// Like text(), but not having it is an error that finish() tells.
  std::string required(std::string_view key);

  /// Adds an error about a key's value that only the caller can judge: "<path>:<line>: <key>: <what>".
  void refuse(std::string_view key, const std::string& what);
  /// Makes a key known without reading it (for one that another program reads).
  void allow(std::string_view key);

  /// All that is wrong, by line. Call it last.
  [[nodiscard]] std::vector<std::string> errors() const;
  /// Nothing, or the first of errors().
  [[nodiscard]] tl::expected<void, std::string> finish() const;

 private:
  enum class Kind : uint8_t { text, integer, boolean, texts, other };
  struct Value {
    Kind kind = Kind::other;
    int line = 0;
    std::string text;
    int64_t integer = 0;
    bool boolean = false;
    std::vector<std::string> texts;
  };
  struct Reader;  // fills values_ from the parsed tree; keeps the parser's header out of this one
  const Value* find(std::string_view key, Kind kind, const char* wanted);
  void complain(int line, const std::string& what);

  std::string path_;
  std::map<std::string, Value, std::less<>> values_;
  std::set<std::string, std::less<>> known_;
  std::vector<std::pair<int, std::string>> errors_;
};

/// The entry of `known` that is fewest edits (insert, delete, replace, swap of neighbours) away from `word`;
/// empty when none is near enough to be meant. Also for command line words.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace tercet
