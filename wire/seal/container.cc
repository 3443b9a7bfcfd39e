#include "wire/seal/container.h"

#include <sodium.h>

#include <cstdio>

#include "base/check.h"
#include "wire/seal/key_file.h"
#include "wire/seal/license_text.h"
#include "wire/seal/private_file.h"
#include "wire/seal/strict_json.h"
#include "wire/utf8.h"

namespace tercet::seal {
namespace {

using nlohmann::json;

constexpr size_t kContainerFileMax = 4 << 10;

uint64_t hash_of(std::string_view label, std::string_view text) {
  const std::string input = std::string(label) + ":" + std::string(text);
  std::array<uint8_t, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256(hash.data(), as_bytes(input).data(), input.size());
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) {
    value = value << 8U | hash[i];
  }
  return value;
}

Slot read_slot(JsonReader& reader) { return static_cast<Slot>(reader.number("slot", 1, kBackends) - 1); }

std::string read_word(JsonReader& reader, const char* name, size_t max) {
  std::string word = reader.text(name);
  if (word.empty() || word.size() > max || !is_clean_text(word)) {
    reader.fault(std::string("\"") + name + "\" must be text of 1 to " + std::to_string(max) + " bytes");
  }
  return word;
}

CellId read_cell(JsonReader& reader) {
  const auto cell = parse_cell_id(reader.text("cell_id"));
  if (!cell) {
    reader.fault(cell.error());
    return {};
  }
  return *cell;
}

void check_activation(JsonReader& reader, CellId cell, const std::string& activation_id) {
  if (activation_id != activation_id_of(cell)) {
    reader.fault("\"activation_id\" is not that of cell " + text_of(cell));
  }
}

/// What a request's signature covers. The first line keeps it from being taken for a signature over anything
/// else.
std::string request_text(const ContainerRequest& r) {
  return "tercet container request 1\n" + r.serial + "\n" + std::to_string(index(r.slot) + 1) + "\n" +
         r.activation_id + "\n" + text_of(r.cell) + "\n" + text_of(r.public_key) + "\n";
}

}  // namespace

std::string activation_id_of(CellId cell) {
  char text[20];
  const uint64_t hash = hash_of("tercet activation id", text_of(cell));
  std::snprintf(text, sizeof text, "%04x-%04x-%04x-%04x", static_cast<unsigned>(hash >> 48U) & 0xFFFFU,
                static_cast<unsigned>(hash >> 32U) & 0xFFFFU, static_cast<unsigned>(hash >> 16U) & 0xFFFFU,
                static_cast<unsigned>(hash) & 0xFFFFU);
  return text;
}

std::string virtual_serial_of(std::string_view activation_id) {
  return "131-" +
         std::to_string(1'000'000'000 + hash_of("tercet virtual serial", activation_id) % 9'000'000'000);
}

Container make_container(CellId cell, Slot slot) {
  SigningKey key = SigningKey::generate();  // starts the library, too
  return {"3-" + std::to_string(1'000'000 + randombytes_uniform(9'000'000)), slot, activation_id_of(cell),
          cell, std::move(key)};
}

tl::expected<void, std::string> write_container(const std::string& path, const Container& c) {
  const json document = {{"tercet_container", 1},      {"serial", c.serial},
                         {"slot", index(c.slot) + 1},  {"activation_id", c.activation_id},
                         {"cell_id", text_of(c.cell)}, {"secret", c.key.seed_text()}};
  return write_private_file(path, document.dump(2) + "\n");
}

tl::expected<Container, std::string> read_container(const std::string& path) {
  const auto text = read_private_file(path, kContainerFileMax);
  if (!text) {
    return tl::unexpected(text.error());
  }
  const auto document = parse_strict(*text);
  if (!document) {
    return tl::unexpected(path + ": " + document.error() +
                          ": give the file that tercet container init wrote");
  }
  JsonReader reader(*document);
  reader.number("tercet_container", 1, 1);
  std::string serial = read_word(reader, "serial", kContainerSerialMax);
  const Slot slot = read_slot(reader);
  std::string activation_id = read_word(reader, "activation_id", kActivationIdMax);
  const CellId cell = read_cell(reader);
  check_activation(reader, cell, activation_id);
  auto key = SigningKey::parse(reader.text("secret"));
  if (!key) {
    reader.fault("\"secret\": " + key.error());
  }
  if (const std::string fault = reader.finish(); !fault.empty()) {
    return tl::unexpected(path + ": " + fault + ": give the file that tercet container init wrote");
  }
  return Container{std::move(serial), slot, std::move(activation_id), cell, std::move(*key)};
}

std::string make_request(const Container& c) {
  const ContainerRequest request{c.serial, c.slot, c.activation_id, c.cell, c.key.public_key()};
  const json document = {{"tercet_container_request", 1},
                         {"serial", request.serial},
                         {"slot", index(request.slot) + 1},
                         {"activation_id", request.activation_id},
                         {"cell_id", text_of(request.cell)},
                         {"public_key", text_of(request.public_key)},
                         {"signature", base64url(c.key.sign(as_bytes(request_text(request))).bytes)}};
  return document.dump(2) + "\n";
}

tl::expected<ContainerRequest, std::string> parse_request(std::string_view text) {
  const auto document = parse_strict(text);
  if (!document) {
    return tl::unexpected("no container request: " + document.error());
  }
  JsonReader reader(*document);
  reader.number("tercet_container_request", 1, 1);
  ContainerRequest request;
  request.serial = read_word(reader, "serial", kContainerSerialMax);
  request.slot = read_slot(reader);
  request.activation_id = read_word(reader, "activation_id", kActivationIdMax);
  request.cell = read_cell(reader);
  check_activation(reader, request.cell, request.activation_id);
  if (const auto key = parse_public_key(reader.text("public_key"))) {
    request.public_key = *key;
  } else {
    reader.fault(key.error());
  }
  Signature signature;
  if (!from_base64url(reader.text("signature"), signature.bytes)) {
    reader.fault("\"signature\" is not 64 bytes in base64url");
  }
  if (const std::string fault = reader.finish(); !fault.empty()) {
    return tl::unexpected("no container request: " + fault);
  }
  if (!verify(request.public_key, as_bytes(request_text(request)), signature)) {
    return tl::unexpected(std::string("the container's own signature does not fit: the request was altered"));
  }
  return request;
}

tl::expected<ContainerRequest, std::string> read_request(const std::string& path) {
  const auto text = read_plain_file(path, kContainerFileMax);
  if (!text) {
    return tl::unexpected(text.error());
  }
  auto request = parse_request(*text);
  if (!request) {
    return tl::unexpected(path + ": " + request.error() + ": give what tercet container request printed");
  }
  return request;
}

}  // namespace tercet::seal
