#pragma once
// An issuer's record, issued.jsonl: a line for each license that it issued or reissued, with the constituents
// themselves, and for each that it withdrew. What is issued later about a license follows from it.

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "client/issuer/issuer.h"

namespace tercet::issuer {

struct Record {
  struct Line {
    uint32_t tmr_id = 0;
    std::vector<seal::LicenseText> texts;  ///< of its constituents; none in a line of an older version
    bool withdrawn = false;
  };
  std::vector<Line> lines;  ///< oldest first

  [[nodiscard]] bool named(uint32_t tmr_id) const;
  [[nodiscard]] bool withdrawn(uint32_t tmr_id) const;
  /// The constituents as they were issued last; null: not issued here, or by an older version.
  [[nodiscard]] const std::vector<seal::LicenseText>* newest(uint32_t tmr_id) const;
  /// The keys of the containers that had that slot of a cell, as far as licenses were bound to them, the last
  /// one last; without `but`.
  [[nodiscard]] std::vector<seal::PublicKey> containers(const std::string& activation_id, Slot slot,
                                                        const seal::PublicKey& but) const;
};
/// `folder`: the issuer's. The error is one line.
tl::expected<Record, std::string> read_record(const std::string& folder);

/// Lines for it, without the line's end.
std::string record_line(const Issued& issued, WallTime at, const std::string& file);
std::string withdrawn_line(const seal::LicenseText& text, WallTime at, const std::string& file);

}  // namespace tercet::issuer
