#pragma once
// What the naive book (naive_book.h) knows, and the plain ways in which it looks at that and remembers.

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "license/book.h"

namespace tercet::license {

class NaiveState {
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
    bool revoked = false;
  };
  struct Held {
    std::map<unsigned, Terms> terms{};  ///< by slot
    std::map<unsigned, PublicKey> bound_to{};
    bool withdrawn = false;
    uint32_t order = 0;  ///< of first import
    uint64_t first_use = 0, units_used = 0;
    uint32_t peak = 0;
    std::map<Code, uint64_t> denied{};
  };

  explicit NaiveState(const BookOptions& options) : options_(options) {}

  [[nodiscard]] bool leases_live() const { return !holders_.empty(); }
  [[nodiscard]] bool more_due() const {
    return std::ranges::any_of(holders_, [this](const auto& h) { return over(h.second); });
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
  [[nodiscard]] bool over(const Holder& h) const {
    return h.due <= now_ || licenses_.at(h.license).withdrawn;
  }
  /// It counts: its slot is not absent, and has the container that it is bound to.
  [[nodiscard]] bool here(const Held& held, unsigned slot) const {
    return !absent_.contains(slot) && container_of_.contains(slot) &&
           container_of_.at(slot) == held.bound_to.at(slot);
  }
  /// Constituents that share terms, of two slots that count (or, `whether_here` or not); the newer.
  [[nodiscard]] const Terms* serving(const Key& key, bool whether_here = false) const {
    const Held& held = licenses_.at(key);
    const Terms* newest = nullptr;
    if (held.withdrawn && !whether_here) {
      return nullptr;
    }
    for (const auto& [slot, terms] : held.terms) {
      for (const auto& [other_slot, other_terms] : held.terms) {
        const bool count = whether_here || (here(held, slot) && here(held, other_slot));
        if (count && slot != other_slot && terms.properties == other_terms.properties &&
            (newest == nullptr || terms.revision > newest->revision)) {
          newest = &terms;
        }
      }
    }
    return newest;
  }

  /// All of the state: equal exactly when the books are.
  [[nodiscard]] std::string dump() const {
    std::string out;
    put(out, now_), put(out, wall_), put(out, forgotten_);
    put(out, ended_in_ms_), put(out, purged_in_ms_);
    out += genesis_;
    for (const unsigned slot : absent_) {
      put(out, slot);
    }
    for (const auto& [slot, key] : container_of_) {
      put(out, slot), put(out, key);
    }
    for (const auto& [slot, times] : replaced_) {
      put(out, slot), put(out, times);
    }
    for (const PublicKey& key : revoked_) {
      put(out, key);
    }
    put_denied(out, denied_);
    for (const auto& [key, held] : licenses_) {
      put(out, key), put(out, held.order), put(out, held.first_use), put(out, held.units_used);
      put(out, held.peak), put(out, held.withdrawn);
      put_denied(out, held.denied);
      for (const auto& [slot, terms] : held.terms) {
        put(out, slot), put(out, terms), put(out, held.bound_to.at(slot));
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
      put(one, s.handle), put(one, s.made), put(one, s.request), put(one, s.answer), put(one, s.revoked);
      stones.push_back(one);
    }
    std::ranges::sort(stones);
    for (const std::string& s : stones) {
      out += s;
    }
    return out;
  }

  [[nodiscard]] const std::map<Code, uint64_t>& denied_to_nobody() const { return denied_; }

 protected:
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
  template <class T>
  static T body(const OpView& op) {
    T out;
    std::memcpy(static_cast<void*>(&out), op.body.data(), sizeof out);
    return out;
  }

  [[nodiscard]] const Terms& newest(const Key& key) const {
    if (const Terms* terms = serving(key, true)) {
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
  // --- ends
  void end(std::map<Handle, Holder>::iterator it) {
    bury(it->first, it->second.request, it->second.last, licenses_.at(it->second.license).withdrawn);
    holders_.erase(it);
  }
  template <class Of>
  unsigned expire_some(unsigned budget, Of of) {
    unsigned ended = 0;
    while (ended < budget) {
      auto first = holders_.end();
      for (auto it = holders_.begin(); it != holders_.end(); ++it) {
        const Holder& h = it->second;
        if (over(h) && of(it->first, h) && (first == holders_.end() || order(h) < order(first->second))) {
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
  /// Who goes first.
  [[nodiscard]] std::tuple<bool, int64_t, uint32_t> order(const Holder& h) const {
    return {!licenses_.at(h.license).withdrawn, h.due, h.index};
  }
  unsigned expire_all(unsigned budget) {
    return expire_some(budget, [](const Handle&, const Holder&) { return true; });
  }
  // --- what is remembered
  void bury(const Handle& handle, uint32_t request, const OpResult& answer, bool revoked = false) {
    if (stones_.size() == options_.tombstones_max) {
      forgotten_ = std::max(forgotten_, stones_.front().made + 1'001);
      stones_.pop_front();
    }
    stones_.push_back({handle, now_, request, answer, revoked});
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

  BookOptions options_;
  int64_t now_ = 0;
  int64_t wall_ = 0;
  int64_t forgotten_ = 0;
  unsigned ended_in_ms_ = 0, purged_in_ms_ = 0;  ///< by operations
  std::string genesis_;
  std::set<unsigned> absent_;                   ///< slots
  std::map<unsigned, PublicKey> container_of_;  ///< by slot
  std::vector<PublicKey> revoked_;
  std::map<unsigned, unsigned> replaced_;  ///< how often, by slot
  std::map<Key, Held> licenses_;
  std::map<Handle, Holder> holders_;
  std::deque<Stone> stones_;
  std::map<Code, uint64_t> denied_;  ///< where no license is to blame
};

}  // namespace tercet::license
