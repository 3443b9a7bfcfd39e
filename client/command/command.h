#pragma once
// The tercet command as a function: what main() calls, and tests.

#include <ostream>
#include <string>
#include <vector>

namespace tercet::command {

/// `arguments` without the program's name. Prints to `out` and `err`; the exit code is its value. Never
/// throws.
int run_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace tercet::command
