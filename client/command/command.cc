#include "client/command/command.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>

#include "base/toml.h"
#include "base/version.h"
#include "client/command/context.h"
#include "client/command/verbs.h"

namespace tercet::command {
namespace {

/// "<what is wrong>: <what to do>"; an unknown verb is named with the one that was meant.
std::string explain(const CLI::App& app, const std::vector<std::string>& arguments,
                    const std::string& error) {
  std::string path = "tercet";
  const CLI::App* at = &app;
  for (const std::string& word : arguments) {
    if (word.starts_with('-')) {
      break;
    }
    const auto verbs = at->get_subcommands([](const CLI::App*) { return true; });
    const auto found = std::find_if(verbs.begin(), verbs.end(),
                                    [&](const CLI::App* verb) { return verb->get_name() == word; });
    if (found == verbs.end()) {
      std::vector<std::string> names;
      for (const CLI::App* verb : verbs) {
        names.push_back(verb->get_name());
      }
      const std::vector<std::string_view> views(names.begin(), names.end());
      const std::string_view near = nearest(word, views);
      if (verbs.empty()) {
        break;  // an argument, not a verb
      }
      return "there is no " + path + " " + word + ": " +
             (near.empty() ? "see " + path + " --help"
                           : "did you mean " + path + " " + std::string(near) + "?");
    }
    at = *found;
    path += " " + word;
  }
  return error + ": see " + path + " --help";
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (!text.empty() && (text.back() == ' ' || text.back() == '.')) {
    text.pop_back();
  }
  return text;
}

/// What the command line's parser says, in our words where its own name neither option nor remedy.
std::string said(const CLI::ParseError& error) {
  const std::string text = one_line(error.what());
  constexpr std::string_view kConversion =
      "Could not convert: ";  // "--firm = x"; ours that convert are numbers
  return text.starts_with(kConversion) ? text.substr(kConversion.size()) +
                                             " is no number that fits there, in decimal without leading zeros"
                                       : text;
}

/// Whether `text` is a number as people write it. The parser itself would read 010 as octal and 0x10 as hex.
bool is_decimal(const std::string& text, bool whole) {
  if (!whole) {
    return text.find_first_of("xX") == std::string::npos;
  }
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos &&
         (text.size() == 1 || text.front() != '0');
}

/// What holds for all verbs, options that come later too: numbers are decimal, and what is required is not
/// empty (an empty folder would be the root's), but for the words of a command that we only hand on.
void check_words(CLI::App& verb) {
  for (CLI::Option* option : verb.get_options()) {
    const std::string type = option->get_type_name();
    const std::string name = option->get_name();
    const bool whole = type == "UINT" || type == "INT";
    if (whole || type == "FLOAT") {
      option->check(CLI::Validator(
          [name, whole](std::string& text) -> std::string {
            if (!is_decimal(text, whole)) {
              throw CLI::ConversionError(name, std::vector<std::string>{text});
            }
            return {};
          },
          ""));
    }
    const bool handed_on = option->get_positional() && option->get_items_expected_max() > 1;
    if (option->get_required() && !handed_on) {
      option->check(
          CLI::Validator([](std::string& text) { return std::string(text.empty() ? "is empty" : ""); }, ""));
    }
  }
  for (CLI::App* below : verb.get_subcommands([](const CLI::App*) { return true; })) {
    check_words(*below);
  }
}

}  // namespace

void keep_standard_descriptors() {
  // Each open() takes the lowest free number, so in this order they land where they belong. The output's
  // cannot be written to: that it was closed shows as a failed write.
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
      (void)::open("/dev/null", O_RDONLY);
    }
  }
}

int run_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  Context context(out, err);
  try {
    CLI::App app("tercet: issue licenses, and use them through a cell that survives its servers' deaths",
                 "tercet");
    app.set_version_flag("--version", std::string("tercet ") + kVersion);
    app.require_subcommand(1);
    CLI::App* cell = app.add_subcommand("cell", "make a cell; the way out when two backends are lost");
    CLI::App* issuer = app.add_subcommand("issuer", "make an issuer of licenses");
    CLI::App* container = app.add_subcommand("container", "a backend's container of licenses");
    for (CLI::App* group : {cell, issuer, container}) {
      group->require_subcommand(1);
    }
    add_cell_init(*cell, context);
    add_force_rejoin(*cell, context);
    add_issuer_init(*issuer, context);
    add_container_init(*container, context);
    add_container_request(*container, context);
    add_issue(app, context);
    add_reissue(app, context);
    add_revoke(app, context);
    add_import(app, context);
    add_licenses(app, context);
    add_containers(app, context);
    add_leases(app, context);
    add_lease(app, context);
    add_usage(app, context);
    add_status(app, context);
    add_failovers(app, context);
    add_checkout(app, context);
    add_renew(app, context);
    add_release(app, context);
    add_consume(app, context);
    add_run(app, context);
    add_bench(app, context);
    add_capture(app, context);
    check_words(app);
    try {
      std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
      app.parse(reversed);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
        return app.exit(error, out, err);  // --help, --version
      }
      if (arguments.empty()) {
        return context.fail(kUsage, "no verb is given: see tercet --help");
      }
      return context.fail(kUsage, explain(app, arguments, said(error)));
    }
    const int code = context.action();
    if (!context.unwritten_was_told() && !context.written()) {
      return context.fail(kInternal, "the output could not be written: check where it goes");
    }
    return code;
  } catch (const std::exception& error) {
    return context.fail(kInternal, "internal error, " + one_line(error.what()) + ": please report it");
  }
}

}  // namespace tercet::command
