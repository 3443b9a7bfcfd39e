#pragma once
// Key files: JSON, mode 0600. A server's lets it speak only as itself; a client's opens one access id. Errors
// are one line that begins with the file's path.
//
//   {"tercet_server_key": 1, "cell_id": "0123456789abcdef", "server": "lb1", "aead": "aes-256-gcm",
//    "pairs": {"lb2": "<base64url, 32 bytes>", "b1": …}, "client_master": "<…>"}      client_master: lb1, lb2
//   {"tercet_client_key": 1, "cell_id": "0123456789abcdef", "access_id": 1, "aead": "aes-256-gcm",
//   "access_key": "<…>"}

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "wire/seal/keys.h"

namespace tercet::seal {

/// A cell id as people and files write it: 16 lower-case hex digits.
std::string text_of(CellId cell);
tl::expected<CellId, std::string> parse_cell_id(std::string_view text);
/// "lb1" … "b3".
tl::expected<ServerId, std::string> parse_server_id(std::string_view name);

/// A new cell's keys: random cell id, ten pair keys, a client master key, one client's access key.
struct CellKeys {
  std::array<ServerKeys, kServers> servers;
  ClientKeys client;
};
CellKeys generate_cell_keys(Algorithm aead, AccessId client_access = AccessId{1});
/// The key of a further client of the cell whose LB `lb` is. `lb.client_master` must be there.
ClientKeys client_keys(const ServerKeys& lb, AccessId access);

/// `expected`: the cell that the configuration names; a key file of another is refused.
tl::expected<ServerKeys, std::string> read_server_keys(const std::string& path,
                                                       std::optional<CellId> expected = {});
tl::expected<ClientKeys, std::string> read_client_keys(const std::string& path,
                                                       std::optional<CellId> expected = {});
/// Made with O_EXCL and mode 0600: a key file is never written over.
tl::expected<void, std::string> write_server_keys(const std::string& path, const ServerKeys& keys);
tl::expected<void, std::string> write_client_keys(const std::string& path, const ClientKeys& keys);

}  // namespace tercet::seal
