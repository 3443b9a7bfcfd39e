#include "dataplane/many_threads.h"

#include "base/check.h"

namespace tercet::dataplane {

Owners owners_of(ServerId self, unsigned steering) {
  Owners owners;
  unsigned next = 0;
  for (unsigned i = 0; i < kServers; ++i) {
    owners[i] = i == index(self) ? kNobody : static_cast<uint8_t>(next++ % steering);
  }
  return owners;
}

std::vector<Share> share_out(const PortOptions& whole, const Routes& routes, const Owners& owners,
                             unsigned steering) {
  std::vector<Share> shares(steering);
  for (unsigned thread = 0; thread < steering; ++thread) {
    Share& share = shares[thread];
    share.port = whole;
    share.port.lanes.clear();
    share.port.spin = {};  // the loop looks at its Links as well
    bool peers_began = false;
    for (size_t l = 0; l < whole.lanes.size(); ++l) {
      LaneOptions lane = whole.lanes[l];
      ServerId server{};
      if (!routes.server_at(static_cast<Lane>(l), server)) {
        TERCET_CHECK(!peers_began, "clients' lanes come before peers', so that all ports number them alike");
        lane.shared = steering > 1;
        share.port.lanes.push_back(lane);
        continue;
      }
      peers_began = true;
      if (owners[index(server)] == thread) {
        share.routes.lane_of[index(server)] = static_cast<Lane>(share.port.lanes.size());
        share.port.lanes.push_back(lane);
      }
    }
  }
  return shares;
}

seal::ServerKeys keys_of(const seal::ServerKeys& whole, const Owners& owners, unsigned thread) {
  seal::ServerKeys keys = whole;
  for (unsigned i = 0; i < kServers; ++i) {
    if (owners[i] != thread) {
      keys.pairs[i].reset();
    }
  }
  return keys;
}

tl::expected<std::unique_ptr<ManyThreads>, std::string> ManyThreads::make(std::span<const Steering> steering,
                                                                          Port& rest, Service& service,
                                                                          const Owners& owners,
                                                                          const ManyOptions& options) {
  TERCET_CHECK(!steering.empty() && steering.size() <= kSteeringMax, "there are 1 to 8 steering threads");
  std::unique_ptr<ManyThreads> self(new ManyThreads);
  for (size_t i = 0; i < steering.size() + 1; ++i) {
    auto bell = Bell::make();
    if (!bell) {
      return tl::unexpected(bell.error());
    }
    self->bells_.push_back(std::move(*bell));
  }
  std::vector<Joint*> joints;
  for (size_t thread = 0; thread < steering.size(); ++thread) {
    const Steering& one = steering[thread];
    self->joints_.push_back(
        std::make_unique<Joint>(options.link_cells, *self->bells_[thread], *self->bells_.back()));
    joints.push_back(self->joints_.back().get());
    self->steering_.push_back(std::make_unique<SteeringLoop>(
        static_cast<uint8_t>(thread), *one.port, *one.keyring, one.routes, *joints.back(), options.sleep,
        one.tap != nullptr ? *one.tap : Wiretap::nobody()));
  }
  self->quorum_ =
      std::make_unique<ServiceLoop>(rest, service, joints, owners, options.sleep, options.outbox_parcels);
  return self;
}

uint64_t ManyThreads::rung() const {
  uint64_t sum = 0;
  for (const auto& bell : bells_) {
    sum += bell->rung();
  }
  return sum;
}

std::vector<ThreadView> ManyThreads::views() const {
  std::vector<ThreadView> views;
  for (const auto& loop : steering_) {
    views.push_back(loop->view());
  }
  views.push_back(quorum_->view());
  return views;
}

}  // namespace tercet::dataplane
