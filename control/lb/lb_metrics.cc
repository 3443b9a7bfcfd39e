#include "control/lb/lb_admin.h"
#include "control/metrics.h"

namespace tercet::control {
namespace {

void add_cell(Metrics& m, const dataplane::View& v, bool on_air) {
  m.gauge("tercet_lb_active", "1 on the load balancer that holds an epoch.",
          v.role == LbRole::active ? 1 : 0);
  m.gauge("tercet_lb_serving", "1 while it is active and two backends vote.", v.serving ? 1 : 0);
  m.gauge("tercet_lb_holds_address", "1 while it has the virtual address.", on_air ? 1 : 0);
  m.gauge("tercet_lb_split", "1 while two backends disagree and the third is absent.", v.split ? 1 : 0);
  m.gauge("tercet_lb_peer_heard", "1 while the other load balancer is heard.", v.peer_heard ? 1 : 0);
  m.gauge("tercet_lb_epoch", "The epoch held, or wanted.", static_cast<double>(v.epoch.value));
  m.gauge("tercet_lb_commit_seq", "The last decided entry.", static_cast<double>(v.commit.value));
  m.gauge("tercet_lb_last_seq", "The last ordered entry.", static_cast<double>(v.last.value));
  m.gauge("tercet_lb_undecided_entries", "Entries in the window.", static_cast<double>(v.undecided));
  m.gauge("tercet_lb_in_flight_queries", "Queries that wait for an answer.",
          static_cast<double>(v.in_flight));
  m.gauge("tercet_lb_clocks_apart_seconds", "Widest difference between the cell's clocks.",
          static_cast<double>(v.clocks_apart.ns) / 1e9);
  if (v.role != LbRole::active) {
    return;  // of the backends a standby knows nothing
  }
  m.begin_gauge("tercet_lb_backend_state",
                "1 for the state that a backend is in; told by the active one alone.");
  for (const Slot slot : kSlots) {
    for (unsigned i = 0; i <= static_cast<unsigned>(quorum::BackendState::stopped); ++i) {
      const auto state = static_cast<quorum::BackendState>(i);
      m.sample({{"backend", name_of(server_of(slot))}, {"state", quorum::name_of(state)}},
               uint64_t{v.backends[index(slot)].state == state ? 1U : 0U});
    }
  }
  m.begin_gauge("tercet_lb_constituents_present",
                "0 while the constituents of a backend are ordered absent; told by the active one alone.");
  for (const Slot slot : kSlots) {
    m.sample({{"backend", name_of(server_of(slot))}}, uint64_t{v.backends[index(slot)].absent ? 0U : 1U});
  }
  m.begin_gauge("tercet_lb_backend_stopped", "1 for the reason why a backend is in state stopped.");
  for (const Slot slot : kSlots) {
    const dataplane::BackendView& b = v.backends[index(slot)];
    for (const auto& [reason, name] :
         {std::pair(StopReason::disk_full, "disk full"), std::pair(StopReason::io_error, "disk failed")}) {
      const bool is = b.state == quorum::BackendState::stopped && b.stop == reason;
      m.sample({{"backend", name_of(server_of(slot))}, {"reason", name}}, uint64_t{is ? 1U : 0U});
    }
  }
  m.begin_gauge("tercet_lb_backend_seq", "Last durable entry of a backend, as it told.");
  for (const Slot slot : kSlots) {
    m.sample({{"backend", name_of(server_of(slot))}}, v.backends[index(slot)].seq.value);
  }
  m.begin_gauge("tercet_lb_backend_pulled_seq",
                "Last durable entry of a backend on its own log, which may be on the way to the cell's.");
  for (const Slot slot : kSlots) {
    m.sample({{"backend", name_of(server_of(slot))}}, v.backends[index(slot)].pulled_to.value);
  }
  m.begin_gauge("tercet_lb_backend_round_trip_seconds", "From an Accept to its vote.");
  for (const Slot slot : kSlots) {
    m.sample({{"backend", name_of(server_of(slot))}},
             static_cast<double>(v.backends[index(slot)].rtt.ns) / 1e9);
  }
}

void add_queries(Metrics& m, const dataplane::View& v) {
  const dataplane::SteerCounters& c = v.counters;
  m.counter("tercet_lb_queries_total", "Operations in clients' datagrams.", c.queries);
  m.counter("tercet_lb_hellos_total", "Clients' first words.", c.hellos);
  m.counter("tercet_lb_replies_total", "Answers written.", c.replies);
  m.counter("tercet_lb_reads_total", "Reads taken in.", c.reads);
  m.counter("tercet_lb_decided_total", "Ordered operations that were answered.", c.decided);
  m.begin_counter("tercet_lb_repeats_total", "Repeats of requests that are known.");
  m.sample({{"outcome", "answered"}}, c.repeats_answered);
  m.sample({{"outcome", "dropped"}}, c.repeats_dropped);
  m.begin_counter("tercet_lb_refusals_total",
                  "Operations that were not taken in, or whose outcome is unknown.");
  m.sample({{"code", "BUSY"}}, c.busy);
  m.sample({{"code", "NOT_ACTIVE"}}, c.not_active);
  m.sample({{"code", "UNAVAILABLE"}}, c.unavailable);
  m.begin_counter("tercet_lb_drops_total",
                  "Authentic messages that were not understood, and answers without room.");
  m.sample({{"reason", "malformed"}}, c.drop_malformed);
  m.sample({{"reason", "no_room"}}, c.drop_no_room);
  m.counter("tercet_lb_forced_starts_total",
            "Epochs that this load balancer started on one backend's log, by the operator's order.",
            v.forced_starts);
  m.counter("tercet_lb_resends_total", "Accepts sent again.", v.resends);
  m.counter("tercet_lb_read_misses_total", "Reads that needed another place.", v.read_misses);
  m.counter("tercet_lb_heartbeats_sent_total", "Heartbeats to the other load balancer.", c.heartbeats_sent);
  m.counter("tercet_lb_heartbeats_heard_total", "Heartbeats from it.", c.heartbeats_heard);
  m.counter("tercet_lb_stalls_total", "Times that the polling thread was not run for long.", c.stalls);
  m.counter("tercet_lb_claims_total", "Times that this load balancer wanted the epoch.", c.claims);
}

void add_failover(Metrics& m, const VipCounters& c, const AnnouncerCounters& a) {
  m.counter("tercet_vrrp_adverts_sent_total", "VRRP adverts sent.", c.adverts_sent.get());
  m.counter("tercet_vrrp_adverts_heard_total", "VRRP adverts of others.", c.adverts_heard.get());
  m.begin_counter("tercet_vrrp_checksums_total", "Adverts heard, by the form of their checksum.");
  m.sample({{"form", "pseudo_header"}}, c.checksum_pseudo_header.get());
  m.sample({{"form", "plain"}}, c.checksum_plain.get());
  m.begin_counter("tercet_vrrp_drops_total", "VRRP packets that were not taken.");
  for (size_t i = 1; i < failover::kVrrpDrops; ++i) {
    m.sample({{"reason", failover::name_of(static_cast<failover::VrrpDrop>(i))}}, c.drops[i].get());
  }
  m.counter("tercet_failover_promotions_total", "Times that the virtual address came.", c.promotions.get());
  m.counter("tercet_failover_demotions_total", "Times that it went.", c.demotions.get());
  m.counter("tercet_failover_announcements_total", "Gratuitous ARPs sent.", c.announcements.get());
  m.counter("tercet_failover_confirmations_total", "Times that two backends were asked about the epoch.",
            c.asks.get());
  m.counter("tercet_failover_stalls_total", "Times that the control thread was not run for long.",
            c.stalls.get());
  m.begin_counter("tercet_failover_failures_total", "What the kernel refused.");
  m.sample({{"what", "send"}}, a.send_failed.get());
  m.sample({{"what", "address"}}, a.address_failed.get());
  m.counter("tercet_failover_link_losses_total", "Times that the clients' interface lost its link.",
            a.link_lost.get());
  m.counter("tercet_failover_addresses_restored_total",
            "Virtual addresses put back after somebody removed them.", a.address_restored.get());
}

}  // namespace

std::string lb_metrics(const LbAdminSources& sources) {
  Metrics m;
  add_common(m, sources.engine, sources.threads, sources.device);
  const LbBoard::State state = sources.board->read();
  add_cell(m, state.view, state.on_air);
  add_queries(m, state.view);
  add_failover(m, *sources.vip, *sources.announcer);
  m.counter("tercet_failover_guard_restarts_total",
            "Times that the guard process was ended and started again.", sources.guard_restarts->get());
  return m.text();
}

}  // namespace tercet::control
