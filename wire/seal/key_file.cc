#include "wire/seal/key_file.h"

#include <cstdio>

#include "base/check.h"
#include "wire/seal/keyring.h"
#include "wire/seal/private_file.h"
#include "wire/seal/strict_json.h"

namespace tercet::seal {
namespace {

using nlohmann::json;

constexpr size_t kKeyFileMax = 8 << 10;
constexpr const char* kRemedy = ": give the file that tercet cell init wrote";

constexpr ServerId server(unsigned i) { return static_cast<ServerId>(i); }

Key read_key(JsonReader& reader, const char* name) {
  Key key;
  const std::string text = reader.text(name);
  if (!from_base64url(text, key.bytes)) {
    reader.fault(std::string("\"") + name + "\" is not a key: 32 bytes in base64url are 43 characters");
  }
  return key;
}

CellId read_cell(JsonReader& reader, std::optional<CellId> expected) {
  const auto cell = parse_cell_id(reader.text("cell_id"));
  if (!cell) {
    reader.fault(cell.error());
    return {};
  }
  if (expected && *cell != *expected) {
    reader.fault("is of cell " + text_of(*cell) + ", but the configuration names cell " + text_of(*expected));
  }
  return *cell;
}

Algorithm read_algorithm(JsonReader& reader) {
  const auto algorithm = parse_algorithm(reader.text("aead"));
  if (!algorithm) {
    reader.fault(algorithm.error());
    return Algorithm::aes_256_gcm;
  }
  if (!available(*algorithm)) {
    reader.fault(
        "the cell uses aes-256-gcm, but this machine's CPU has no AES instructions; make the cell's keys "
        "with "
        "\"chacha20-poly1305\"");
  }
  return *algorithm;
}

void read_pairs(JsonReader& reader, ServerKeys& keys) {
  const json* pairs = reader.member("pairs");
  if (pairs == nullptr || !pairs->is_object()) {
    reader.fault("\"pairs\" is missing or not an object");
    return;
  }
  JsonReader members(*pairs);
  for (unsigned i = 0; i < kServers; ++i) {
    if (i != index(keys.self)) {
      keys.pairs[i] = read_key(members, name_of(server(i)));
    }
  }
  const std::string fault = members.finish();
  if (!fault.empty()) {
    reader.fault("in \"pairs\": " + fault);
  }
}

/// The document in `path`, or a line that begins with it.
tl::expected<json, std::string> read_document(const std::string& path) {
  auto text = read_private_file(path, kKeyFileMax);
  if (!text) {
    return tl::unexpected(text.error());
  }
  auto document = parse_strict(*text);
  wipe(text->data(), text->size());
  if (!document) {
    return tl::unexpected(path + ": " + document.error() + kRemedy);
  }
  return std::move(*document);
}

}  // namespace

std::string text_of(CellId cell) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(cell.value));
  return text;
}

tl::expected<CellId, std::string> parse_cell_id(std::string_view text) {
  uint64_t value = 0;
  bool good = text.size() == 16;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    good = good && (digit || (c >= 'a' && c <= 'f'));
    value = (value << 4U) | static_cast<uint64_t>((digit ? c - '0' : c - 'a' + 10) & 0xF);
  }
  if (!good || value == 0) {
    return tl::unexpected("cell id \"" + std::string(text.substr(0, 64)) +
                          "\": 16 hex digits, not all zero, are wanted");
  }
  return CellId{value};
}

tl::expected<ServerId, std::string> parse_server_id(std::string_view name) {
  for (unsigned i = 0; i < kServers; ++i) {
    if (name == name_of(server(i))) {
      return server(i);
    }
  }
  return tl::unexpected("server \"" + std::string(name.substr(0, 64)) +
                        "\": it must be lb1, lb2, b1, b2 or b3");
}

CellKeys generate_cell_keys(Algorithm aead, AccessId client_access) {
  CellKeys keys;
  CellId cell;
  do {
    random_bytes({reinterpret_cast<uint8_t*>(&cell.value), sizeof cell.value});
  } while (cell.value == 0);
  const Key master = random_key();
  for (unsigned i = 0; i < kServers; ++i) {
    ServerKeys& mine = keys.servers[i];
    mine.cell = cell;
    mine.self = server(i);
    mine.aead = aead;
    if (is_lb(mine.self)) {
      mine.client_master = master;
    }
    for (unsigned other = 0; other < i; ++other) {
      const Key pair = random_key();
      mine.pairs[other] = pair;
      keys.servers[other].pairs[i] = pair;
    }
  }
  keys.client = client_keys(keys.servers[0], client_access);
  return keys;
}

ClientKeys client_keys(const ServerKeys& lb, AccessId access) {
  TERCET_CHECK(lb.client_master && access.value != 0, "an LB's keys and an access id");
  return {lb.cell, access, lb.aead, derive_access_key(lb.aead, *lb.client_master, access)};
}

tl::expected<ServerKeys, std::string> read_server_keys(const std::string& path,
                                                       std::optional<CellId> expected) {
  const auto document = read_document(path);
  if (!document) {
    return tl::unexpected(document.error());
  }
  JsonReader reader(*document);
  reader.number("tercet_server_key", 1, 1);
  ServerKeys keys;
  keys.cell = read_cell(reader, expected);
  const auto self = parse_server_id(reader.text("server"));
  if (!self) {
    reader.fault(self.error());
  } else {
    keys.self = *self;
  }
  keys.aead = read_algorithm(reader);
  read_pairs(reader, keys);
  if (is_lb(keys.self)) {
    keys.client_master = read_key(reader, "client_master");
  }
  const std::string fault = reader.finish();
  if (!fault.empty()) {
    return tl::unexpected(path + ": " + fault + kRemedy);
  }
  return keys;
}

tl::expected<ClientKeys, std::string> read_client_keys(const std::string& path,
                                                       std::optional<CellId> expected) {
  const auto document = read_document(path);
  if (!document) {
    return tl::unexpected(document.error());
  }
  JsonReader reader(*document);
  reader.number("tercet_client_key", 1, 1);
  ClientKeys keys;
  keys.cell = read_cell(reader, expected);
  keys.access = AccessId{static_cast<uint32_t>(reader.number("access_id", 1, UINT32_MAX))};
  keys.aead = read_algorithm(reader);
  keys.access_key = read_key(reader, "access_key");
  const std::string fault = reader.finish();
  if (!fault.empty()) {
    return tl::unexpected(path + ": " + fault + kRemedy);
  }
  return keys;
}

tl::expected<void, std::string> write_server_keys(const std::string& path, const ServerKeys& keys) {
  json pairs = json::object();
  for (unsigned i = 0; i < kServers; ++i) {
    if (keys.pairs[i]) {
      pairs[name_of(server(i))] = base64url(keys.pairs[i]->bytes);
    }
  }
  json document = {{"tercet_server_key", 1},
                   {"cell_id", text_of(keys.cell)},
                   {"server", name_of(keys.self)},
                   {"aead", name_of(keys.aead)},
                   {"pairs", std::move(pairs)}};
  if (keys.client_master) {
    document["client_master"] = base64url(keys.client_master->bytes);
  }
  return write_private_file(path, document.dump(2) + "\n");
}

tl::expected<void, std::string> write_client_keys(const std::string& path, const ClientKeys& keys) {
  const json document = {{"tercet_client_key", 1},
                         {"cell_id", text_of(keys.cell)},
                         {"access_id", keys.access.value},
                         {"aead", name_of(keys.aead)},
                         {"access_key", base64url(keys.access_key.bytes)}};
  return write_private_file(path, document.dump(2) + "\n");
}

}  // namespace tercet::seal
