#include "control/arguments.h"

#include <cstdio>
#include <string_view>

#include "base/version.h"
#include "control/logging.h"

namespace tercet::control {
namespace {

constexpr int kUsage = 2;
/// Behind the version: scripts/cell looks for it before it plants one.
#ifdef TERCET_TEST_FAULTS
constexpr const char* kFaults = " (with test faults)";
#else
constexpr const char* kFaults = "";
#endif

std::string help(const std::string& program, const std::string& about) {
  return "usage: " + program +
         " --config FILE [--check] | --version\n"
         "\n" +
         about +
         " Stays in the foreground, logs to stderr; SIGTERM is a clean stop.\n"
         "  --config FILE   as tercet cell init writes it\n"
         "  --check         says what this machine and the configuration lack, and ends\n";
}

}  // namespace

tl::expected<Arguments, int> read_arguments(int argc, const char* const* argv, const std::string& program,
                                            const std::string& about) {
  Arguments arguments;
  const auto refuse = [&program](const std::string& what) {
    complain(what + ": see " + program + " --help");
    return tl::unexpected(kUsage);
  };
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || word == "-h") {
      std::fputs(help(program, about).c_str(), stdout);
      return tl::unexpected(0);
    }
    if (word == "--version") {
      std::printf("%s %s%s\n", program.c_str(), kVersion, kFaults);
      return tl::unexpected(0);
    }
    if (word == "--config") {
      if (++i == argc) {
        return refuse("--config names no file");
      }
      arguments.config = argv[i];
    } else if (word.starts_with("--config=")) {
      arguments.config = word.substr(word.find('=') + 1);
    } else if (word == "--check") {
      arguments.check = true;
    } else {
      return refuse(std::string(word) + " is not understood");
    }
  }
  if (arguments.config.empty()) {
    return refuse("no configuration is named: give --config FILE");
  }
  return arguments;
}

}  // namespace tercet::control
