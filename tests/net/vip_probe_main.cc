// vip_probe: a load balancer's control thread without its load balancer: the real VipLoop, KernelAnnouncer
// and Guard, and in place of the data plane a few words on standard input. For network tests of address, VRRP
// and guard; not shipped.
//
//   vip_probe INTERFACE VIP/LENGTH VRID PRIORITY INTERVAL_MS [RESIGN_FROM RESIGN_TO]
//
//   win [EPOCH]   our epoch was decided (default: one above the last)      lose    it is gone
//   cut           cut off                                                  deaf    two backends no longer
//   confirm hear          … they do again
//
// SIGTERM: clean stop. Prints a line for each transition, and at the end what it counted.

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "control/lb/guard.h"
#include "control/lb/kernel_announcer.h"
#include "control/lb/receipts.h"
#include "control/lb/vip_loop.h"
#include "wire/endpoint.h"

namespace tercet::control {
namespace {

using dataplane::Command;
using dataplane::Event;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "tercet: %s\n", what.c_str());
  std::exit(2);
}

template <class T>
T number(const char* text) {
  const std::string_view view(text);
  T value{};
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc{} || end != view.data() + view.size()) {
    die(std::string(text) + " is no number: see the head of vip_probe_main.cc");
  }
  return value;
}

Moment moment() {
  timespec mono{};
  timespec wall{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &mono);
  clock_gettime(CLOCK_REALTIME, &wall);
  return {.mono = {mono.tv_sec * 1'000'000'000LL + mono.tv_nsec},
          .wall = {wall.tv_sec * 1000LL + wall.tv_nsec / 1'000'000}};
}

class Probe {
 public:
  Probe(const VipLoopOptions& options, KernelAnnouncer& announcer, Guard& guard)
      : announcer_(announcer), guard_(guard), loop_(options, announcer, events_, commands_, nullptr) {}

  void arm(const LastWord& word) { word_ = word; }

  int run() {
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, nullptr);
    const int signals = signalfd(-1, &stop, SFD_CLOEXEC);
    bool open = true;
    for (;;) {
      const MonoTime due = loop_.poll(moment());
      report();
      answer();
      if (events_waiting_ > 0) {
        events_waiting_ = 0;
        continue;
      }
      const Duration wait = due - moment().mono;
      std::array<pollfd, 3> wake{
          {{announcer_.descriptor(), POLLIN, 0}, {signals, POLLIN, 0}, {open ? 0 : -1, POLLIN, 0}}};
      ::poll(wake.data(), wake.size(), wait.ns <= 0 ? 0 : static_cast<int>(wait.ms() + 1));
      if ((wake[1].revents & POLLIN) != 0) {
        break;
      }
      if (wake[2].revents != 0) {
        open = take_words();
      }
    }
    loop_.resign(moment());
    push({.kind = Event::Kind::lost, .epoch = epoch_, .cause = failover::Cause::stopped});
    loop_.poll(moment());
    report();
    loop_.stop(moment());
    report();
    guard_.stop();
    const VipCounters& c = loop_.counters();
    say("adverts_sent=" + std::to_string(c.adverts_sent.get()) + " adverts_heard=" +
        std::to_string(c.adverts_heard.get()) + " pseudo=" + std::to_string(c.checksum_pseudo_header.get()) +
        " plain=" + std::to_string(c.checksum_plain.get()) +
        " announcements=" + std::to_string(announcer_.counters().announcements.get()) +
        " send_failed=" + std::to_string(announcer_.counters().send_failed.get()) +
        " address_failed=" + std::to_string(announcer_.counters().address_failed.get()));
    return 0;
  }

 private:
  void say(const std::string& line) {
    std::printf("%lld %s\n", static_cast<long long>(moment().wall.ms), line.c_str());
    std::fflush(stdout);
  }
  void push(Event event) {
    event.at = moment().mono;
    if (!events_.push(event)) {
      die("the events' queue is full: say less at once");
    }
    ++events_waiting_;
  }
  void report() {
    for (const Transition& t : loop_.transitions()) {
      say(t.on_air ? to_line(t.receipt) : std::string("standby (") + failover::name_of(t.cause) + ")");
    }
  }
  void answer() {
    std::array<Command, 16> commands;
    const size_t count = commands_.pop(std::span(commands));
    for (size_t i = 0; i < count; ++i) {
      if (commands[i].kind == Command::Kind::confirm && hears_) {
        push({.kind = Event::Kind::confirmed, .epoch = commands[i].epoch, .token = commands[i].token});
      }
    }
  }
  bool take_words() {
    std::array<char, 256> text{};
    const ssize_t got = read(0, text.data(), text.size());
    if (got <= 0) {
      return false;
    }
    std::istringstream lines(std::string(text.data(), static_cast<size_t>(got)));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string word;
      words >> word;
      if (word == "win") {
        uint64_t epoch = epoch_.value + 1;
        words >> epoch;
        epoch_ = Epoch{epoch};
        if (word_ && !guard_.arm(epoch_, {&*word_, 1})) {
          die("the guard takes no last words");
        }
        push({.kind = Event::Kind::won, .epoch = epoch_, .cause = failover::Cause::first_start});
      } else if (word == "lose") {
        guard_.disarm();
        push({.kind = Event::Kind::lost, .epoch = epoch_, .cause = failover::Cause::higher_epoch});
      } else if (word == "cut") {
        push({.kind = Event::Kind::cut_off, .epoch = epoch_});
      } else if (word == "deaf" || word == "hear") {
        hears_ = word == "hear";
      } else if (!word.empty()) {
        die("\"" + word + "\" is no word that vip_probe knows: win, lose, cut, deaf, hear");
      }
    }
    return true;
  }

  KernelAnnouncer& announcer_;
  Guard& guard_;
  dataplane::Link<Event> events_{64};
  dataplane::Link<Command> commands_{64};
  VipLoop loop_;
  Epoch epoch_{0};
  bool hears_ = true;
  unsigned events_waiting_ = 0;
  std::optional<LastWord> word_;
};

int main_of(std::span<char*> args) {
  if (args.size() != 6 && args.size() != 8) {
    die("usage: vip_probe INTERFACE VIP/LENGTH VRID PRIORITY INTERVAL_MS [RESIGN_FROM RESIGN_TO]");
  }
  const std::string vip_text = args[2];
  const size_t slash = vip_text.find('/');
  const auto address = parse_address(vip_text.substr(0, slash));
  if (!address || slash == std::string::npos) {
    die(vip_text + " is no address with a prefix: like 198.18.0.100/24");
  }
  const dataplane::Vip vip{.address = address->address,
                           .prefix_length = number<uint8_t>(vip_text.c_str() + slash + 1)};
  VipLoopOptions options{.vips = {vip}, .vrrp = {}, .promotion = {}};
  options.vrrp.vrid = number<uint8_t>(args[3]);
  options.vrrp.priority = number<uint8_t>(args[4]);
  options.vrrp.interval = milliseconds(number<int64_t>(args[5]));
  if (const char* problem = failover::problem_of(options.vrrp)) {
    die(problem);
  }
  auto guard = Guard::start({.interface = args[1],
                             .vips = {vip},
                             .vrid = options.vrrp.vrid,
                             .interval_cs = static_cast<uint16_t>(options.vrrp.interval.ms() / 10),
                             .unicast_peers = {},
                             .on_standby = {},
                             .argv = {}});
  if (!guard) {
    die(guard.error());
  }
  auto announcer =
      KernelAnnouncer::open({.interface = args[1], .vips = {vip}, .unicast_peers = {}, .guard = &*guard});
  if (!announcer) {
    die(announcer.error());
  }
  options.vrrp.local = (*announcer)->source();
  Probe probe(options, **announcer, *guard);
  if (args.size() == 8) {
    const auto from = parse_endpoint(args[6]);
    const auto to = parse_endpoint(args[7]);
    if (!from || !to) {
      die("RESIGN_FROM and RESIGN_TO are ADDRESS:PORT");
    }
    probe.arm({.from = *from, .to = *to, .bytes = as_bytes("resigned")});
  }
  return probe.run();
}

}  // namespace
}  // namespace tercet::control

int main(int argc, char** argv) { return tercet::control::main_of({argv, static_cast<size_t>(argc)}); }
