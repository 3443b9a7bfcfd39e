#include "client/issuer/issuer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "client/issuer/draft.h"
#include "client/issuer/record.h"
#include "wire/seal/key_file.h"
#include "wire/seal/private_file.h"
#include "wire/seal/strict_json.h"

namespace tercet::issuer {
namespace {

using nlohmann::json;

constexpr size_t kFileMax = 4 << 10;

/// The counter after the last of all TMR-IDs was issued.
constexpr uint64_t kTmrIdsUsedUp = uint64_t{UINT32_MAX} + 1;

constexpr const char* kKeyRemedy = ": put the file back that tercet issuer init wrote";
constexpr const char* kCounterRemedy =
    R"(: make it {"next_tmr_id": N}, N one more than the highest in issued.jsonl)";
constexpr const char* kPublicRemedy = ": give the issuer.pub of tercet issuer init";

std::string counter_text(uint64_t next) { return json{{"next_tmr_id", next}}.dump() + "\n"; }

tl::expected<void, std::string> check_requests(const std::vector<seal::ContainerRequest>& requests) {
  if (requests.size() != kBackends) {
    return tl::unexpected("a TMR license has three constituents, but " + std::to_string(requests.size()) +
                          " requests were given: give --request for each of the cell's three containers");
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (requests[i].slot == requests[j].slot || requests[i].serial == requests[j].serial ||
          requests[i].public_key == requests[j].public_key) {
        return tl::unexpected("two requests are of one container (" + requests[i].serial + ", slot " +
                              std::to_string(index(requests[i].slot) + 1) +
                              "): give one of each of the cell's three containers");
      }
      if (requests[i].cell != requests[j].cell) {
        return tl::unexpected("the requests are of two cells (" + seal::text_of(requests[j].cell) + " and " +
                              seal::text_of(requests[i].cell) + "): give three of one cell");
      }
    }
  }
  return {};
}

}  // namespace

tl::expected<Issuer, std::string> Issuer::init(const std::string& folder) {
  if (auto made = make_folder(folder, 0755); !made) {
    return tl::unexpected(made.error());
  }
  const FolderLock lock(folder);
  if (!lock.held()) {
    return tl::unexpected(folder + ": cannot be locked: check its file system");
  }
  struct stat info {};
  if (::stat((folder + "/issuer.key").c_str(), &info) == 0) {
    return tl::unexpected(folder + ": an issuer is there already: name another folder");
  }
  Issuer issuer(folder, seal::SigningKey::generate());
  const std::string id = seal::text_of(seal::key_id_of(issuer.public_key()));
  const json pub = {{"tercet_issuer", 1}, {"key_id", id}, {"public_key", seal::text_of(issuer.public_key())}};
  const json key = {{"tercet_issuer_key", 1}, {"key_id", id}, {"secret", issuer.key_.seed_text()}};
  // The key comes last: only when it is there is this an issuer.
  if (auto done = write_file_durably(folder + "/counter.json", counter_text(1), 0600); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = write_file_durably(folder + "/issued.jsonl", "", 0600); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = write_file_durably(issuer.public_file(), pub.dump(2) + "\n", 0644); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = seal::write_private_file(folder + "/issuer.key", key.dump(2) + "\n"); !done) {
    return tl::unexpected(done.error());
  }
  return issuer;
}

tl::expected<Issuer, std::string> Issuer::open(const std::string& folder) {
  const std::string path = folder + "/issuer.key";
  if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return tl::unexpected(folder + ": is no issuer's folder: make one with tercet issuer init");
  }
  const auto text = seal::read_private_file(path, kFileMax);
  if (!text) {
    return tl::unexpected(text.error());
  }
  const auto document = seal::parse_strict(*text);
  if (!document) {
    return tl::unexpected(path + ": " + document.error() + kKeyRemedy);
  }
  seal::JsonReader reader(*document);
  reader.number("tercet_issuer_key", 1, 1);
  const std::string id = reader.text("key_id");
  auto key = seal::SigningKey::parse(reader.text("secret"));
  if (!key) {
    reader.fault("\"secret\": " + key.error());
  } else if (seal::text_of(seal::key_id_of(key->public_key())) != id) {
    reader.fault("\"key_id\" is not that of its key");
  }
  if (const std::string fault = reader.finish(); !fault.empty()) {
    return tl::unexpected(path + ": " + fault + kKeyRemedy);
  }
  return Issuer(folder, std::move(*key));
}

tl::expected<uint64_t, std::string> Issuer::next_tmr_id() const {
  const std::string path = folder_ + "/counter.json";
  const auto text = read_file(path, kFileMax);
  if (!text) {
    return tl::unexpected(text.error());
  }
  const auto document = seal::parse_strict(*text);
  if (!document) {
    return tl::unexpected(path + ": " + document.error() + kCounterRemedy);
  }
  seal::JsonReader reader(*document);
  const uint64_t next = reader.number("next_tmr_id", 1, kTmrIdsUsedUp);
  if (const std::string fault = reader.finish(); !fault.empty()) {
    return tl::unexpected(path + ": " + fault + kCounterRemedy);
  }
  return next;
}

tl::expected<Issued, std::string> Issuer::issue(const NewLicense& license,
                                                const std::vector<seal::ContainerRequest>& requests,
                                                WallTime now, const std::string& file) {
  if (auto good = check_requests(requests); !good) {
    return tl::unexpected(good.error());
  }
  const FolderLock lock(folder_);
  if (!lock.held()) {
    return tl::unexpected(folder_ + ": cannot be locked: check that it is there");
  }
  if (auto good = check_place(file); !good) {
    return tl::unexpected(good.error());
  }
  const auto next = next_tmr_id();
  if (!next) {
    return tl::unexpected(next.error());
  }
  const bool used_up = *next == kTmrIdsUsedUp;
  if (used_up && !license.tmr_id) {
    return tl::unexpected("there is no TMR-ID after " + std::to_string(UINT32_MAX) +
                          ", which was issued: give --tmr-id N, one that " + folder_ +
                          "/issued.jsonl does not name");
  }
  Issued issued;
  issued.tmr_id = license.tmr_id.value_or(static_cast<uint32_t>(*next));
  if (license.tmr_id) {
    const auto record = read_record(folder_);
    if (!record) {
      return tl::unexpected(record.error());
    }
    if (record->named(*license.tmr_id)) {
      return tl::unexpected(
          "TMR-ID " + std::to_string(*license.tmr_id) + " was issued before: " +
          (used_up ? "give another" : "leave --tmr-id out, the next is " + std::to_string(*next)));
    }
  }
  for (const seal::ContainerRequest& request : requests) {
    seal::LicenseText text;
    text.firm_code = {license.firm};
    text.product_code = {license.product};
    text.tmr_id = {issued.tmr_id};
    text.name = license.name.empty()
                    ? "firm " + std::to_string(license.firm) + " product " + std::to_string(license.product)
                    : license.name;
    text.mode = license.mode;
    text.quantity = license.quantity;
    text.features = license.features;
    text.valid_from = license.valid_from;
    text.valid_until = license.valid_until;
    text.lease_default_ms = license.lease_ms.value_or(text.lease_default_ms);
    text.usage_period_ms = license.usage_period_ms;
    text.units = license.units;
    text.issued_at = now;
    text.slot = request.slot;
    text.container_serial = request.serial;
    text.container_key = request.public_key;
    text.activation_id = request.activation_id;
    auto jws = seal::sign(text, key_);
    if (!jws) {
      return tl::unexpected("no license: " + jws.error().text + ": change that and issue again");
    }
    issued.file.constituents.push_back(std::move(*jws));
    issued.texts.push_back(std::move(text));
  }
  Draft draft(file);
  if (auto done = draft.write(issued.file); !done) {
    return tl::unexpected(done.error());
  }
  const uint64_t after = std::max<uint64_t>(uint64_t{issued.tmr_id} + 1, *next);
  if (auto done = write_file_durably(folder_ + "/counter.json", counter_text(after), 0600); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = draft.record_and_move(folder_, record_line(issued, now, file)); !done) {
    return tl::unexpected(done.error());
  }
  return issued;
}

tl::expected<seal::PublicKey, std::string> read_issuer_public(const std::string& path) {
  struct stat info {};
  const bool folder = ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  const std::string file = folder ? path + "/issuer.pub" : path;
  const auto text = read_file(file, kFileMax);
  if (!text) {
    return tl::unexpected(text.error());
  }
  const auto document = seal::parse_strict(*text);
  if (!document) {
    return tl::unexpected(file + ": " + document.error() + kPublicRemedy);
  }
  seal::JsonReader reader(*document);
  reader.number("tercet_issuer", 1, 1);
  const std::string id = reader.text("key_id");
  const auto key = seal::parse_public_key(reader.text("public_key"));
  if (!key) {
    reader.fault("\"public_key\": " + key.error());
  } else if (seal::text_of(seal::key_id_of(*key)) != id) {
    reader.fault("\"key_id\" is not that of its key");
  }
  if (const std::string fault = reader.finish(); !fault.empty()) {
    return tl::unexpected(file + ": " + fault + kPublicRemedy);
  }
  return *key;
}

}  // namespace tercet::issuer
