#include "control/metrics.h"

#include <sys/resource.h>

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

void Metrics::write(Labels labels, const std::string& value) {
  text_ += name_;
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

void Metrics::counter(std::string_view name, std::string_view help, uint64_t value) {
  begin_counter(name, help);
  sample({}, value);
}

void Metrics::gauge(std::string_view name, std::string_view help, double value) {
  begin_gauge(name, help);
  sample({}, value);
}

void add_common(Metrics& metrics, const dataplane::Port& port, const dataplane::OneThread& loop) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  metrics.begin_counter("tercet_process_cpu_seconds_total", "CPU time of this process.");
  metrics.sample({{"mode", "user"}}, seconds_of(usage.ru_utime));
  metrics.sample({{"mode", "system"}}, seconds_of(usage.ru_stime));
  metrics.begin_gauge("tercet_port_info", "The engine that serves the lanes.");
  metrics.sample({{"engine", port.engine()}}, uint64_t{1});

  const dataplane::PortCounters& p = port.counters();
  metrics.counter("tercet_port_received_datagrams_total", "Datagrams received.", p.received_datagrams.get());
  metrics.counter("tercet_port_sent_datagrams_total", "Datagrams sent.", p.sent_datagrams.get());
  metrics.counter("tercet_port_receive_calls_total", "System calls to receive.", p.receive_calls.get());
  metrics.counter("tercet_port_send_calls_total", "System calls to send.", p.send_calls.get());
  metrics.begin_counter("tercet_port_drops_total", "Datagrams lost at the sockets.");
  metrics.sample({{"reason", "send_refused"}}, p.drop_send_refused.get());
  metrics.sample({{"reason", "truncated"}}, p.drop_truncated.get());
  metrics.counter("tercet_port_peer_unreachable_total", "ICMP errors from other servers' hosts.",
                  p.peer_unreachable.get());
  metrics.counter("tercet_port_receive_buffers_empty_total", "Times that the receive buffers ran out.",
                  p.receive_buffers_empty.get());

  const dataplane::OpenCounters& o = loop.opened();
  metrics.counter("tercet_open_messages_total", "Datagrams that proved authentic.", o.messages.get());
  metrics.counter("tercet_open_resignations_total", "Authentic resignations of the other load balancer.",
                  o.resignations.get());
  metrics.begin_counter("tercet_open_drops_total", "Datagrams that did not prove authentic or whole.");
  for (size_t i = 1; i < kDrops; ++i) {
    metrics.sample({{"reason", name_of(static_cast<Drop>(i))}}, o.drops[i].get());
  }
  metrics.counter("tercet_open_client_keys_derived_total",
                  "Queries whose client's key was not at hand and was derived.", o.query_keys_derived.get());
  const dataplane::SendCounters& s = loop.sent();
  metrics.counter("tercet_send_datagrams_total", "Datagrams sealed.", s.datagrams.get());
  metrics.counter("tercet_send_bursts_total", "Bursts that they left in.", s.bursts.get());
  metrics.counter("tercet_send_no_route_total", "Messages to a server without lane or key.",
                  s.drop_no_route.get());
  metrics.counter("tercet_send_client_keys_derived_total",
                  "Replies whose client's key was not at hand and was derived.", s.reply_keys_derived.get());
  metrics.counter("tercet_poll_turns_total", "Turns of the polling thread.", loop.counters().polls.get());
  metrics.counter("tercet_poll_busy_turns_total", "Turns that brought datagrams.",
                  loop.counters().busy_polls.get());
  metrics.counter("tercet_poll_late_turns_total", "Turns that began over 10 ms after they were due.",
                  loop.counters().late_polls.get());
  metrics.gauge("tercet_poll_latest_turn_seconds", "How late the latest of them was, since the start.",
                static_cast<double>(loop.counters().latest_ns.get()) / 1e9);
}

}  // namespace tercet::control
