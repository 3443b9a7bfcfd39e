#pragma once
// The command line of a server program: PROGRAM --config FILE [--check], or --version.

#include <string>
#include <tl/expected.hpp>

namespace tercet::control {

struct Arguments {
  std::string config;  ///< path of the configuration file
  bool check = false;  ///< say what is missing, and end
};

/// Without a value, the program ends with that exit code: --help or --version was printed, or one line on
/// stderr said what is wrong and what to do. `about` is the program's own sentence in --help.
tl::expected<Arguments, int> read_arguments(int argc, const char* const* argv, const std::string& program,
                                            const std::string& about);

}  // namespace tercet::control
