#include "control/check.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "control/admin.h"
#include "control/crypto.h"

namespace tercet::control {
namespace {

constexpr uint64_t kRoomMin = 256U << 20U;  // a few segments of the log

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

}  // namespace

Check check_of(const std::string& subject, const std::string& good,
               const tl::expected<void, std::string>& result) {
  return result ? Check{Check::Verdict::good, subject + ": " + good}
                : Check{Check::Verdict::bad, subject + ": " + result.error()};
}

Check check_keys(const ServerConfig& config) {
  return check_of("keys", config.key_file + " is " + name_of(config.self) + "'s",
                  read_keys(config).map([](const seal::ServerKeys&) {}));
}

Check check_crypto(const ServerConfig& config) {
  const auto keys = read_keys(config);
  if (!keys) {
    return {Check::Verdict::warning, "crypto: not judged without keys: mend those first"};
  }
  const auto chosen = choose_crypto(config.crypto, keys->aead);
  return chosen ? Check{Check::Verdict::good, "crypto: " + chosen->why}
                : Check{Check::Verdict::bad, "crypto: " + chosen.error()};
}

namespace {

Check check_kernel_engine(const ServerConfig& config, const Engines& engines) {
  if (config.engine == Engine::mmsg) {
    return {Check::Verdict::good, "engine: mmsg, as configured"};
  }
  const auto allowed = engines.uring_allowed();
  if (allowed) {
    return {Check::Verdict::good, "engine: io_uring is allowed"};
  }
  const bool needed = config.engine == Engine::uring;
  return {needed ? Check::Verdict::bad : Check::Verdict::warning,
          "engine: no io_uring here (" + allowed.error() + ")" +
              (needed ? ": allow it, or set port.engine = \"auto\""
                      : ": mmsg will serve, at more CPU per datagram")};
}

std::vector<Check> check_dpdk(const ServerConfig& config, const Engines& engines,
                              const dataplane::PortOptions& options) {
  std::vector<Check> checks;
  const std::vector<dataplane::PortOptions> threads(std::max(config.steering_threads, 1U), options);
  const auto opened = engines.dpdk(config, threads);
  checks.push_back({opened ? Check::Verdict::good : Check::Verdict::bad,
                    "engine: " + (opened ? opened->why : opened.error())});
  if (opened) {
    for (const std::string& warning : opened->warnings) {
      checks.push_back({Check::Verdict::warning, "engine: " + warning});
    }
  }
  return checks;
}

std::vector<Check> check_kernel(const ServerConfig& config, const Engines& engines,
                                const dataplane::PortOptions& options) {
  return {check_kernel_engine(config, engines),
          check_of("ports", "all UDP addresses can be bound",
                   engines.mmsg({&options, 1}).map([](const Engines::Ports&) {}))};
}

}  // namespace

std::vector<Check> check_port(const ServerConfig& config, const Engines& engines,
                              const dataplane::PortOptions& options) {
  std::vector<Check> checks;
  if (const std::string warning = poll_warning(config, cpus_allowed()); !warning.empty()) {
    checks.push_back({Check::Verdict::warning, "threads: " + warning});
  }
  const std::vector<Check> engine = config.engine == Engine::dpdk ? check_dpdk(config, engines, options)
                                                                  : check_kernel(config, engines, options);
  checks.insert(checks.end(), engine.begin(), engine.end());
  return checks;
}

Check check_admin(const AdminConfig& config) {
  return check_of("admin", to_string(config.listen) + " can be bound",
                  Admin::start(config, {}).map([](const std::unique_ptr<Admin>&) {}));
}

Check check_clock() {
  timex state{};
  const bool synchronised = adjtimex(&state) != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  std::string source = "unknown";
  if (const auto text = read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource", 256)) {
    source = one_line(*text);
  }
  const bool fast = source == "tsc" || source == "kvm-clock" || source == "arch_sys_counter" ||
                    source == "hyperv_clocksource_tsc_page";
  if (!synchronised) {
    return {Check::Verdict::warning,
            "clock: the kernel does not say that it is synchronised: run chrony or ntpd "
            "(wall times decide when a license begins and ends)"};
  }
  if (!fast) {
    return {Check::Verdict::warning,
            "clock: its source " + source + " costs a system call per reading: use tsc or kvm-clock"};
  }
  return {Check::Verdict::good, "clock: synchronised, source " + source};
}

Check check_memory_lock() {
  rlimit limit{};
  getrlimit(RLIMIT_MEMLOCK, &limit);
  if (geteuid() == 0 || limit.rlim_cur == RLIM_INFINITY) {
    return {Check::Verdict::good, "memory: can be locked"};
  }
  return {Check::Verdict::warning,
          "memory: at most " + std::to_string(limit.rlim_cur >> 10U) +
              " KiB can be locked: give the server CAP_IPC_LOCK or LimitMEMLOCK=infinity, "
              "or turn swap off"};
}

Check check_disk(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) {
    return {Check::Verdict::bad, "disk: " + directory + ": " + std::strerror(errno) +
                                     ": run tercet container init, which makes it"};
  }
  if (!S_ISDIR(status.st_mode) || ::access(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
    return {Check::Verdict::bad,
            "disk: " + directory + ": is no folder that this user can write: correct store.dir or its owner"};
  }
  struct statvfs room {};
  if (::statvfs(directory.c_str(), &room) == 0) {
    const uint64_t free = uint64_t{room.f_bavail} * room.f_frsize;
    if (free < kRoomMin) {
      return {Check::Verdict::bad, "disk: " + directory + ": " + std::to_string(free >> 20U) +
                                       " MiB are free, a log wants " + std::to_string(kRoomMin >> 20U) +
                                       ": make room"};
    }
  }
  return {Check::Verdict::good, "disk: " + directory + " can be written"};
}

int report(const std::vector<Check>& checks) {
  bool sound = true;
  for (const Check& check : checks) {
    const char* word = check.verdict == Check::Verdict::good      ? "ok     "
                       : check.verdict == Check::Verdict::warning ? "warning"
                                                                  : "bad    ";
    std::printf("%s %s\n", word, check.what.c_str());
    sound = sound && check.verdict != Check::Verdict::bad;
  }
  return sound ? 0 : 2;
}

}  // namespace tercet::control
