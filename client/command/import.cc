// import: each constituent is ordered on its own; the cell decides about each. What can be seen without the
// cell (a file that is no license, a signature that does not fit a known issuer's key, constituents of two
// licenses) is refused here, before anything is ordered.

#include <CLI/CLI.hpp>

#include "client/command/context.h"
#include "client/command/verbs.h"
#include "wire/seal/license_file.h"
#include "wire/seal/private_file.h"

namespace tercet::command {
namespace {

using client::Failure;

constexpr size_t kFileMax = 64 << 10;

struct Row {
  unsigned constituent = 0;
  unsigned slot = 0;  ///< 0: unknown
  std::string container;
  uint32_t tmr_id = 0;
  Code code = Code::granted;
  std::string message;
};

Code code_of(seal::LicenseFault fault) {
  switch (fault) {
    case seal::LicenseFault::bad_signature:
      return Code::bad_signature;
    case seal::LicenseFault::unknown_issuer:
      return Code::unknown_issuer;
    case seal::LicenseFault::property:
      return Code::properties_differ;
    default:
      return Code::malformed;
  }
}

Failure refused(Code code, const std::string& message) {
  Failure failure;
  failure.kind = Failure::Kind::denied;
  failure.code = code;
  failure.message = message;
  return failure;
}

Json document(const std::string& path, const std::vector<Row>& rows) {
  Json list = Json::array();
  unsigned taken = 0;
  for (const Row& row : rows) {
    const bool good = row.code == Code::granted;
    taken += good ? 1 : 0;
    list.push_back({{"constituent", row.constituent},
                    {"slot", row.slot == 0 ? Json() : Json(row.slot)},
                    {"container", row.container.empty() ? Json() : Json(row.container)},
                    {"taken", good},
                    {"code", good ? Json() : Json(name_of(row.code))},
                    {"message", row.message}});
  }
  Json out;
  out["file"] = path;
  out["tmr_id"] = rows.empty() || rows.front().tmr_id == 0 ? Json() : Json(rows.front().tmr_id);
  out["taken"] = taken;
  out["constituents"] = list;
  return out;
}

std::string people(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    out += "constituent " + std::to_string(row.constituent) +
           (row.slot == 0 ? ""
                          : " (slot " + std::to_string(row.slot) +
                                (row.container.empty() ? "" : ", container " + row.container) + ")") +
           ": " +
           (row.code == Code::granted ? "taken"
                                      : "not taken, " + std::string(name_of(row.code)) + ", " + row.message) +
           "\n";
  }
  return out;
}

int import_file(const std::string& path, Context& context) {
  const auto text = seal::read_plain_file(path, kFileMax);
  if (!text) {
    return context.fail(kUsage, text.error());
  }
  auto connection = context.connect();
  if (!connection) {
    return kUsage;
  }
  const auto file = seal::parse_license_file(*text);
  if (!file) {
    return context.fail(
        refused(Code::malformed, path + ": " + file.error().text + ": get the file anew from its issuer"));
  }
  std::vector<Row> rows;
  std::vector<seal::LicenseText> texts;
  for (const std::string& jws : file->constituents) {
    Row row;
    row.constituent = static_cast<unsigned>(rows.size()) + 1;
    auto parsed = seal::parse_and_verify(as_bytes(jws), connection->config.issuers);
    if (parsed) {
      row.slot = index(parsed->slot) + 1;
      row.container = parsed->container_serial;
      row.tmr_id = parsed->tmr_id.value;
    } else if (parsed.error().code == seal::LicenseFault::unknown_issuer) {
      // An issuer that is unknown here may still be known to the cell: that is for the cell to say.
      parsed = seal::parse_unverified(as_bytes(jws));
    }
    const std::string which = path + ": constituent " + std::to_string(row.constituent) + " ";
    if (!parsed) {
      return context.fail(refused(code_of(parsed.error().code),
                                  which + parsed.error().text + ": get the file anew from its issuer"));
    }
    if (const auto apart = seal::why_apart(texts, *parsed)) {
      return context.fail(
          refused(Code::properties_differ, which + *apart + ": import one license file as it was issued"));
    }
    texts.push_back(std::move(*parsed));
    rows.push_back(std::move(row));
  }

  client::Cell cell = connection->cell();
  unsigned taken = 0;
  std::optional<Failure> worst;
  for (Row& row : rows) {
    const auto grant = cell.import_constituent(file->constituents[row.constituent - 1]);
    if (grant) {
      ++taken;
      row.slot = grant->result.slot != 0 ? grant->result.slot : row.slot;
      row.tmr_id = grant->result.tmr_id != 0 ? grant->result.tmr_id.get() : row.tmr_id;
      row.message = "taken";
      continue;
    }
    const Failure& failure = grant.error();
    if (failure.kind != Failure::Kind::denied) {
      Failure told = failure;
      told.message += " (" + std::to_string(taken) + " of " + std::to_string(rows.size()) +
                      " constituents were taken before; importing again is safe)";
      return context.fail(told);
    }
    row.code = failure.code;
    row.message = failure.message;
    // A repeated constituent is the mildest refusal: it is no fault of the file.
    if (!worst || worst->code == Code::repeated) {
      worst = failure;
      worst->message = path + ": constituent " + std::to_string(row.constituent) + ", " + failure.message;
    }
  }
  Json shown = document(path, rows);
  if (worst && (worst->code != Code::repeated || taken == 0)) {
    context.err << "tercet: " << name_of(worst->code) << ", " << worst->message << '\n';
    Json denial{{"code", name_of(worst->code)}, {"message", worst->message}};
    denial.update(shown);
    if (context.json) {
      context.out << denial.dump(2) << '\n';
    } else {
      context.out << people(rows);
    }
    return kDenied;
  }
  return context.print(shown, people(rows));
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  auto path = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("import", "bring a license file into the running cell");
  verb->add_option("FILE", *path, "what tercet issue wrote")->required();
  context.add_cell(*verb);
  verb->callback(
      [path, &context] { context.action = [path, &context] { return import_file(*path, context); }; });
}

}  // namespace tercet::command
