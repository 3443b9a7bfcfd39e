#include "control/metrics.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace tercet::control {
namespace {

std::string text_of(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.9g", value);
  return buffer;
}

/// In a label: backslash, quote and line feed are escaped.
void escape(std::string_view text, std::string& out) {
  for (const char c : text) {
    if (c == '\\' || c == '"') {
      out += '\\';
    }
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

void Metrics::begin(std::string_view name, std::string_view help, std::string_view type) {
  name_ = name;
  text_ += "# HELP ";
  text_ += name;
  text_ += ' ';
  text_ += help;
  text_ += "\n# TYPE ";
  text_ += name;
  text_ += ' ';
  text_ += type;
  text_ += '\n';
}

void Metrics::write(Labels labels, const std::string& value, std::string_view suffix) {
  text_ += name_;
  text_ += suffix;
  if (labels.size() != 0) {
    char before = '{';
    for (const auto& [label, content] : labels) {
      text_ += before;
      text_ += label;
      text_ += "=\"";
      escape(content, text_);
      text_ += '"';
      before = ',';
    }
    text_ += '}';
  }
  text_ += ' ';
  text_ += value;
  text_ += '\n';
}

void Metrics::sample(Labels labels, uint64_t value) { write(labels, std::to_string(value)); }
void Metrics::sample(Labels labels, double value) { write(labels, text_of(value)); }

void Metrics::buckets(std::pair<std::string_view, std::string_view> label, std::span<const double> borders,
                      std::span<const uint64_t> counts, double sum) {
  uint64_t upto = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    upto += counts[i];
    const std::string border = i < borders.size() ? text_of(borders[i]) : "+Inf";
    write({label, {"le", border}}, std::to_string(upto), "_bucket");
  }
  write({label}, text_of(sum), "_sum");
  write({label}, std::to_string(upto), "_count");
}

void Metrics::counter(std::string_view name, std::string_view help, uint64_t value) {
  begin_counter(name, help);
  sample({}, value);
}

void Metrics::gauge(std::string_view name, std::string_view help, double value) {
  begin_gauge(name, help);
  sample({}, value);
}

namespace {

using dataplane::ThreadView;
using Threads = std::span<const ThreadView>;

/// The sum of one counter over the threads that have it.
template <class Part>
uint64_t sum_of(Threads threads, const Part* ThreadView::*part, Counter Part::*counter) {
  uint64_t sum = 0;
  for (const ThreadView& thread : threads) {
    sum += thread.*part == nullptr ? 0 : (thread.*part->*counter).get();
  }
  return sum;
}

/// What only some engines count: every thread's list has the same names.
void add_named(Metrics& metrics, Threads threads, std::span<const dataplane::NamedCounter> ThreadView::*list,
               std::string_view label, std::string_view name, std::string_view help) {
  if (threads.empty() || (threads.front().*list).empty()) {
    return;
  }
  metrics.begin_counter(name, help);
  for (size_t i = 0; i < (threads.front().*list).size(); ++i) {
    uint64_t sum = 0;
    for (const ThreadView& thread : threads) {
      sum += i < (thread.*list).size() ? (thread.*list)[i].counter->get() : 0;
    }
    metrics.sample({{label, (threads.front().*list)[i].name}}, sum);
  }
}

void add_port(Metrics& metrics, Threads threads) {
  using Port = dataplane::PortCounters;
  const auto sum = [threads](Counter Port::*counter) { return sum_of(threads, &ThreadView::port, counter); };
  metrics.counter("tercet_port_received_datagrams_total", "Datagrams received.",
                  sum(&Port::received_datagrams));
  metrics.counter("tercet_port_sent_datagrams_total", "Datagrams sent.", sum(&Port::sent_datagrams));
  metrics.counter("tercet_port_receive_calls_total", "System calls to receive (DPDK: calls of the driver).",
                  sum(&Port::receive_calls));
  metrics.counter("tercet_port_send_calls_total", "System calls to send (DPDK: calls of the driver).",
                  sum(&Port::send_calls));
  metrics.begin_counter("tercet_port_drops_total", "Datagrams lost at the sockets.");
  metrics.sample({{"reason", "send_refused"}}, sum(&Port::drop_send_refused));
  metrics.sample({{"reason", "truncated"}}, sum(&Port::drop_truncated));
  add_named(metrics, threads, &ThreadView::drops, "reason", "tercet_frame_drops_total",
            "Frames that were dropped where no kernel is under us.");
  add_named(metrics, threads, &ThreadView::frame_events, "event", "tercet_frame_events_total",
            "ARP and echo where no kernel is under us.");
  metrics.counter("tercet_port_peer_unreachable_total", "ICMP errors from other servers' hosts.",
                  sum(&Port::peer_unreachable));
  metrics.counter("tercet_port_receive_buffers_empty_total", "Times that the receive buffers ran out.",
                  sum(&Port::receive_buffers_empty));
  metrics.counter("tercet_port_frames_joined_total", "Frames that came in several buffers, joined into one.",
                  sum(&Port::frames_joined));
}

void add_device(Metrics& metrics, const dataplane::DeviceCounters& device) {
  metrics.gauge("tercet_device_link_up", "1 while the engine's device has a link.",
                static_cast<double>(device.link_up.get()));
  metrics.begin_counter("tercet_device_drops_total",
                        "Frames that the engine's device lost before or after us, as its driver counts.");
  metrics.sample({{"reason", "missed"}}, device.missed.get());
  metrics.sample({{"reason", "no_buffer"}}, device.no_buffer.get());
  metrics.sample({{"reason", "receive_error"}}, device.receive_errors.get());
  metrics.sample({{"reason", "send_error"}}, device.send_errors.get());
  metrics.gauge("tercet_device_buffers", "Packet buffers of each queue, those in use included.",
                static_cast<double>(device.buffers.get()));
  metrics.begin_gauge("tercet_device_free_buffers", "How many of them are free.");
  for (size_t queue = 0; queue < device.queues && queue < device.buffers_free.size(); ++queue) {
    metrics.sample({{"queue", std::to_string(queue)}}, device.buffers_free[queue].get());
  }
}

void add_open_and_send(Metrics& metrics, Threads threads) {
  using Open = dataplane::OpenCounters;
  metrics.counter("tercet_open_messages_total", "Datagrams that proved authentic.",
                  sum_of(threads, &ThreadView::opened, &Open::messages));
  metrics.counter("tercet_open_resignations_total", "Authentic resignations of the other load balancer.",
                  sum_of(threads, &ThreadView::opened, &Open::resignations));
  metrics.begin_counter("tercet_open_drops_total", "Datagrams that did not prove authentic or whole.");
  for (size_t i = 1; i < kDrops; ++i) {
    uint64_t drops = 0;
    for (const ThreadView& thread : threads) {
      drops += thread.opened == nullptr ? 0 : thread.opened->drops[i].get();
    }
    metrics.sample({{"reason", name_of(static_cast<Drop>(i))}}, drops);
  }
  metrics.counter("tercet_open_client_keys_derived_total",
                  "Queries whose client's key was not at hand and was derived.",
                  sum_of(threads, &ThreadView::opened, &Open::query_keys_derived));
  using Send = dataplane::SendCounters;
  metrics.counter("tercet_send_datagrams_total", "Datagrams sealed.",
                  sum_of(threads, &ThreadView::sent, &Send::datagrams));
  metrics.counter("tercet_send_bursts_total", "Bursts that they left in.",
                  sum_of(threads, &ThreadView::sent, &Send::bursts));
  metrics.counter("tercet_send_no_route_total", "Messages to a server without lane or key.",
                  sum_of(threads, &ThreadView::sent, &Send::drop_no_route));
  metrics.counter("tercet_send_client_keys_derived_total",
                  "Replies whose client's key was not at hand and was derived.",
                  sum_of(threads, &ThreadView::sent, &Send::reply_keys_derived));
  using Tap = dataplane::WiretapCounters;
  metrics.counter("tercet_capture_datagrams_total", "Datagrams copied for captures.",
                  sum_of(threads, &ThreadView::tapped, &Tap::taken));
  metrics.counter("tercet_capture_lost_datagrams_total", "Datagrams that a capture did not take fast enough.",
                  sum_of(threads, &ThreadView::tapped, &Tap::lost));
}

double seconds_of(const Counter& ns) { return static_cast<double>(ns.get()) / 1e9; }

void add_turn_lengths(Metrics& metrics, Threads threads) {
  std::array<double, dataplane::kTurnBorders.size()> borders{};
  std::ranges::transform(dataplane::kTurnBorders, borders.begin(),
                         [](uint64_t ns) { return static_cast<double>(ns) / 1e9; });
  metrics.begin_histogram("tercet_thread_turn_seconds", "How long turns worked that did anything.");
  for (const ThreadView& thread : threads) {
    std::array<uint64_t, borders.size() + 1> counts{};
    std::ranges::transform(thread.loop->worked.turns, counts.begin(), &Counter::get);
    metrics.buckets({"thread", thread.name}, borders, counts, seconds_of(thread.loop->busy_ns));
  }
}

void add_turns(Metrics& metrics, Threads threads) {
  using Turns = dataplane::LoopCounters;
  const auto sum = [threads](Counter Turns::*counter) { return sum_of(threads, &ThreadView::loop, counter); };
  metrics.counter("tercet_poll_turns_total", "Turns of the polling threads.", sum(&Turns::polls));
  metrics.counter("tercet_poll_busy_turns_total", "Turns that brought datagrams.", sum(&Turns::busy_polls));
  metrics.counter("tercet_poll_late_turns_total", "Turns that began over 10 ms after they were due.",
                  sum(&Turns::late_polls));
  double latest = 0;
  for (const ThreadView& thread : threads) {
    latest = std::max(latest, seconds_of(thread.loop->latest_ns));
  }
  metrics.gauge("tercet_poll_latest_turn_seconds", "How late the latest of them was, since the start.",
                latest);

  const auto each = [&metrics, threads](auto value) {
    for (const ThreadView& thread : threads) {
      metrics.sample({{"thread", thread.name}}, value(*thread.loop));
    }
  };
  metrics.begin_counter("tercet_thread_busy_seconds_total", "Time that a polling thread was at work.");
  each([](const Turns& t) { return seconds_of(t.busy_ns); });
  metrics.begin_counter("tercet_thread_idle_seconds_total",
                        "Time that it slept, or spun without anything to do.");
  each([](const Turns& t) { return seconds_of(t.idle_ns); });
  metrics.begin_counter("tercet_thread_bursts_total", "Turns that brought it something.");
  each([](const Turns& t) { return t.busy_polls.get(); });
  metrics.begin_counter("tercet_thread_messages_total",
                        "Datagrams (the quorum thread: messages) that they brought.");
  each([](const Turns& t) { return t.taken.get(); });
  metrics.begin_gauge("tercet_thread_largest_burst_messages",
                      "The most that one turn brought, since the start.");
  each([](const Turns& t) { return t.taken_max.get(); });
  metrics.begin_gauge("tercet_thread_longest_turn_seconds", "The longest work of one turn, since the start.");
  each([](const Turns& t) { return seconds_of(t.longest_ns); });
  add_turn_lengths(metrics, threads);
}

/// Nothing with one thread: it has none.
void add_links(Metrics& metrics, Threads threads) {
  if (std::ranges::none_of(threads, [](const ThreadView& thread) { return thread.up != nullptr; })) {
    return;
  }
  const auto each = [&metrics, threads](auto value) {
    for (const ThreadView& thread : threads) {
      if (thread.up != nullptr) {
        metrics.sample({{"thread", thread.name}, {"direction", "up"}}, value(*thread.up));
        metrics.sample({{"thread", thread.name}, {"direction", "down"}}, value(*thread.down));
      }
    }
  };
  using Link = dataplane::LinkCounters;
  metrics.begin_gauge(
      "tercet_link_waiting_cells",
      "Cells of 256 bytes between a steering thread and the quorum thread when last looked at.");
  each([](const Link& link) { return link.consumer.waiting.get(); });
  metrics.begin_gauge("tercet_link_most_waiting_cells", "The most of them, since the start.");
  each([](const Link& link) { return link.consumer.waiting_max.get(); });
  metrics.begin_gauge("tercet_link_capacity_cells", "How many there can be.");
  each([](const Link& link) { return uint64_t{link.capacity}; });
  metrics.begin_counter("tercet_link_drops_total", "Messages that found it full.");
  each([](const Link& link) { return link.producer.drop_full.get(); });
}

}  // namespace

void add_common(Metrics& metrics, const char* engine, Threads threads,
                const dataplane::DeviceCounters* device) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  metrics.begin_counter("tercet_process_cpu_seconds_total", "CPU time of this process.");
  metrics.sample({{"mode", "user"}}, seconds_of(usage.ru_utime));
  metrics.sample({{"mode", "system"}}, seconds_of(usage.ru_stime));
  metrics.begin_gauge("tercet_port_info", "The engine that serves the lanes.");
  metrics.sample({{"engine", engine}}, uint64_t{1});
  add_port(metrics, threads);
  if (device != nullptr) {
    add_device(metrics, *device);
  }
  add_open_and_send(metrics, threads);
  add_turns(metrics, threads);
  add_links(metrics, threads);
}

}  // namespace tercet::control
