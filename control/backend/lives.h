#pragma once
// Lives: a backend whose disk failed and works again ends all that it has open and begins anew, in the same
// process (the same pid, environment and arguments, by execve(2) of its own program): nothing of the life
// that failed is left, not even with an engine that can be started only once in a process (DPDK). A
// supervisor sees a process that goes on.

#include "base/time.h"

namespace tercet::control {

/// How many lives of this process ended so soon after they began, directly before this one; 0 for a process
/// that was started by somebody. To be asked once: what is started from here does not hear of it.
unsigned short_lives_before();

/// How long to wait before the next life is tried, after so many short ones.
Duration pause_after(unsigned short_lives);

/// How long a life lasts at least before it ends to read its book anew: a book that goes wrong again and
/// again would otherwise end one life after the other. The first two times at once.
Duration reopen_after(unsigned short_lives);

/// How many short ones there were, if this life ends after it lasted `lived`.
unsigned short_lives_with(unsigned before, Duration lived);

/// Does not return, unless the system refuses: then errno says why. Nothing that matters is open.
void begin_again(char** argv, unsigned short_lives);

}  // namespace tercet::control
