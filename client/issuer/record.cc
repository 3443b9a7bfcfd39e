#include "client/issuer/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/time_text.h"

namespace tercet::issuer {
namespace {

using nlohmann::json;

constexpr size_t kRecordMax = size_t{1} << 30U;

json about(const seal::LicenseText& text, WallTime at, const std::string& file) {
  return {{"at", to_rfc3339(at)},
          {"tmr_id", text.tmr_id.value},
          {"firm_code", text.firm_code.value},
          {"product_code", text.product_code.value},
          {"name", text.name},
          {"file", file}};
}

Record::Line read_line(const json& entry) {
  Record::Line line;
  line.tmr_id = entry["tmr_id"].get<uint32_t>();
  line.withdrawn = entry.value("withdrawn", false);
  for (const json& jws : entry.value("constituents", json::array())) {
    const std::string bytes = jws.is_string() ? jws.get<std::string>() : std::string();
    if (auto text = seal::parse_unverified(as_bytes(bytes))) {
      line.texts.push_back(std::move(*text));
    }
  }
  return line;
}

}  // namespace

bool Record::named(uint32_t tmr_id) const {
  return std::ranges::any_of(lines, [tmr_id](const Line& line) { return line.tmr_id == tmr_id; });
}

bool Record::withdrawn(uint32_t tmr_id) const {
  return std::ranges::any_of(lines,
                             [tmr_id](const Line& line) { return line.tmr_id == tmr_id && line.withdrawn; });
}

const std::vector<seal::LicenseText>* Record::newest(uint32_t tmr_id) const {
  const std::vector<seal::LicenseText>* found = nullptr;
  for (const Line& line : lines) {
    if (line.tmr_id == tmr_id && line.texts.size() == kBackends) {
      found = &line.texts;
    }
  }
  return found;
}

std::vector<seal::PublicKey> Record::containers(const std::string& activation_id, Slot slot,
                                                const seal::PublicKey& but) const {
  std::vector<seal::PublicKey> keys;
  for (const Line& line : lines) {
    for (const seal::LicenseText& text : line.texts) {
      if (text.activation_id == activation_id && text.slot == slot && text.container_key != but &&
          std::ranges::find(keys, text.container_key) == keys.end()) {
        keys.push_back(text.container_key);
      }
    }
  }
  return keys;
}

tl::expected<Record, std::string> read_record(const std::string& folder) {
  const auto text = read_file(folder + "/issued.jsonl", kRecordMax);
  if (!text) {
    return tl::unexpected(text.error());
  }
  Record record;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const json entry = json::parse(line, nullptr, false);
    if (entry.is_object() && entry.contains("tmr_id") && entry["tmr_id"].is_number_unsigned()) {
      record.lines.push_back(read_line(entry));
    }
  }
  return record;
}

std::string record_line(const Issued& issued, WallTime at, const std::string& file) {
  const seal::LicenseText& text = issued.texts.front();
  json containers = json::array();
  for (const seal::LicenseText& one : issued.texts) {
    containers.push_back({{"serial", one.container_serial}, {"slot", index(one.slot) + 1}});
  }
  json line = about(text, at, file);
  line["mode"] = seal::name_of(text.mode);
  line["quantity"] = text.quantity;
  line["revision"] = text.revision;
  line["valid_until"] = text.valid_until ? json(to_rfc3339(*text.valid_until)) : json();
  line["usage_period_ms"] = text.usage_period_ms ? json(*text.usage_period_ms) : json();
  line["units"] = text.units ? json(*text.units) : json();
  line["activation_id"] = text.activation_id;
  line["containers"] = std::move(containers);
  line["constituents"] = issued.file.constituents;
  return line.dump();
}

std::string withdrawn_line(const seal::LicenseText& text, WallTime at, const std::string& file) {
  json line = about(text, at, file);
  line["withdrawn"] = true;
  return line.dump();
}

}  // namespace tercet::issuer
