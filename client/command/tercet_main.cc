#include <unistd.h>

#include <csignal>
#include <iostream>

#include "client/command/command.h"

int main(int argc, char** argv) {
  // A pipe that was closed shows as a failed write, which is told, not as a silent death.
  std::signal(SIGPIPE, SIG_IGN);
  tercet::command::keep_standard_descriptors();
  return tercet::command::run_command({argv + 1, argv + argc}, std::cout, std::cerr);
}
