#include "control/backend/backend_admin.h"

#include <array>
#include <nlohmann/json.hpp>

#include "control/metrics.h"
#include "dataplane/port/socket.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

using nlohmann::json;

std::string hex(uint64_t value) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

constexpr std::array<const char*, 7> kStates{"starting",  "blank",    "voting", "catching-up",
                                             "divergent", "amnesiac", "stopped"};

/// null: there is none.
json image_json(const backend::ImageFetch::Transfer& image) {
  if (image.seq.value == 0) {
    return {};
  }
  return {{"from", name_of(image.from)},
          {"seq", image.seq.value},
          {"progress", image.percent()},
          {"bytes", image.here},
          {"total_bytes", image.total}};
}

AdminPage ask_the_lb() {
  return error_page(503, "licenses and leases are what two backends agree on: ask the active load balancer");
}

}  // namespace

const char* text_of(store::LogState state) {
  switch (state) {
    case store::LogState::ok:
      return "";
    case store::LogState::full:
      return "disk full";
    case store::LogState::failed:
      return "disk failed";
  }
  return "?";
}

void BackendBoard::publish(const backend::ReplicaView& view, store::LogState log, const std::string& why) {
  const std::lock_guard lock(mutex_);
  state_.view = view;
  state_.log = log;
  state_.why = why;
}

BackendBoard::State BackendBoard::read() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::string backend_status(const BackendAdminSources& s) {
  const BackendBoard::State state = s.board->read();
  const backend::ReplicaView& v = state.view;
  return json{{"cell", seal::text_of(s.cell)},
              {"name", name_of(s.self)},
              {"slot", index(slot_of(s.self)) + 1},
              {"engine", s.engine},
              {"threads", threads_json(s.threads, *s.load)},
              {"state", v.state},
              {"why", state.why.empty() ? json() : json(state.why)},
              {"incarnation", hex(v.incarnation.value)},
              {"promised", v.promised.value},
              {"seq", v.last.value},
              {"durable", v.durable.value},
              {"commit", v.commit.value},
              {"checkpoint", v.checkpoint.value},
              {"checkpoint_room_wanted", v.room_wanted},
              {"image", image_json(v.image)},
              {"image_failed", image_json(v.image_failed)},
              {"digest", hex(v.digest)},
              {"divergent", v.divergent},
              {"leases_live", v.leases_live},
              {"container", name_of(v.container)},
              {"durability", s.durability}}
      .dump();
}

std::string backend_metrics(const BackendAdminSources& s) {
  Metrics m;
  add_common(m, s.engine, s.threads, s.device);
  const BackendBoard::State published = s.board->read();
  const backend::ReplicaView& v = published.view;
  m.begin_gauge("tercet_backend_state", "1 for the state that this backend is in.");
  for (const char* state : kStates) {
    m.sample({{"state", state}}, uint64_t{std::string_view(state) == v.state ? 1U : 0U});
  }
  m.begin_gauge("tercet_backend_stopped", "1 for the reason why it is in state stopped.");
  for (const store::LogState reason : {store::LogState::full, store::LogState::failed}) {
    m.sample({{"reason", text_of(reason)}}, uint64_t{published.log == reason ? 1U : 0U});
  }
  m.gauge("tercet_backend_promised_epoch", "The highest epoch that it promised.",
          static_cast<double>(v.promised.value));
  m.gauge("tercet_backend_last_seq", "The last entry in its log.", static_cast<double>(v.last.value));
  m.gauge("tercet_backend_durable_seq", "The last entry that its disk has.",
          static_cast<double>(v.durable.value));
  m.gauge("tercet_backend_commit_seq", "The last entry that it knows to be decided.",
          static_cast<double>(v.commit.value));
  m.counter("tercet_backend_messages_total", "Messages taken in.", v.messages);
  m.counter("tercet_backend_accepts_total", "Accepts taken in.", v.acceptor.accepts);
  m.counter("tercet_backend_refused_total", "Messages of an epoch that is over.", v.acceptor.refused);
  m.counter("tercet_backend_cuts_total", "Times that the log's end was replaced.", v.acceptor.cuts);
  m.counter("tercet_backend_rebuilds_total", "Times that the book was built anew from the log.",
            v.acceptor.rebuilds);
  m.counter("tercet_backend_forced_starts_total",
            "Epochs in its log that an operator's order started on one backend's log.", v.acceptor.forced);
  m.counter("tercet_backend_reads_late_total", "Reads whose place had passed.", v.acceptor.reads_late);
  m.gauge("tercet_backend_checkpoint_seq",
          "The entry that its newest checkpoint stands behind; 0: it has none.",
          static_cast<double>(v.checkpoint.value));
  m.counter("tercet_backend_checkpoints_total", "Checkpoints written, those taken over included.",
            v.checkpoints.written);
  m.counter("tercet_backend_checkpoints_given_up_total", "Checkpoints that were begun and not finished.",
            v.checkpoints.given_up);
  m.gauge("tercet_backend_checkpoint_room_wanted_bytes",
          "Free space that its next checkpoint, or another backend's book, waits for; 0: it does not wait.",
          static_cast<double>(v.room_wanted));
  m.counter("tercet_backend_images_installed_total", "Books taken over from another backend.",
            v.fetched.installed);
  m.gauge("tercet_backend_image_progress_ratio",
          "How much of another backend's book is here while it is taken over, 0 to 1; else 0.",
          v.image.total == 0 ? 0 : static_cast<double>(v.image.here) / static_cast<double>(v.image.total));
  m.counter("tercet_backend_images_resumed_total",
            "Times that such a transfer was broken off and went on where it had stopped.", v.fetched.resumed);
  m.counter("tercet_backend_images_failed_total", "Books that could not be taken over.", v.fetched.failed);
  m.counter("tercet_backend_images_fetched_bytes_total", "Bytes of other backends' books.", v.fetched.bytes);
  m.begin_counter("tercet_backend_drops_total", "Messages that were not taken in.");
  m.sample({{"reason", "malformed"}}, v.drop_malformed);
  m.sample({{"reason", "log_full"}}, v.drop_log_full);
  m.sample({{"reason", "ignored"}}, v.acceptor.ignored);
  m.counter("tercet_backend_log_batches_total", "Batches written to the log.", v.batches);
  m.counter("tercet_backend_log_written_bytes_total", "Bytes in them.", v.sectors * store::kSectorBytes);
  return m.text();
}

std::vector<AdminRoute> backend_routes(const BackendAdminSources& s) {
  std::vector<AdminRoute> routes;
  routes.push_back({"/healthz", true, [s]() -> AdminPage {
                      const bool sound = s.health->sound(dataplane::raw_now());
                      return {sound ? 200 : 503, "text/plain", sound ? "ok\n" : "a thread hangs\n"};
                    }});
  routes.push_back({"/v1/status", false, [s]() -> AdminPage {
                      return {200, "application/json", backend_status(s) + "\n"};
                    }});
  routes.push_back({"/v1/licenses", false, ask_the_lb});
  routes.push_back({"/v1/leases", false, ask_the_lb});
  routes.push_back({"/v1/usage", false, ask_the_lb});
  routes.push_back({"/metrics", false, [s]() -> AdminPage {
                      return {200, "text/plain; version=0.0.4; charset=utf-8", backend_metrics(s)};
                    }});
  add_capture_routes(routes, *s.captures);
  return routes;
}

}  // namespace tercet::control
