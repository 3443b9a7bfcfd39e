#include "license/licenses.h"

#include <algorithm>

namespace tercet::license {

const Terms* License::in_force() const {
  // Of three places at most one kind of terms stands in two.
  const Terms* newest = nullptr;
  for (unsigned a = 0; a < kBackends; ++a) {
    for (unsigned b = 0; b < kBackends; ++b) {
      const bool shared =
          a != b && present[a] != 0 && present[b] != 0 && terms[a].properties == terms[b].properties;
      if (shared && (newest == nullptr || terms[a].revision > newest->revision)) {
        newest = &terms[a];
      }
    }
  }
  return newest;
}

const Terms& License::shown() const {
  if (const Terms* force = in_force()) {
    return *force;
  }
  const Terms* newest = &terms[0];
  for (const Terms& t : terms) {
    if (t.revision > newest->revision || newest->tmr_id == 0) {
      newest = &t;
    }
  }
  return *newest;
}

uint8_t License::present_bits() const {
  return static_cast<uint8_t>(present[0] | present[1] << 1U | present[2] << 2U);
}

uint8_t License::sharing_bits() const {
  const Terms* force = in_force();
  unsigned bits = 0;
  for (unsigned slot = 0; force != nullptr && slot < kBackends; ++slot) {
    const bool shares = present[slot] != 0 && terms[slot].properties == force->properties;
    bits |= shares ? 1U << slot : 0U;
  }
  return static_cast<uint8_t>(bits);
}

Code validity(const Terms& terms, int64_t wall_ms) {
  const uint64_t wall = wall_ms > 0 ? static_cast<uint64_t>(wall_ms) : 0;
  if (wall < terms.valid_from_ms) {
    return Code::not_yet_valid;
  }
  return terms.valid_until_ms != 0 && wall >= terms.valid_until_ms ? Code::expired : Code::granted;
}

Hash128 hash_of(uint32_t index, const License& license) {
  return hash128({reinterpret_cast<const uint8_t*>(&license), sizeof license}, 0x6c696373ULL << 32U | index);
}

Licenses::Licenses() : licenses_(kLicensesMax), tmr_ids_(kLicensesMax), sharing_(kLicensesMax) {
  sorted_.reserve(kLicensesMax);
}

std::span<const Licenses::Match> Licenses::matching(uint32_t firm, uint32_t product, uint32_t tmr_id) const {
  const Match from{firm, product, tmr_id, 0};
  const Match to{firm, product, tmr_id == 0 ? UINT32_MAX : tmr_id, UINT32_MAX};
  const auto first = std::lower_bound(sorted_.begin(), sorted_.end(), from);
  const auto last = std::upper_bound(first, sorted_.end(), to);
  return {first, last};
}

uint32_t Licenses::find(uint32_t firm, uint32_t product, uint32_t tmr_id) const {
  const auto found = matching(firm, product, tmr_id);
  return found.empty() ? kNone : found.front().index;
}

void Licenses::add(const License& license) {
  TERCET_CHECK(size_ < kLicensesMax, "licenses: full");
  const Terms& t = license.shown();
  const Match match{t.firm, t.product, t.tmr_id, size_};
  sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), match), match);
  tmr_ids_[size_] = t.tmr_id;
  put(size_++, license);
}

void Licenses::pop() {
  TERCET_CHECK(size_ > 0, "licenses: none");
  --size_;
  std::erase_if(sorted_, [this](const Match& match) { return match.index == size_; });
}

void Licenses::change(uint32_t index, const License& license) { put(index, license); }

void Licenses::put(uint32_t index, const License& license) {
  licenses_[index] = license;
  sharing_[index] = licenses_[index].sharing_bits();
}

void Licenses::clear() {
  licenses_.clear();
  tmr_ids_.clear();
  sharing_.clear();
  size_ = 0;
  sorted_.clear();
}

}  // namespace tercet::license
