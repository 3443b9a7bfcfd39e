#include "client/load/bench.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <random>
#include <unordered_map>

#include "base/time_text.h"
#include "client/load/load_socket.h"

namespace tercet::load {
namespace {

using client::boot_now;
using client::CellClock;
using client::Failure;
using client::Patience;
using client::RequestId;
using client::RoundTrip;

/// Timers are looked at this often; resends need no better.
constexpr Duration kTimerStep = microseconds(500);
constexpr Duration kHelloAgain = milliseconds(250);
/// A cell that says for so long that it has no quorum is believed.
constexpr Duration kNoQuorumTime = milliseconds(500);
/// How long the end waits for the last releases.
constexpr Duration kReleaseTime = seconds(3);
constexpr size_t kEvents = 64;

class Epoll {
 public:
  Epoll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {}
  ~Epoll() { ::close(fd_); }
  Epoll(const Epoll&) = delete;
  Epoll& operator=(const Epoll&) = delete;
  bool add(int fd, uint32_t index) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = index;
    return fd_ >= 0 && ::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0;
  }
  /// Calls `ready(index)` for each readable socket.
  template <class Ready>
  void wait(Duration most, Ready ready) const {
    std::array<epoll_event, kEvents> events{};
    const int64_t ns = std::clamp<int64_t>(most.ns, 0, 1'000'000'000);
    const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
    const int n = ::epoll_pwait2(fd_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    for (int i = 0; i < n; ++i) {
      ready(events[static_cast<size_t>(i)].data.u32);
    }
  }

 private:
  int fd_;
};

/// A worker with its request in flight.
struct Lane {
  Worker worker;
  uint32_t socket = 0;
  Op op;
  std::optional<Attempt> attempt;  ///< in flight
  BootTime intended;
};

class Bench {
 public:
  explicit Bench(const BenchOptions& options) : options_(options), random_(std::random_device{}()) {}

  tl::expected<Report, Failure> run();

 private:
  tl::expected<void, std::string> open();
  tl::expected<void, Failure> greet();
  [[nodiscard]] Failure not_greeted() const;
  [[nodiscard]] BootTime due(uint64_t n) const;
  void count_offered();
  void offer(BootTime now);
  void start(uint32_t lane, const Op& op, BootTime intended, BootTime now);
  void transmit(Lane& lane, BootTime now);
  void look_at_timers(BootTime now);
  void take(const ReplyView& reply, BootTime now);
  void finish(uint32_t lane, BootTime now, const RecordLine& line, bool answered);
  void poll(BootTime until);
  void flush();
  void tell(BootTime now);
  [[nodiscard]] Handle random_handle();
  [[nodiscard]] bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }
  static uint64_t key_of(const Handle& handle) {
    uint64_t key = 0;
    std::memcpy(&key, handle.bytes.data(), sizeof key);
    return key;
  }

  const BenchOptions& options_;
  std::mt19937_64 random_;
  Epoll epoll_;
  std::vector<std::unique_ptr<LoadSocket>> sockets_;
  std::vector<Lane> lanes_;
  std::vector<uint32_t> idle_;
  std::unordered_map<uint64_t, uint32_t> lane_of_;  ///< by the handle of the request in flight
  RoundTrip trip_;
  Record record_;
  Report report_;
  Silence silence_, silence_of_second_;
  Histogram of_second_;
  uint64_t answered_of_second_ = 0;
  uint64_t errors_ = 0;
  bool releasing_ = false;  ///< the run is over: what is answered now is not counted
  BootTime started_, ends_, next_timers_, next_tell_;
  std::vector<BootTime> greeted_;  ///< by socket: when Hello was last said
  uint64_t offered_ = 0;
};

Handle Bench::random_handle() {
  // Unpredictable handles matter to who holds a seat in earnest; a load generator needs them distinct. The
  // generator is seeded by the system, and each is 128 bits of it.
  Handle handle;
  for (size_t i = 0; i < handle.bytes.size(); i += sizeof(uint64_t)) {
    const uint64_t word = random_();
    std::memcpy(handle.bytes.data() + i, &word, sizeof word);
  }
  return handle;
}

tl::expected<void, std::string> Bench::open() {
  if (!options_.record.empty()) {
    if (auto opened = record_.open(options_.record); !opened) {
      return opened;
    }
  }
  for (unsigned i = 0; i < options_.clients; ++i) {
    auto socket = LoadSocket::open(options_.server, options_.keys);
    if (!socket) {
      return tl::unexpected(socket.error());
    }
    if (!epoll_.add((*socket)->fd(), i)) {
      return tl::unexpected("epoll: " + std::string(std::strerror(errno)) +
                            ": raise the limit of open files");
    }
    sockets_.push_back(std::move(*socket));
  }
  greeted_.resize(sockets_.size());
  lanes_.resize(size_t{options_.clients} * options_.outstanding);
  for (uint32_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i].socket = i % options_.clients;
    lanes_[i].worker.set_tag(random_handle());
  }
  for (auto i = static_cast<uint32_t>(lanes_.size()); i-- > 0;) {
    idle_.push_back(i);
  }
  return {};
}

Failure Bench::not_greeted() const {
  Failure failure;
  for (const auto& socket : sockets_) {
    const Code code = socket->hello_code().value_or(Code::granted);
    if (code != Code::granted) {
      client::Answer answer;
      answer.end = code == Code::unavailable  ? client::Answer::End::unavailable
                   : code == Code::not_active ? client::Answer::End::not_active
                                              : client::Answer::End::busy;
      return client::Cell::failure_of(answer, false, options_.timeout);
    }
  }
  failure.message = "no answer to Hello from " + to_string(options_.server) + " within " +
                    to_text(options_.timeout) + ": see tercet status";
  return failure;
}

tl::expected<void, Failure> Bench::greet() {
  const BootTime began = boot_now();
  const BootTime deadline = began + options_.timeout;
  for (;;) {
    const BootTime now = boot_now();
    size_t waiting = 0, no_quorum = 0;
    for (size_t i = 0; i < sockets_.size(); ++i) {
      if (!sockets_[i]->clock().stale(now)) {
        continue;
      }
      ++waiting;
      no_quorum += sockets_[i]->hello_code() == Code::unavailable ? 1 : 0;
      if (now - greeted_[i] > milliseconds(50)) {
        greeted_[i] = now;
        sockets_[i]->queue_hello(now);
        sockets_[i]->flush();
      }
    }
    if (waiting == 0) {
      return {};
    }
    if (now > deadline || stopped() || (no_quorum == waiting && now > began + kNoQuorumTime)) {
      return tl::unexpected(not_greeted());
    }
    epoll_.wait(milliseconds(5), [&](uint32_t i) {
      while (sockets_[i]->receive([](const ReplyView&, BootTime) {})) {
      }
    });
  }
}

void Bench::transmit(Lane& lane, BootTime now) {
  if (lane.attempt->transmissions() > 0) {
    ++report_.retransmissions;
  }
  lane.attempt->transmitted(now, trip_.first_resend());
  sockets_[lane.socket]->queue(lane.op);
}

void Bench::start(uint32_t index, const Op& op, BootTime intended, BootTime now) {
  Lane& lane = lanes_[index];
  lane.op = op;
  lane.op.stamp(sockets_[lane.socket]->clock().at(now));
  lane.intended = intended;
  lane.attempt.emplace(lane.op.id(), Patience{.timeout = options_.timeout}, now);
  lane_of_[key_of(lane.op.id().handle)] = index;
  if (!releasing_) {
    silence_.asked(intended);
    silence_of_second_.asked(intended);
  }
  transmit(lane, now);
}

/// Open loop: when request `n` (from 0) is to be sent.
BootTime Bench::due(uint64_t n) const {
  return started_ + nanoseconds(static_cast<int64_t>(static_cast<double>(n) * 1e9 / options_.rate));
}

void Bench::count_offered() {
  report_.offered = offered_;
  if (options_.rate <= 0) {
    return;
  }
  auto n = static_cast<uint64_t>(static_cast<double>((ends_ - started_).ns) * options_.rate / 1e9);
  while (due(n) < ends_) {
    ++n;
  }
  while (n > 0 && due(n - 1) >= ends_) {
    --n;
  }
  report_.offered = std::max(n, offered_);
  report_.not_sent = report_.offered - offered_;
  if (report_.not_sent > 0) {
    report_.errors["NOT_SENT"] = report_.not_sent;
  }
}

void Bench::offer(BootTime now) {
  while (!idle_.empty()) {
    BootTime intended = now;
    if (options_.rate > 0) {
      intended = due(offered_);
      if (intended > now || intended >= ends_) {
        return;
      }
    }
    ++offered_;
    const uint32_t index = idle_.back();
    idle_.pop_back();
    Worker& worker = lanes_[index].worker;
    start(index, worker.next(options_.mix, options_.wanted, random_(), random_handle(), now), intended, now);
  }
}

void Bench::finish(uint32_t index, BootTime now, const RecordLine& line, bool answered) {
  Lane& lane = lanes_[index];
  RecordLine full = line;
  full.op = lane.attempt->id().kind;
  full.request = lane.attempt->id().number;
  full.sent = lane.attempt->first_sent();
  full.answered = now;
  record_.add(full);
  if (const auto first = lane.attempt->first_unavailable()) {
    report_.first_unavailable = std::max(report_.first_unavailable, *first);
  }
  if (answered && lane.attempt->transmissions() == 1) {
    trip_.sample(now - lane.attempt->first_sent());
  } else if (answered) {
    trip_.sample_unsure(now - lane.attempt->first_sent());
  }
  if (!releasing_) {
    ++report_.requests;
    if (answered) {
      ++report_.answered;
      ++answered_of_second_;
      ++report_.by_op[op_name(full.op)];
      report_.latency.add((now - lane.intended).ns);
      of_second_.add((now - lane.intended).ns);
      if (line.outcome == Outcome::denied) {
        ++report_.denied[std::string(line.code)];
      }
      silence_.answered(now);
      silence_of_second_.answered(now);
    } else {
      ++errors_;
      ++report_.errors[std::string(line.code)];
      silence_.note(now);
      silence_.given_up();
      silence_of_second_.given_up();
    }
  }
  lane_of_.erase(key_of(lane.attempt->id().handle));
  lane.attempt.reset();
  idle_.push_back(index);
}

void Bench::take(const ReplyView& reply, BootTime now) {
  const auto found = lane_of_.find(key_of(reply.handle));
  if (found == lane_of_.end()) {
    return;  // a copy of an answer
  }
  const uint32_t index = found->second;
  Lane& lane = lanes_[index];
  switch (lane.attempt->take(reply, now)) {
    case Attempt::Verdict::not_mine:
      return;
    case Attempt::Verdict::again:
      ++report_.refusals[name_of(reply.code)];
      return;
    case Attempt::Verdict::answered:
      break;
  }
  if (reply.code == Code::stale) {
    sockets_[lane.socket]->clock().forget();
  }
  RecordLine line;
  const RequestId id = lane.attempt->id();
  lane.worker.answered(id, reply.code, reply.body, lane.attempt->first_sent(), line);
  finish(index, now, line, true);
}

void Bench::look_at_timers(BootTime now) {
  if (now < next_timers_) {
    return;
  }
  next_timers_ = now + kTimerStep;
  for (uint32_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = lanes_[i];
    if (!lane.attempt || lane.attempt->next() > now) {
      continue;
    }
    if (lane.attempt->ended(now)) {
      RecordLine line;
      const auto refusal = lane.attempt->refusal();
      line.code = refusal ? name_of(*refusal) : "NO_ANSWER";
      const RequestId id = lane.attempt->id();
      lane.worker.gave_up(id, line);
      finish(i, now, line, false);
    } else if (lane.attempt->transmit_due(now)) {
      transmit(lane, now);
    }
  }
  for (size_t i = 0; i < sockets_.size(); ++i) {
    if (sockets_[i]->clock().stale(now) && now - greeted_[i] > kHelloAgain) {
      greeted_[i] = now;
      sockets_[i]->queue_hello(now);
    }
  }
}

void Bench::flush() {
  for (const auto& socket : sockets_) {
    if (socket->queued()) {
      socket->flush();
    }
  }
}

void Bench::poll(BootTime until) {
  flush();
  epoll_.wait(earlier(until, next_timers_) - boot_now(), [&](uint32_t i) {
    while (sockets_[i]->receive([&](const ReplyView& reply, BootTime now) { take(reply, now); })) {
    }
  });
  look_at_timers(boot_now());
}

void Bench::tell(BootTime now) {
  if (now < next_tell_) {
    return;
  }
  next_tell_ = next_tell_ + seconds(1);
  record_.flush();
  if (!options_.progress) {
    return;
  }
  silence_of_second_.note(now);
  uint64_t denied = 0;
  for (const auto& [code, count] : report_.denied) {
    denied += count;
  }
  char line[192];
  std::snprintf(
      line, sizeof line,
      "%4lld s  %9llu/s  answered %llu  p99 %9.0f us  denied %llu  errors %llu  silence %lld ms",
      static_cast<long long>((now - started_).ms() / 1'000),
      static_cast<unsigned long long>(answered_of_second_), static_cast<unsigned long long>(report_.answered),
      static_cast<double>(of_second_.at(0.99)) / 1'000.0, static_cast<unsigned long long>(denied),
      static_cast<unsigned long long>(errors_), static_cast<long long>(silence_of_second_.longest().ms()));
  options_.progress(line);
  answered_of_second_ = 0;
  of_second_ = {};
  silence_of_second_.restart_second();
}

Failure ours(const std::string& message) {
  Failure failure;
  failure.kind = Failure::Kind::usage;
  failure.message = message;
  return failure;
}

tl::expected<Report, Failure> Bench::run() {
  if (auto opened = open(); !opened) {
    return tl::unexpected(ours(opened.error()));
  }
  if (auto greeted = greet(); !greeted) {
    return tl::unexpected(greeted.error());
  }
  report_.clients = options_.clients;
  report_.outstanding = options_.outstanding;
  started_ = boot_now();
  ends_ = started_ + options_.duration;
  next_timers_ = started_;
  next_tell_ = started_ + seconds(1);

  for (BootTime now = started_; now < ends_; now = boot_now()) {
    if (stopped()) {
      ends_ = now;
      break;
    }
    offer(now);
    BootTime until = earlier(ends_, next_tell_);
    if (options_.rate > 0 && !idle_.empty()) {
      until = earlier(until, due(offered_));
    }
    poll(until);
    tell(boot_now());
  }
  // Open loop: what was due before the end and found no free client is asked now, or its wait would be left
  // out.
  while (idle_.size() < lanes_.size() || options_.rate > 0) {
    const BootTime now = boot_now();
    if (options_.rate > 0 && !stopped() && now < ends_ + options_.timeout) {
      offer(now);
    }
    if (idle_.size() == lanes_.size()) {
      break;
    }
    poll(now + milliseconds(10));
    tell(boot_now());
  }
  const BootTime finished = later(boot_now(), ends_);
  silence_.note(finished);
  report_.seconds = static_cast<double>((finished - started_).ns) / 1e9;
  report_.rate = report_.seconds > 0 ? static_cast<double>(report_.requests) / report_.seconds : 0;
  count_offered();

  releasing_ = true;
  const BootTime last = boot_now() + kReleaseTime;
  for (BootTime now = boot_now(); now < last; now = boot_now()) {
    const std::vector<uint32_t> idle = std::exchange(idle_, {});
    for (const uint32_t index : idle) {
      if (const auto op = lanes_[index].worker.next_release(now)) {
        start(index, *op, now, now);
      } else {
        idle_.push_back(index);
      }
    }
    if (idle_.size() == lanes_.size()) {
      break;
    }
    poll(now + milliseconds(10));
  }
  for (const Lane& lane : lanes_) {
    report_.seats_lost += lane.worker.lost();
    report_.seats_left += lane.worker.held();
  }
  report_.longest_silence = silence_.longest();
  if (!record_.flush()) {
    return tl::unexpected(ours(options_.record + ": the disk did not take all of it: free some space there"));
  }
  return std::move(report_);
}

}  // namespace

tl::expected<Report, client::Failure> run_bench(const BenchOptions& options) { return Bench(options).run(); }

}  // namespace tercet::load
