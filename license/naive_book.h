#pragma once
// The book a second time, from its description and not from its code: maps, whole copies, linear searches.
// Slow and plain; tests drive it beside the real one, the simulator's checker may as well. A value: undo is
// keeping an older copy.

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "license/book.h"

namespace tercet::license {

class NaiveBook {
 public:
  struct Key {
    uint32_t firm, product, tmr_id;
    auto operator<=>(const Key&) const = default;
  };
  struct Holder {
    uint32_t index = 0;
    Key license{};
    bool seated = false;
    std::string station;  ///< whose seat it shares; "": none's
    uint32_t request = 0;
    uint32_t lease_ms = 0;
    int64_t end = 0, due = 0, end_wall = 0, since_wall = 0;
    std::string text;  ///< sizes and texts
    uint64_t units = 0;
    OpResult last{};
  };
  struct Stone {
    Handle handle;
    int64_t made = 0;
    uint32_t request = 0;
    OpResult answer{};
  };
  struct Held {
    std::map<unsigned, Terms> terms;  ///< by slot
    uint32_t order = 0;               ///< of first import
    uint64_t first_use = 0, units_used = 0;
    uint32_t peak = 0;
    std::map<Code, uint64_t> denied;
  };

  NaiveBook(ConstituentCheck check, const BookOptions& options)
      : check_(std::move(check)), options_(options) {}

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

  [[nodiscard]] bool leases_live() const { return !holders_.empty(); }
  [[nodiscard]] bool more_due() const {
    return std::ranges::any_of(holders_, [this](const auto& h) { return h.second.due <= now_; });
  }
  [[nodiscard]] const std::map<Handle, Holder>& holders() const { return holders_; }
  [[nodiscard]] const std::map<Key, Held>& licenses() const { return licenses_; }
  [[nodiscard]] uint32_t seats_in_use(const Key& key) const {
    uint32_t n = 0;
    for (const auto& [handle, holder] : holders_) {
      n += holder.license == key && holder.seated ? 1U : 0U;
    }
    return n + static_cast<uint32_t>(stations(key).size());
  }
  /// How many handles of a license each station has.
  [[nodiscard]] std::map<std::string, unsigned> stations(const Key& key) const {
    std::map<std::string, unsigned> out;
    for (const auto& [handle, holder] : holders_) {
      if (holder.license == key && !holder.station.empty()) {
        ++out[holder.station];
      }
    }
    return out;
  }
  [[nodiscard]] const Terms* serving(const Key& key) const {
    const Held& held = licenses_.at(key);
    for (const auto& [slot, terms] : held.terms) {
      for (const auto& [other_slot, other_terms] : held.terms) {
        if (slot != other_slot && terms.revision == other_terms.revision) {
          return &terms;
        }
      }
    }
    return nullptr;
  }

  /// All of the state: equal exactly when the books are.
  [[nodiscard]] std::string dump() const {
    std::string out;
    put(out, now_), put(out, wall_), put(out, forgotten_);
    put(out, ended_in_ms_), put(out, purged_in_ms_);
    out += genesis_;
    put_denied(out, denied_);
    for (const auto& [key, held] : licenses_) {
      put(out, key), put(out, held.order), put(out, held.first_use), put(out, held.units_used);
      put(out, held.peak);
      put_denied(out, held.denied);
      for (const auto& [slot, terms] : held.terms) {
        put(out, slot), put(out, terms);
      }
    }
    for (const auto& [handle, h] : holders_) {
      put(out, handle), put(out, h.index), put(out, h.license), put(out, h.seated), put(out, h.request);
      out += h.station + "|";
      put(out, h.lease_ms), put(out, h.end), put(out, h.due), put(out, h.end_wall), put(out, h.since_wall);
      put(out, h.last), put(out, h.units);
      out += h.text + "|";
    }
    // Stones are compared by what they are; how they stand follows from when they were made, except among
    // equals, where nothing but an early push-out depends on it.
    std::vector<std::string> stones;
    for (const Stone& s : stones_) {
      std::string one;
      put(one, s.handle), put(one, s.made), put(one, s.request), put(one, s.answer);
      stones.push_back(one);
    }
    std::ranges::sort(stones);
    for (const std::string& s : stones) {
      out += s;
    }
    return out;
  }

  [[nodiscard]] const std::map<Code, uint64_t>& denied_to_nobody() const { return denied_; }

 private:
  static void put_denied(std::string& out, const std::map<Code, uint64_t>& denied) {
    for (const auto& [code, n] : denied) {
      put(out, code), put(out, n);
    }
    out += ";";
  }
  template <class T>
  static void put(std::string& out, const T& value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  template <class T>
  static std::vector<uint8_t> bytes(const T& value) {
    const auto* raw = reinterpret_cast<const uint8_t*>(&value);
    return {raw, raw + sizeof value};
  }
  static OpResult with(Code code) {
    OpResult r{};
    r.code = static_cast<uint8_t>(code);
    return r;
  }
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
        return true;
      default:
        return false;
    }
  }
  template <class T>
  static T body(const OpView& op) {
    T out;
    std::memcpy(static_cast<void*>(&out), op.body.data(), sizeof out);
    return out;
  }

  Code other(const EntryView& entry) {
    if (entry.kind == EntryKind::tick || entry.kind == EntryKind::epoch_start) {
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
        containers_.clear();
        return Code::malformed;
      }
      PublicKey key;
      std::memcpy(key.data(), intro.header->container_key, key.size());
      containers_.push_back({key, slot});
    }
    for (unsigned i = 0; i < view.body->issuers; ++i) {
      PublicKey key;
      std::memcpy(key.data(), view.issuers.data() + i * key.size(), key.size());
      issuers_.push_back(key);
    }
    genesis_ = std::string(as_text(entry.op));
    return Code::granted;
  }

  // --- ends
  void end(std::map<Handle, Holder>::iterator it) {
    bury(it->first, it->second.request, it->second.last);
    holders_.erase(it);
  }
  template <class Of>
  unsigned expire_some(unsigned budget, Of of) {
    unsigned ended = 0;
    while (ended < budget) {
      auto first = holders_.end();
      for (auto it = holders_.begin(); it != holders_.end(); ++it) {
        const Holder& h = it->second;
        if (h.due <= now_ && of(it->first, h) &&
            (first == holders_.end() ||
             std::pair(h.due, h.index) < std::pair(first->second.due, first->second.index))) {
          first = it;
        }
      }
      if (first == holders_.end()) {
        break;
      }
      end(first);
      ++ended;
    }
    return ended;
  }
  unsigned expire_all(unsigned budget) {
    return expire_some(budget, [](const Handle&, const Holder&) { return true; });
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

  // --- what is remembered
  void bury(const Handle& handle, uint32_t request, const OpResult& answer) {
    if (stones_.size() == options_.tombstones_max) {
      forgotten_ = std::max(forgotten_, stones_.front().made + 1'001);
      stones_.pop_front();
    }
    stones_.push_back({handle, now_, request, answer});
  }
  Stone* stone(const Handle& handle) {
    const auto it = std::ranges::find_if(stones_, [&](const Stone& s) { return s.handle == handle; });
    return it == stones_.end() ? nullptr : &*it;
  }
  /// Answers, and remembers it as the handle's last word.
  OpResult say(const OpView& op, OpResult answer) {
    if (const auto it = holders_.find(op.handle); it != holders_.end()) {
      Holder& h = it->second;
      answer = seats_of(h.license, answer);
      answer.tmr_id = h.license.tmr_id;
      answer.lease_end_cell_ms = static_cast<uint64_t>(h.end);
      answer.lease_end_wall_ms = static_cast<uint64_t>(h.end_wall);
      h.request = op.request;
      h.last = answer;
    } else if (Stone* s = stone(op.handle)) {
      s->request = op.request;
      s->answer = answer;
    } else {
      bury(op.handle, op.request, answer);
    }
    return answer;
  }

  /// The same of a denial, which is counted: where its handle has a lease, or for `key`, or for nobody.
  OpResult deny(const OpView& op, OpResult answer, const Key* key = nullptr) {
    const auto it = holders_.find(op.handle);
    auto& counts = it != holders_.end() ? licenses_.at(it->second.license).denied
                   : key != nullptr     ? licenses_.at(*key).denied
                                        : denied_;
    ++counts[static_cast<Code>(answer.code)];
    return say(op, answer);
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
        return held ? renew(op, holder->second) : deny(op, with(Code::unknown_handle));
      case OpKind::release:
        return held ? release(op) : deny(op, with(Code::unknown_handle));
      case OpKind::consume:
        return held ? consume(op, holder->second) : deny(op, with(Code::unknown_handle));
      default:
        return held ? deny(op, with(Code::stale)) : say(op, import(op));
    }
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
  [[nodiscard]] const Terms& newest(const Key& key) const {
    if (const Terms* terms = serving(key)) {
      return *terms;
    }
    const auto& held = licenses_.at(key).terms;
    return std::ranges::max_element(held, {}, [](const auto& t) { return t.second.revision; })->second;
  }
  [[nodiscard]] OpResult seats_of(const Key& key, OpResult out) const {
    const Terms& t = newest(key);
    if (t.quantity == 0) {
      uint32_t n = 0;
      for (const auto& [handle, h] : holders_) {
        n += h.license == key ? 1U : 0U;
      }
      out.in_use = n;
      out.quantity = 0;
      out.seats_left = UINT32_MAX;
    } else {
      const uint32_t n = seats_in_use(key);
      out.in_use = n;
      out.quantity = t.quantity;
      out.seats_left = t.quantity > n ? t.quantity - n : 0;
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
        out.features = out.features | uint64_t{1} << slot;
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
        Code::no_such_license,   Code::only_one_constituent, Code::expired,       Code::not_yet_valid,
        Code::usage_period_over, Code::feature_not_licensed, Code::no_units_left, Code::bad_request,
        Code::station_busy,      Code::no_free_seat};
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
    if (const Code code = check_(op.body, issuers_, c); code != Code::granted) {
      OpResult r = with(code);
      r.tmr_id = c.terms.tmr_id;
      return r;
    }
    const Terms& t = c.terms;
    OpResult r{};
    r.tmr_id = t.tmr_id;
    const auto mine =
        std::ranges::find_if(containers_, [&](const auto& x) { return x.first == c.container_key; });
    if (mine == containers_.end()) {
      r.code = static_cast<uint8_t>(Code::foreign_container);
      return r;
    }
    const unsigned slot = mine->second;
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
      const Terms* now_serving = serving(key);
      const auto own = held.terms.find(slot);
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
    auto& held = licenses_.try_emplace(key, Held{{}, order, 0, 0, 0, {}}).first->second;
    held.terms[slot] = t;
    return Code::granted;
  }

  ConstituentCheck check_;
  BookOptions options_;
  int64_t now_ = 0;
  int64_t wall_ = 0;
  int64_t forgotten_ = 0;
  unsigned ended_in_ms_ = 0, purged_in_ms_ = 0;  ///< by operations
  std::string genesis_;
  std::vector<PublicKey> issuers_;
  std::vector<std::pair<PublicKey, unsigned>> containers_;
  std::map<Key, Held> licenses_;
  std::map<Handle, Holder> holders_;
  std::deque<Stone> stones_;
  std::map<Code, uint64_t> denied_;  ///< where no license is to blame
};

}  // namespace tercet::license
