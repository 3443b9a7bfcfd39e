#pragma once
// The book a second time, from its description and not from its code: maps, whole copies, linear searches.
// Slow and plain; tests drive it beside the real one, the simulator's checker may as well. A value: undo is
// keeping an older copy.

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "license/naive_state.h"

namespace tercet::license {

class NaiveBook : public NaiveState {
 public:
  NaiveBook(Checks checks, const BookOptions& options) : NaiveState(options), checks_(std::move(checks)) {}

  std::vector<uint8_t> apply(const EntryView& entry) {
    if (entry.cell.ms > now_) {
      now_ = entry.cell.ms;
      ended_in_ms_ = purged_in_ms_ = 0;
    }
    wall_ = std::max(wall_, entry.wall.ms);
    const bool is_op = entry.kind == EntryKind::op;
    const unsigned purges = !is_op ? 128 : purged_in_ms_ <= 126 ? 128 - purged_in_ms_ : 2;
    for (unsigned n = 0; n < purges && !stones_.empty() && stones_.front().made + 600'000 <= now_; ++n) {
      stones_.pop_front();
      purged_in_ms_ += is_op ? 1U : 0U;
    }
    if (entry.kind != EntryKind::op) {
      EntryResult r{};
      r.expired = expire_all(64);
      r.code = static_cast<uint8_t>(other(entry));
      return bytes(r);
    }
    OpView op;
    if (!form(entry.op, op)) {
      expire_all(64);
      return bytes(with(Code::bad_request));
    }
    ended_in_ms_ += expire_for(op, ended_in_ms_ < 64 ? 64 - ended_in_ms_ : 0);
    return bytes(judge(op));
  }

 private:
  static bool lease_ok(uint32_t ms) { return ms == 0 || (ms >= 1'000 && ms <= 86'400'000); }
  static bool form(Bytes raw, OpView& op) {
    if (!parse_op(raw, op) || op.all.size() != raw.size()) {
      return false;
    }
    switch (op.kind) {
      case OpKind::checkout:
        return lease_ok(body<CheckoutBody>(op).lease_ms);
      case OpKind::renew:
        return lease_ok(body<RenewBody>(op).lease_ms);
      case OpKind::release:
      case OpKind::consume:
      case OpKind::import_constituent:
      case OpKind::import_notice:
        return true;
      default:
        return false;
    }
  }
  Code other(const EntryView& entry) {
    if (entry.kind == EntryKind::tick || entry.kind == EntryKind::epoch_start) {
      return Code::granted;
    }
    if (entry.kind == EntryKind::constituent_gone) {
      if (entry.op.size() != 8 || entry.op[0] > 2 || entry.op[1] > 1 ||
          std::ranges::any_of(entry.op.subspan(2), [](uint8_t byte) { return byte != 0; })) {
        return Code::malformed;
      }
      if (entry.op[1] == 1) {
        absent_.insert(entry.op[0]);
      } else {
        absent_.erase(entry.op[0]);
      }
      return Code::granted;
    }
    if (entry.kind != EntryKind::genesis) {
      return Code::bad_request;
    }
    if (!genesis_.empty()) {
      return Code::repeated;
    }
    GenesisView view;
    if (!parse_genesis(entry.op, view) || view.body->issuers > 32) {
      return Code::malformed;
    }
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      IntroductionView intro;
      if (view.introductions[slot].empty()) {
        continue;
      }
      if (!parse_introduction(view.introductions[slot], intro)) {
        container_of_.clear();
        return Code::malformed;
      }
      PublicKey key;
      std::memcpy(key.data(), intro.header->container_key, key.size());
      container_of_[slot] = key;
    }
    for (unsigned i = 0; i < view.body->issuers; ++i) {
      PublicKey key;
      std::memcpy(key.data(), view.issuers.data() + i * key.size(), key.size());
      issuers_.push_back(key);
    }
    genesis_ = std::string(as_text(entry.op));
    activation_id_ = std::string(reinterpret_cast<const char*>(view.body->activation_id), 16);
    return Code::granted;
  }

  /// `spare`: how many it may end that nobody waits for.
  unsigned expire_for(const OpView& op, unsigned spare) {
    unsigned ended = expire_some(1, [&](const Handle& handle, const Holder&) { return handle == op.handle; });
    if (op.kind == OpKind::checkout) {
      const std::string station = station_named(op);
      for (const Key& key : matching(body<CheckoutBody>(op))) {
        const Terms* t = serving(key);
        if (t != nullptr && t->mode == 4 && !station.empty() && stations(key)[station] == 1) {
          ended += expire_some(std::min(64 - ended, 1U), [&](const Handle&, const Holder& h) {
            return h.license == key && h.station == station;
          });
        }
        while (ended < 64) {
          const bool full = t != nullptr && t->quantity != 0 && seats_in_use(key) >= t->quantity;
          if ((ended >= spare && !full) ||
              expire_some(1, [&](const Handle&, const Holder& h) { return h.license == key; }) == 0) {
            break;
          }
          ++ended;
        }
      }
    }
    return ended + (ended < spare ? expire_all(spare - ended) : 0);
  }

  // --- the rules
  static std::string station_named(const OpView& checkout) {
    const auto b = body<CheckoutBody>(checkout);
    const std::string text(as_text(checkout.body.subspan(sizeof b)));
    return b.station_size != 0 ? text.substr(text.size() - b.station_size)
                               : text.substr(b.user_size, b.host_size);
  }
  OpResult judge(const OpView& op) {
    const auto holder = holders_.find(op.handle);
    const bool held = holder != holders_.end();
    Stone* const s = stone(op.handle);
    if (held || s != nullptr) {
      const uint32_t last = held ? holder->second.request : s->request;
      OpResult answer = held ? holder->second.last : s->answer;
      if (op.request <= last) {
        answer.flags = static_cast<uint8_t>(answer.flags | (op.request < last ? 1U : 0U));
        return answer;
      }
    }
    if (op.sent.ms < now_ - 300'000 || (op.kind == OpKind::checkout && op.sent.ms < forgotten_)) {
      return with(Code::stale);
    }
    if (op.sent.ms > now_ + 1'000) {
      return deny(op, with(Code::stale));
    }
    switch (op.kind) {
      case OpKind::checkout:
        return held || s != nullptr ? deny(op, with(Code::stale)) : checkout(op);
      case OpKind::renew:
        return held ? renew(op, holder->second) : deny(op, no_lease(s));
      case OpKind::release:
        return held ? release(op) : deny(op, no_lease(s));
      case OpKind::consume:
        return held ? consume(op, holder->second) : deny(op, no_lease(s));
      case OpKind::import_notice:
        return held ? deny(op, with(Code::stale)) : say(op, notice(op));
      default:
        return held ? deny(op, with(Code::stale)) : say(op, import(op));
    }
  }

  static OpResult no_lease(const Stone* stone) {
    OpResult out = with(stone != nullptr && stone->revoked ? Code::revoked : Code::unknown_handle);
    if (out.code == static_cast<uint8_t>(Code::revoked)) {
      out.tmr_id = stone->answer.tmr_id;
    }
    return out;
  }
  std::vector<Key> matching(const CheckoutBody& b) const {
    std::vector<Key> out;
    for (const auto& [key, held] : licenses_) {  // by firm, product, TMR-ID
      if (key.firm == b.firm && key.product == b.product && (b.tmr_id == 0 || key.tmr_id == b.tmr_id)) {
        out.push_back(key);
      }
    }
    return out;
  }
  /// granted, expired or not_yet_valid.
  [[nodiscard]] Code in_time(const Terms& t) const {
    const auto wall = static_cast<uint64_t>(wall_);
    if (wall < t.valid_from_ms) {
      return Code::not_yet_valid;
    }
    return t.valid_until_ms != 0 && wall >= t.valid_until_ms ? Code::expired : Code::granted;
  }

  /// Code and `features` of the denial that its constituents or its time bring, or granted.
  [[nodiscard]] OpResult out_of_service(const Key& key) const {
    const Terms* t = serving(key);
    if (licenses_.at(key).withdrawn) {
      return with(Code::revoked);
    }
    OpResult out = with(t == nullptr ? Code::only_one_constituent : in_time(*t));
    const Held& held = licenses_.at(key);
    if (out.code == 0 && t->usage_period_ms != 0 && held.first_use != 0 &&
        static_cast<uint64_t>(wall_) >= held.first_use + t->usage_period_ms) {
      out = with(Code::usage_period_over);
      out.features = held.first_use + t->usage_period_ms;
      return out;
    }
    if (t == nullptr) {
      for (const auto& [slot, terms] : licenses_.at(key).terms) {
        out.features = out.features | (here(held, slot) ? uint64_t{1} << slot : 0);
      }
    } else if (out.code == static_cast<uint8_t>(Code::expired)) {
      out.features = t->valid_until_ms;
    } else if (out.code == static_cast<uint8_t>(Code::not_yet_valid)) {
      out.features = t->valid_from_ms;
    }
    return out;
  }

  OpResult checkout(const OpView& op) {
    const auto b = body<CheckoutBody>(op);
    const uint64_t features = b.features;
    const std::string station = station_named(op);
    static const std::vector<Code> kOrder{
        Code::no_such_license, Code::revoked,           Code::only_one_constituent, Code::expired,
        Code::not_yet_valid,   Code::usage_period_over, Code::feature_not_licensed, Code::no_units_left,
        Code::bad_request,     Code::station_busy,      Code::no_free_seat};
    const auto rank = [](Code c) { return std::ranges::find(kOrder, c) - kOrder.begin(); };
    Code worst = Code::no_such_license;
    std::vector<OpResult> of_it;
    Key blamed{};
    for (const Key& key : matching(b)) {
      const Terms* t = serving(key);
      OpResult why = seats_of(key, OpResult{});
      why.tmr_id = key.tmr_id;
      Code code = Code::granted;
      if (const OpResult out = out_of_service(key); out.code != 0) {
        code = static_cast<Code>(out.code);
        why.features = out.features;
      } else if ((features & ~t->features) != 0) {
        code = Code::feature_not_licensed;
        why.features = features & ~t->features;
      } else if (t->metered != 0 && licenses_.at(key).units_used >= t->units) {
        code = Code::no_units_left;
      } else if (t->mode >= 3 && station.empty()) {
        code = Code::bad_request;
      } else if (t->mode == 4 && stations(key).contains(station)) {
        code = Code::station_busy;
      } else if (!(t->mode == 3 && stations(key).contains(station)) && t->quantity != 0 &&
                 seats_in_use(key) >= t->quantity) {
        code = Code::no_free_seat;
      } else {
        if (holders_.size() == options_.leases_max) {
          OpResult full = with(Code::book_full);
          full.tmr_id = key.tmr_id;
          return deny(op, full, &key);
        }
        return grant(op, b, key, *t);
      }
      why.code = static_cast<uint8_t>(code);
      if (rank(code) > rank(worst)) {
        worst = code;
        of_it.clear();
        blamed = key;
      }
      if (code == worst) {
        of_it.push_back(why);
      }
    }
    if (of_it.empty()) {
      return deny(op, with(worst));
    }
    OpResult answer = of_it.front();
    if (worst == Code::no_free_seat) {
      for (size_t i = 1; i < of_it.size(); ++i) {
        answer.in_use = answer.in_use + of_it[i].in_use;
        answer.quantity = answer.quantity + of_it[i].quantity;
        answer.tmr_id = 0;
      }
    }
    return deny(op, answer, &blamed);
  }

  static int64_t grace(int64_t lease_ms) { return std::max<int64_t>(1'000, lease_ms / 1'000); }

  OpResult grant(const OpView& op, const CheckoutBody& b, const Key& key, const Terms& t) {
    Holder h;
    std::set<uint32_t> used;
    for (const auto& [handle, other_holder] : holders_) {
      used.insert(other_holder.index);
    }
    while (used.contains(h.index)) {
      ++h.index;
    }
    h.license = key;
    h.seated = t.mode == 1;
    h.station = t.mode >= 3 ? station_named(op) : "";
    h.request = op.request;
    h.lease_ms =
        std::clamp<uint32_t>(b.lease_ms == 0 ? t.lease_ms : b.lease_ms.get(), t.lease_min_ms, t.lease_max_ms);
    h.end = now_ + h.lease_ms;
    h.due = h.end + grace(h.lease_ms);
    h.since_wall = wall_;
    h.end_wall = wall_ + h.lease_ms;
    h.text = std::string(as_text(op.body.subspan(offsetof(CheckoutBody, user_size))));
    Holder& placed = holders_.emplace(op.handle, h).first->second;
    placed.last = granted(placed, h.lease_ms, t);
    Held& use = licenses_.at(key);
    use.peak = std::max<uint32_t>(use.peak, placed.last.in_use);
    if (t.usage_period_ms != 0 && use.first_use == 0) {
      use.first_use = static_cast<uint64_t>(wall_);
    }
    return placed.last;
  }
  OpResult granted(const Holder& h, uint32_t lease_ms, const Terms& t) const {
    OpResult r = seats_of(h.license, OpResult{});
    r.tmr_id = h.license.tmr_id;
    r.lease_ms = lease_ms;
    r.features = t.features;
    r.lease_end_cell_ms = static_cast<uint64_t>(h.end);
    r.lease_end_wall_ms = static_cast<uint64_t>(h.end_wall);
    return r;
  }
  OpResult renew(const OpView& op, Holder& h) {
    const Terms* t = serving(h.license);
    if (const OpResult out = out_of_service(h.license); out.code != 0) {
      return deny(op, out);
    }
    const uint32_t wish = body<RenewBody>(op).lease_ms;
    const uint32_t lease_ms =
        std::clamp<uint32_t>(wish == 0 ? h.lease_ms : wish, t->lease_min_ms, t->lease_max_ms);
    h.end = std::max(h.end, now_ + lease_ms);
    h.due = std::max(h.due, now_ + lease_ms + grace(lease_ms));
    h.end_wall = std::max(h.end_wall, wall_ + lease_ms);
    h.request = op.request;
    h.last = granted(h, lease_ms, *t);
    return h.last;
  }
  OpResult consume(const OpView& op, Holder& h) {
    if (const OpResult out = out_of_service(h.license); out.code != 0) {
      return deny(op, out);
    }
    const Terms& t = *serving(h.license);
    uint64_t& used = licenses_.at(h.license).units_used;
    const uint64_t total = body<ConsumeBody>(op).total;
    const uint64_t left = used < t.units ? t.units - used : 0;
    const uint64_t wanted = total > h.units ? total - h.units : 0;
    if (t.metered == 0 || wanted > left) {
      OpResult out = with(Code::no_units_left);
      out.features = left;
      return deny(op, out);
    }
    used += wanted;
    h.units += wanted;
    OpResult r = seats_of(h.license, OpResult{});
    r.flags = 2;
    r.tmr_id = h.license.tmr_id;
    r.features = left - wanted;
    r.lease_end_cell_ms = static_cast<uint64_t>(h.end);
    r.lease_end_wall_ms = static_cast<uint64_t>(h.end_wall);
    h.request = op.request;
    h.last = r;
    return r;
  }
  OpResult release(const OpView& op) {
    const Key key = holders_.at(op.handle).license;
    holders_.erase(op.handle);
    OpResult r = seats_of(key, OpResult{});
    r.tmr_id = key.tmr_id;
    bury(op.handle, op.request, r);
    return r;
  }

  OpResult import(const OpView& op) {
    CheckedConstituent c;
    if (const Code code = checks_.constituent(op.body, issuers_, c); code != Code::granted) {
      OpResult r = with(code);
      r.tmr_id = c.terms.tmr_id;
      return r;
    }
    const Terms& t = c.terms;
    OpResult r{};
    r.tmr_id = t.tmr_id;
    const unsigned slot = slot_of(c.container_key);
    if (slot == kBackends) {
      r.code = static_cast<uint8_t>(is_revoked(c.container_key) ? Code::container_revoked
                                                                : Code::foreign_container);
      return r;
    }
    r.slot = static_cast<uint8_t>(slot + 1);
    if (t.mode < 1 || t.mode > 4) {
      r.code = static_cast<uint8_t>(Code::unsupported_mode);
      return r;
    }
    if (t.tmr_id == 0 || (t.mode != 2) != (t.quantity > 0) || t.lease_min_ms < 1'000 ||
        t.lease_max_ms > 86'400'000 || t.lease_ms < t.lease_min_ms || t.lease_ms > t.lease_max_ms ||
        (t.valid_until_ms != 0 && t.valid_until_ms <= t.valid_from_ms) || t.metered > 1 ||
        (t.metered == 0 && t.units != 0) || t.units >= 1ULL << 53U || t.usage_period_ms >= 1ULL << 53U) {
      r.code = static_cast<uint8_t>(Code::malformed);
      return r;
    }
    const Key key{t.firm, t.product, t.tmr_id};
    r.code = static_cast<uint8_t>(place(key, slot, t));
    if (licenses_.contains(key)) {
      r = seats_of(key, r);
      r.features = newest(key).features;
    }
    return r;
  }
  Code place(const Key& key, unsigned slot, const Terms& t) {
    if (licenses_.contains(key)) {
      const Held& held = licenses_.at(key);
      const Terms* now_serving = serving(key, true);
      const auto own = held.terms.find(slot);
      if (held.withdrawn) {
        return Code::revoked;
      }
      if (newest(key).issuer != t.issuer) {
        return Code::unknown_issuer;
      }
      const bool bound = own != held.terms.end() && held.bound_to.at(slot) == container_of_.at(slot);
      if (own != held.terms.end() && !bound && t.revision == own->second.revision) {
        return Code::older_revision;
      }
      if ((own != held.terms.end() && t.revision < own->second.revision) ||
          (now_serving != nullptr && t.revision < now_serving->revision)) {
        return Code::older_revision;
      }
      for (const auto& [at, terms] : held.terms) {
        if (terms.revision == t.revision && terms.properties != t.properties) {
          return Code::properties_differ;
        }
      }
      if (own != held.terms.end() && own->second.revision == t.revision) {
        return Code::repeated;
      }
    } else if (licenses_.size() == kLicensesMax) {
      return Code::book_full;
    }
    const auto order = static_cast<uint32_t>(licenses_.size());
    auto& held = licenses_.try_emplace(key, Held{.order = order}).first->second;
    held.terms[slot] = t;
    held.bound_to[slot] = container_of_.at(slot);
    return Code::granted;
  }
  [[nodiscard]] unsigned slot_of(const PublicKey& container) const {
    for (const auto& [slot, key] : container_of_) {
      if (key == container) {
        return slot;
      }
    }
    return kBackends;
  }
  [[nodiscard]] bool is_revoked(const PublicKey& container) const {
    return std::ranges::find(revoked_, container) != revoked_.end();
  }

  OpResult notice(const OpView& op) {
    CheckedNotice n;
    OpResult r = with(checks_.notice(op.body, issuers_, n));
    r.tmr_id = n.tmr_id;
    if (r.code != 0) {
      return r;
    }
    const bool container = n.kind == CheckedNotice::Kind::container;
    r.slot = static_cast<uint8_t>(container ? n.slot + 1 : 0);
    const Key key{n.firm, n.product, n.tmr_id};
    if (!licenses_.contains(key)) {
      r.code = static_cast<uint8_t>(n.tmr_id == 0 ? Code::malformed : Code::no_such_license);
      return r;
    }
    Held& held = licenses_.at(key);
    Code code = Code::granted;
    if (newest(key).issuer != n.issuer) {
      code = Code::unknown_issuer;
    } else if (held.withdrawn) {
      code = container ? Code::revoked : Code::repeated;
    } else if (!container) {
      held.withdrawn = true;
    } else {
      code = replace(n);
    }
    r.code = static_cast<uint8_t>(code);
    return seats_of(key, r);
  }
  Code replace(const CheckedNotice& n) {
    const auto here = container_of_.find(n.slot);
    const bool named =
        std::ranges::any_of(n.revoked, [&](const PublicKey& k) { return slot_of(k) == n.slot; });
    const bool others = std::ranges::any_of(
        n.revoked, [&](const PublicKey& k) { return slot_of(k) != n.slot && slot_of(k) != kBackends; });
    if (as_text(n.activation_id) != activation_id_) {
      return Code::foreign_container;
    }
    if (is_revoked(n.container.key)) {
      return Code::container_revoked;
    }
    if (here != container_of_.end() && here->second == n.container.key) {
      return Code::repeated;
    }
    if (slot_of(n.container.key) != kBackends || others || (here != container_of_.end() && !named)) {
      return Code::foreign_container;
    }
    std::vector<PublicKey> revoked = revoked_;
    for (const PublicKey& k : n.revoked) {
      if (std::ranges::find(revoked, k) == revoked.end()) {
        revoked.push_back(k);
      }
    }
    if (revoked.size() > 64) {
      return Code::book_full;
    }
    revoked_ = revoked;
    container_of_[n.slot] = n.container.key;
    ++replaced_[n.slot];
    return Code::granted;
  }

  Checks checks_;
  std::vector<PublicKey> issuers_;
  std::string activation_id_;
};

}  // namespace tercet::license
