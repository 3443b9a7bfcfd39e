#pragma once
// What every verb shares: where it prints, --json, --config, --timeout, exit codes, and the way to a cell.

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "client/cell.h"
#include "client/command/table.h"
#include "client/config.h"

namespace CLI {
class App;
}

namespace tercet::command {

using Json = nlohmann::ordered_json;  // people read it, too: fields stay in the order they were added

enum Exit : int {
  kDone = 0,
  kInternal = 1,
  kUsage = 2,        ///< or configuration
  kDenied = 3,       ///< the reason on stderr and in JSON "code"
  kUnavailable = 4,  ///< no quorum, or no answer: the message says which
};

/// A cell that was found through the client's configuration.
struct Connection {
  client::Config config;
  seal::ClientKeys keys;
  std::unique_ptr<client::Channel> channel;
  client::Patience patience;
  [[nodiscard]] client::Cell cell() const { return {*channel, patience}; }
};

class Context {
 public:
  Context(std::ostream& out_stream, std::ostream& err_stream) : out(out_stream), err(err_stream) {}

  std::ostream& out;
  std::ostream& err;
  bool json = false;
  std::string config;
  std::string timeout;
  /// What the chosen verb does; its value is the exit code. Set by the verb's callback.
  std::function<int()> action;

  /// --json and --help.
  void add_json(CLI::App& verb);
  /// --config, --timeout and --json: for a verb that asks the cell.
  void add_cell(CLI::App& verb);

  /// Finds and reads the configuration and opens a channel. Without a value the error was printed: return
  /// kUsage.
  std::optional<Connection> connect();
  /// The configuration's, or --timeout's.
  tl::expected<Duration, std::string> patience(const client::Config& config) const;

  /// Prints "tercet: <message>" to stderr.
  int fail(Exit code, const std::string& message);
  /// Prints why the cell did not do it: one line to stderr and, with --json, a document with `code`,
  /// `message`, numbers.
  int fail(const client::Failure& failure);
  /// Prints `document` with --json, else `people` (with a newline if it lacks one).
  int print(const Json& document, const std::string& people);
  /// Whether all that was printed so far is out. False is told by whoever asks here: the command's end says
  /// it only where nobody asked.
  bool written();
  [[nodiscard]] bool unwritten_was_told() const { return unwritten_was_told_; }

 private:
  bool unwritten_was_told_ = false;
};

/// The document of a failure that the cell caused.
Json document_of(const client::Failure& failure);
Exit exit_of(const client::Failure& failure);

/// RFC 3339; null when there is none.
Json time_or_null(const std::optional<WallTime>& time);
/// 16 hex digits.
std::string features_text(uint64_t features);
/// Up to 16 hex digits, "0x" allowed.
tl::expected<uint64_t, std::string> parse_features(const std::string& text);
/// A lease that a checkout may ask for: 1 s to 24 h, in milliseconds.
tl::expected<uint32_t, std::string> parse_lease(const std::string& text);

}  // namespace tercet::command
