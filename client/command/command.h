#pragma once
// The tercet command as a function: what main() calls, and tests.

#include <ostream>
#include <string>
#include <vector>

namespace tercet::command {

/// `arguments` without the program's name. Prints to `out` and `err`; the exit code is its value. Never
/// throws.
int run_command(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

/// A process that was started with standard input, output or error closed gets a /dev/null there, to read
/// from only; or the first socket would take that number, and what is printed would go to the network.
void keep_standard_descriptors();

}  // namespace tercet::command
