#pragma once
// What the admin interface shows of licenses and leases: reads by quorum, asked as any client would, over a
// socket to this LB's own client address, with an access key of its own (an LB holds the client master key).
// So the polling thread has no second way in, and what is shown is as right as what `tercet licenses` shows.
// On a standby the answer is NOT_ACTIVE.

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>

#include "wire/endpoint.h"
#include "wire/op.h"
#include "wire/seal/client_keyring.h"

namespace tercet::control {

/// The access id of the admin interface's own client; `tercet cell init` gives out 1.
inline constexpr AccessId kAdminAccess{0xFFFF'FFFE};

class LbReads {
 public:
  /// `lb` holds the client master key; `at`: this LB's own client address. The error is one line.
  static tl::expected<std::unique_ptr<LbReads>, std::string> open(const seal::ServerKeys& lb,
                                                                  const Endpoint& at);
  ~LbReads();
  LbReads(const LbReads&) = delete;
  LbReads& operator=(const LbReads&) = delete;

  /// The JSON document, or why there is none (the cell's code, or "no answer").
  tl::expected<std::string, std::string> licenses() { return list(OpKind::read_licenses); }
  tl::expected<std::string, std::string> leases() { return list(OpKind::read_leases); }

 private:
  LbReads(const seal::ClientKeys& keys, int socket) : keyring_(keys), socket_(socket) {}
  tl::expected<std::string, std::string> list(OpKind kind);
  /// One page's answer, in `in_`.
  tl::expected<Bytes, std::string> ask(OpKind kind, uint64_t cursor);

  std::mutex mutex_;  ///< one question at a time
  seal::ClientKeyring keyring_;
  int socket_;
  uint32_t number_ = 0;
  std::array<uint8_t, kSealedMax> out_{};
  std::array<uint8_t, 2048> in_{};
};

}  // namespace tercet::control
