#include "bench/dpdk/voter.h"

#include <array>

#include "base/check.h"
#include "bench/dpdk/clients.h"

namespace tercet::bench {
namespace {

quorum::Acceptor::Options options_of(Slot slot, const seal::ServerKeys& keys) {
  quorum::Acceptor::Options options;
  options.cell = keys.cell;
  options.slot = slot;
  options.incarnation = Incarnation{0x100 + index(slot)};
  options.log.entries_max = 16U << 20U;
  options.log.bytes_max = size_t{1} << 30U;
  return options;
}

}  // namespace

void Granting::apply(const EntryView& entry, quorum::Result& result) {
  state_ = {state_.low ^ hash64(entry.op, entry.seq.value), state_.high + 1};
  OpView op;
  if (entry.kind != EntryKind::op || !parse_op(entry.op, op)) {
    result.resize(0);
    return;
  }
  OpResult granted{};
  granted.tmr_id = 1;
  granted.lease_ms = 60'000;
  granted.in_use = 1;
  granted.quantity = 1'000'000;
  granted.features = features_of(op.handle, op.request);
  granted.lease_end_cell_ms = static_cast<uint64_t>(entry.cell.ms) + 60'000;
  result.resize(sizeof granted);
  std::memcpy(result.data(), &granted, sizeof granted);
}

Voter::Voter(Slot slot, const seal::ServerKeys& keys)
    : self_(server_of(slot)),
      keyring_(keys, {.client_cache_entries = 0}),
      acceptor_(options_of(slot, keys)) {}

void Voter::hear(MutBytes datagram, const Moment& now) {
  const auto opened = keyring_.open_from_server(datagram);
  TERCET_CHECK(opened.has_value(), "what the LB sends opens");
  CellView view;
  TERCET_CHECK(parse_cell(opened->plain, view) == Drop::none, "and parses");
  quorum::Acceptor::Output out{outbox_, records_};
  acceptor_.step(opened->from, view, now, machine_, out);
}

void Voter::speak(const Moment& now, const std::function<void(ServerId to, Bytes datagram)>& send) {
  quorum::Acceptor::Output out{outbox_, records_};
  // What was taken becomes durable, then votes leave.
  for (int i = 0; i < 2; ++i) {
    acceptor_.tick(now, machine_, out);
    records_.clear();
    acceptor_.durable(acceptor_.taken());
  }
  std::array<uint8_t, kCellDatagramMax> datagram;
  for (const Outbox::Parcel& parcel : outbox_.parcels()) {
    for (unsigned i = 0; i < kServers; ++i) {
      const auto to = static_cast<ServerId>(i);
      if (parcel.servers.has(to) && keyring_.has_peer(to)) {
        send(to, Bytes(datagram).first(keyring_.seal_to_server(to, outbox_.bytes(parcel), datagram)));
      }
    }
  }
  outbox_.clear();
}

}  // namespace tercet::bench
