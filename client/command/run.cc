// run: holds a seat around a command.

#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "client/command/context.h"
#include "client/command/seat_arguments.h"
#include "client/command/verbs.h"
#include "client/identity.h"
#include "client/keeper.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to us

namespace tercet::command {
namespace {

/// What a shell says of a command that could not be started.
constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;
constexpr int kSignalBase = 128;

struct RunArguments {
  SeatArguments seat;
  std::vector<std::string> command;
};

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// Signals that are for the command; taken as data here, so that the seat is given back before we end.
class ForwardedSignals {
 public:
  ForwardedSignals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) {
      sigaddset(&set_, signal);
    }
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
    fd_ = ::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~ForwardedSignals() {
    ::close(fd_);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  ForwardedSignals(const ForwardedSignals&) = delete;
  ForwardedSignals& operator=(const ForwardedSignals&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const sigset_t& before() const { return before_; }
  void forward(pid_t to) const {
    signalfd_siginfo info{};
    while (::read(fd_, &info, sizeof info) == sizeof info) {
      // A terminal sends its signals to the command itself, too.
      if (info.ssi_code != SI_KERNEL) {
        ::kill(to, static_cast<int>(info.ssi_signo));
      }
    }
  }

 private:
  sigset_t set_{}, before_{};
  int fd_ = -1;
};

/// 0 and `pid`, or an errno.
int spawn(const std::vector<std::string>& command, const sigset_t& mask, pid_t& pid) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) {
    argv.push_back(
        const_cast<char*>(word.c_str()));  // posix_spawn does not write to them (POSIX rationale of exec)
  }
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);  // ignored here, not in the command
  posix_spawnattr_setsigmask(&attributes, &mask);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error = ::posix_spawnp(&pid, argv[0], nullptr, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  return error;
}

int status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? kSignalBase + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/// A checkout of unknown outcome, and no command will use the seat: it is given back, with the patience that
/// the end of a run has for that. What `failure` says is then what is known.
void give_back(const Connection& connection, client::SeatState& seat, client::Failure& failure) {
  client::Patience patience = connection.patience;
  patience.timeout = std::min(patience.timeout, client::Keeper::kReleaseTimeout);
  if (!client::Cell(*connection.channel, patience).give_back(seat)) {
    return;  // `failure` names the handle
  }
  failure.outcome_unknown = false;
  failure.handle.reset();
  failure.message = failure.message.substr(0, failure.message.find(" (")) +
                    " (what may have been granted was given back): see tercet status, then run it again";
}

int run(const RunArguments& given, Context& context) {
  auto read = wanted_of(given.seat);
  if (!read) {
    return context.fail(kUsage, read.error());
  }
  client::Wanted& wanted = *read;
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  const size_t slash = given.command.front().rfind('/');
  wanted.process = given.command.front().substr(slash == std::string::npos ? 0 : slash + 1);
  client::identify(wanted);
  client::SeatState seat;
  client::Cell cell = connection->cell();
  if (auto grant = cell.checkout(wanted, {}, seat); !grant) {
    if (grant.error().handle) {
      give_back(*connection, seat, grant.error());
    }
    return context.fail(grant.error());
  }
  const ForwardedSignals signals;
  const Fd lost(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  pid_t pid = 0;
  if (const int error = spawn(given.command, signals.before(), pid); error != 0) {
    (void)cell.release(seat);  // if this fails, the lease ends by itself
    context.fail(kUsage, given.command.front() + ": " + std::strerror(error) + ": check the command");
    return error == ENOENT ? kNotFound : kNotExecutable;
  }
  const Fd child(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // glibc 2.36 forgot extern "C" there
  // The keeper's thread takes no signals: they were blocked before it started.
  client::Keeper keeper(std::move(connection->channel), seat, [&lost](const std::string&) {
    const uint64_t one = 1;
    (void)!::write(lost.get(), &one, sizeof one);
  });
  for (;;) {
    pollfd fds[] = {{child.get(), POLLIN, 0}, {signals.fd(), POLLIN, 0}, {lost.get(), POLLIN, 0}};
    if (::poll(fds, 3, -1) < 0 && errno != EINTR) {
      return context.fail(kInternal, std::string("poll: ") + std::strerror(errno) + ": please report it");
    }
    if (fds[1].revents != 0) {
      signals.forward(pid);
    }
    uint64_t count = 0;
    if (fds[2].revents != 0 && ::read(lost.get(), &count, sizeof count) == sizeof count) {
      context.fail(kDone, "the seat is lost for good (" + keeper.lost() + "): " + given.command.front() +
                              " was sent SIGTERM");
      context.err.flush();
      ::kill(pid, SIGTERM);
    }
    int wait_status = 0;
    if (fds[0].revents != 0 && ::waitpid(pid, &wait_status, 0) == pid) {
      return status_of(wait_status);
    }
  }
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto given = std::make_shared<RunArguments>();
  CLI::App* verb = app.add_subcommand("run", "run a command while holding (and renewing) a seat");
  add_seat_options(*verb, given->seat, "1s to 24h (default: the license's); renewed after a third of it");
  verb->add_option("CMD", given->command, "the command and its arguments, behind --")->required();
  context.add_cell(*verb);
  verb->get_option("--json")->description(
      "one JSON document if no seat was granted; else the output is CMD's alone");
  verb->callback([given, &context] { context.action = [given, &context] { return run(*given, context); }; });
}

}  // namespace tercet::command
