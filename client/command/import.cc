// import: each notice, then each constituent is ordered on its own; the cell decides about each. What can be
// seen without the cell (a file that is no license, a signature that does not fit a known issuer's key,
// constituents of two licenses) is refused here, before anything is ordered.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>

#include "client/command/context.h"
#include "client/command/verbs.h"
#include "wire/seal/license_file.h"
#include "wire/seal/notice.h"
#include "wire/seal/private_file.h"

namespace tercet::command {
namespace {

using client::Failure;

constexpr size_t kFileMax = 64 << 10;

/// One part of the file, and what became of it.
struct Row {
  std::string what;  ///< "constituent 2", "notice 1 (withdrawn)"
  std::string jws;
  bool notice = false;
  std::string kind;       ///< of a notice
  unsigned number = 0;    ///< in its list, from 1
  unsigned slot = 0;      ///< 0: unknown
  std::string container;  ///< its serial number
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
  Json constituents = Json::array();
  Json notices = Json::array();
  unsigned taken = 0;
  for (const Row& row : rows) {
    const bool good = row.code == Code::granted;
    taken += good && !row.notice ? 1 : 0;
    Json one{{"slot", row.slot == 0 ? Json() : Json(row.slot)},
             {"container", row.container.empty() ? Json() : Json(row.container)},
             {"taken", good},
             {"code", good ? Json() : Json(name_of(row.code))},
             {"message", row.message}};
    one[row.notice ? "notice" : "constituent"] = row.notice ? Json(row.kind) : Json(row.number);
    (row.notice ? notices : constituents).push_back(std::move(one));
  }
  Json out;
  out["file"] = path;
  out["tmr_id"] = rows.empty() || rows.front().tmr_id == 0 ? Json() : Json(rows.front().tmr_id);
  out["taken"] = taken;
  out["constituents"] = constituents;
  out["notices"] = notices;
  return out;
}

std::string people(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& row : rows) {
    out += row.what +
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

/// What the file says, checked as far as it can be without the cell. An issuer that is unknown here may still
/// be known to the cell: that is for the cell to say.
class Reading {
 public:
  Reading(const std::string& path, std::span<const seal::PublicKey> issuers)
      : path_(path), issuers_(issuers) {}

  tl::expected<void, Failure> read_notice(const std::string& jws) {
    Row row = begin("notice", jws);
    row.notice = true;
    auto notice = seal::parse_and_verify_notice(as_bytes(jws), issuers_);
    if (!notice && notice.error().code == seal::LicenseFault::unknown_issuer) {
      notice = seal::parse_unverified_notice(as_bytes(jws));
    }
    if (!notice) {
      return refuse(row, notice.error());
    }
    const bool withdrawn = notice->kind == seal::NoticeText::Kind::withdrawn;
    row.kind = withdrawn ? "withdrawn" : "container";
    row.what = withdrawn ? "license withdrawn" : "container in the place of a revoked one";
    row.slot = withdrawn ? 0 : index(notice->slot) + 1;
    row.container = notice->container_serial;
    row.tmr_id = notice->tmr_id.value;
    rows.push_back(std::move(row));
    return {};
  }
  tl::expected<void, Failure> read_constituent(const std::string& jws) {
    Row row = begin("constituent", jws);
    auto text = seal::parse_and_verify(as_bytes(jws), issuers_);
    if (text) {
      row.slot = index(text->slot) + 1;
      row.container = text->container_serial;
      row.tmr_id = text->tmr_id.value;
    } else if (text.error().code == seal::LicenseFault::unknown_issuer) {
      text = seal::parse_unverified(as_bytes(jws));
    }
    if (!text) {
      return refuse(row, text.error());
    }
    if (const auto apart = seal::why_apart(texts_, *text)) {
      return tl::unexpected(
          refused(Code::properties_differ,
                  path_ + ": " + row.what + " " + *apart + ": import one license file as it was issued"));
    }
    texts_.push_back(std::move(*text));
    rows.push_back(std::move(row));
    return {};
  }

  std::vector<Row> rows;

 private:
  [[nodiscard]] Row begin(const char* list, const std::string& jws) const {
    Row row;
    row.jws = jws;
    row.number = 1;
    const bool notice = std::string_view(list) == "notice";
    for (const Row& other : rows) {
      row.number += other.notice == notice ? 1 : 0;
    }
    row.what = std::string(list) + " " + std::to_string(row.number);
    return row;
  }
  [[nodiscard]] tl::unexpected<Failure> refuse(const Row& row, const seal::LicenseError& error) const {
    return tl::unexpected(refused(code_of(error.code), path_ + ": " + row.what + " " + error.text +
                                                           ": get the file anew from its issuer"));
  }
  std::string path_;
  std::span<const seal::PublicKey> issuers_;
  std::vector<seal::LicenseText> texts_;
};

/// Orders each part. The failure is one that leaves the rest unknown; what was refused stands in its row.
tl::expected<void, Failure> order(std::vector<Row>& rows, client::Cell& cell) {
  unsigned taken = 0;
  for (Row& row : rows) {
    const auto grant = row.notice ? cell.import_notice(row.jws) : cell.import_constituent(row.jws);
    if (grant) {
      ++taken;
      row.slot = grant->result.slot != 0 ? grant->result.slot : row.slot;
      row.tmr_id = grant->result.tmr_id != 0 ? grant->result.tmr_id.get() : row.tmr_id;
      row.message = "taken";
      continue;
    }
    if (grant.error().kind != Failure::Kind::denied) {
      Failure told = grant.error();
      told.message += " (" + std::to_string(taken) + " of " + std::to_string(rows.size()) +
                      (rows.front().notice ? " parts of the file" : " constituents") +
                      " were taken before; importing again is safe)";
      return tl::unexpected(told);
    }
    row.code = grant.error().code;
    row.message = grant.error().message;
  }
  return {};
}

/// How much a refusal says: that a part is there already is no fault of the file, and an older revision has a
/// better reason beside it, if there is any.
int weight(Code code) {
  return code == Code::granted ? 0 : code == Code::repeated ? 1 : code == Code::older_revision ? 2 : 3;
}

/// The refusal to tell of; null: none.
const Row* worst_of(const std::vector<Row>& rows) {
  const auto worst = std::ranges::max_element(rows, {}, [](const Row& row) { return weight(row.code); });
  return worst == rows.end() || worst->code == Code::granted ? nullptr : &*worst;
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
  Reading reading(path, connection->config.issuers);
  for (const std::string& jws : file->notices) {
    if (const auto done = reading.read_notice(jws); !done) {
      return context.fail(done.error());
    }
  }
  for (const std::string& jws : file->constituents) {
    if (const auto done = reading.read_constituent(jws); !done) {
      return context.fail(done.error());
    }
  }
  std::vector<Row>& rows = reading.rows;
  client::Cell cell = connection->cell();
  if (const auto done = order(rows, cell); !done) {
    return context.fail(done.error());
  }
  const Json shown = document(path, rows);
  const Row* worst = worst_of(rows);
  const bool any_taken = std::ranges::any_of(rows, [](const Row& row) { return row.code == Code::granted; });
  if (worst == nullptr || (worst->code == Code::repeated && any_taken)) {
    return context.print(shown, people(rows));
  }
  const std::string message = path + ": " + worst->what + ", " + worst->message;
  context.err << "tercet: " << name_of(worst->code) << ", " << message << '\n';
  Json denial{{"code", name_of(worst->code)}, {"message", message}};
  denial.update(shown);
  if (context.json) {
    context.out << denial.dump(2) << '\n';
  } else {
    context.out << people(rows);
  }
  return kDenied;
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  auto path = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("import", "bring a license file into the running cell");
  verb->add_option("FILE", *path, "what tercet issue, reissue or revoke wrote")->required();
  context.add_cell(*verb);
  verb->callback(
      [path, &context] { context.action = [path, &context] { return import_file(*path, context); }; });
}

}  // namespace tercet::command
