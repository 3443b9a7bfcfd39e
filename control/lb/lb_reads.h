#pragma once
// What the admin interface shows of licenses, leases and use: reads by quorum, asked as any client would,
// through a QueryChannel to this LB's own data plane, with an access key of its own (an LB holds the client
// master key). So the polling thread has no second way in, and what is shown is as right as what `tercet
// licenses` shows. On a standby the answer is NOT_ACTIVE.

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>

#include "control/lb/query_channel.h"
#include "wire/op.h"
#include "wire/seal/client_keyring.h"

namespace tercet::control {

/// The access id of the admin interface's own client; `tercet cell init` gives out 1.
inline constexpr AccessId kAdminAccess{0xFFFF'FFFE};

class LbReads {
 public:
  /// `lb` holds the client master key.
  LbReads(const seal::ServerKeys& lb, std::unique_ptr<QueryChannel> channel);
  LbReads(const LbReads&) = delete;
  LbReads& operator=(const LbReads&) = delete;

  /// The JSON document, or why there is none (the cell's code, or "no answer").
  tl::expected<std::string, std::string> licenses() { return list(OpKind::read_licenses); }
  tl::expected<std::string, std::string> leases() { return list(OpKind::read_leases); }
  tl::expected<std::string, std::string> usage() { return list(OpKind::read_usage); }

 private:
  tl::expected<std::string, std::string> list(OpKind kind);
  /// One page's answer, in `in_`.
  tl::expected<Bytes, std::string> ask(OpKind kind, uint64_t cursor);

  std::mutex mutex_;  ///< one question at a time
  seal::ClientKeyring keyring_;
  std::unique_ptr<QueryChannel> channel_;
  uint32_t number_ = 0;
  std::array<uint8_t, kSealedMax> out_{};
  std::array<uint8_t, 2048> in_{};
};

}  // namespace tercet::control
