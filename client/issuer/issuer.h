#pragma once
// An issuer: a folder with its signing key, its TMR-ID counter and its record of what it issued.
//
//   issuer.key     {"tercet_issuer_key": 1, "key_id": "…", "secret": "<seed>"}         mode 0600; never
//   leaves this folder issuer.pub     {"tercet_issuer": 1, "key_id": "…", "public_key": "<base64url>"} goes
//   into the cells' configuration counter.json   {"next_tmr_id": 1} issued.jsonl   a line for each license:
//   {"at", "tmr_id", "firm_code", …, "containers": [{"serial", "slot"}…]}
//
// TMR-IDs are consecutive. The counter moves on durably before a license leaves: a crash skips a number,
// never gives one twice. Two processes at once wait for each other (a lock on the folder). Errors are one
// line.

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "wire/seal/container.h"
#include "wire/seal/license_file.h"

namespace tercet::issuer {

struct NewLicense {
  uint32_t firm = 0;
  uint32_t product = 0;
  std::optional<uint32_t> tmr_id{};  ///< absent: the next
  std::string name;                  ///< "": "firm F product P"
  seal::LicenseMode mode = seal::LicenseMode::user_limit;
  uint32_t quantity = 0;
  uint64_t features = 0;
  std::optional<WallTime> valid_from{}, valid_until{};
  std::optional<uint64_t> usage_period_ms{};  ///< from its first checkout on; absent: no end
  std::optional<uint64_t> units{};            ///< absent: it has none
  std::optional<uint32_t> lease_ms{};         ///< the default of its checkouts; absent: 60 s
};

struct Issued {
  uint32_t tmr_id = 0;
  std::vector<seal::LicenseText> texts;  ///< of its constituents
  seal::LicenseFile file;
};

class Issuer {
 public:
  /// Makes the folder and its files. An issuer that is there already is left alone, with an error.
  static tl::expected<Issuer, std::string> init(const std::string& folder);
  static tl::expected<Issuer, std::string> open(const std::string& folder);

  [[nodiscard]] const seal::PublicKey& public_key() const { return key_.public_key(); }
  [[nodiscard]] std::string public_file() const { return folder_ + "/issuer.pub"; }

  /// Signs one constituent for each of the three containers, writes the record, then `file`, which must not
  /// be there, or be empty. `now`: the time of issue. What is refused uses no TMR-ID up.
  tl::expected<Issued, std::string> issue(const NewLicense& license,
                                          const std::vector<seal::ContainerRequest>& requests, WallTime now,
                                          const std::string& file);

  /// The license anew, with the constituent of the request's slot bound to that container: same TMR-ID and
  /// properties, the next revision, and a notice that revokes the containers before it. Otherwise as issue().
  tl::expected<Issued, std::string> reissue(uint32_t tmr_id, const seal::ContainerRequest& request,
                                            WallTime now, const std::string& file);
  /// A file that withdraws the license, for ever. Returns what was withdrawn.
  tl::expected<seal::LicenseText, std::string> withdraw(uint32_t tmr_id, WallTime now,
                                                        const std::string& file);

 private:
  Issuer(std::string folder, seal::SigningKey key) : folder_(std::move(folder)), key_(std::move(key)) {}
  [[nodiscard]] tl::expected<uint64_t, std::string> next_tmr_id() const;  ///< 2^32: none is left

  std::string folder_;
  seal::SigningKey key_;
};

/// The public key in an issuer.pub (or in an issuer's folder).
tl::expected<seal::PublicKey, std::string> read_issuer_public(const std::string& path);

}  // namespace tercet::issuer
