// What an issuer issues about a license that it issued before: the same license with a constituent bound to
// another container, and its withdrawal.

#include <algorithm>

#include "base/file.h"
#include "client/issuer/draft.h"
#include "client/issuer/record.h"
#include "wire/seal/notice.h"

namespace tercet::issuer {
namespace {

/// What is known of a license that something is to be issued about.
struct Before {
  Record record;
  std::vector<seal::LicenseText> texts;  ///< its constituents, as they were issued last
};

/// Under the folder's lock. Also whether `file` can be written at all: nothing is recorded in vain.
tl::expected<Before, std::string> issued_before(const std::string& folder, const FolderLock& lock,
                                                uint32_t tmr_id, const std::string& file) {
  if (!lock.held()) {
    return tl::unexpected(folder + ": cannot be locked: check that it is there");
  }
  if (auto good = check_place(file); !good) {
    return tl::unexpected(good.error());
  }
  auto record = read_record(folder);
  if (!record) {
    return tl::unexpected(record.error());
  }
  if (!record->named(tmr_id)) {
    return tl::unexpected("TMR-ID " + std::to_string(tmr_id) + " was not issued from " + folder +
                          ": give the folder of its issuer");
  }
  if (record->withdrawn(tmr_id)) {
    return tl::unexpected("TMR-ID " + std::to_string(tmr_id) +
                          " was withdrawn before: issue another license (tercet issue)");
  }
  const auto* texts = record->newest(tmr_id);
  if (texts == nullptr) {
    return tl::unexpected("TMR-ID " + std::to_string(tmr_id) + ": " + folder +
                          "/issued.jsonl does not have its constituents (an older version wrote it): issue "
                          "another license (tercet issue)");
  }
  Before before{.record = {}, .texts = *texts};
  before.record = std::move(*record);
  return before;
}

/// Why that container cannot take the place; nothing if it can.
std::optional<std::string> why_not(const Record& record, const std::vector<seal::LicenseText>& texts,
                                   const seal::ContainerRequest& request) {
  if (texts.front().activation_id != request.activation_id) {
    return "container " + request.serial + " is of another cell than the license: give a request of cell " +
           texts.front().activation_id + "'s containers";
  }
  for (const seal::LicenseText& text : texts) {
    if (text.container_key == request.public_key || text.container_serial == request.serial) {
      return "container " + request.serial + " has a constituent of the license already (slot " +
             std::to_string(index(text.slot) + 1) + "): give the request of the new container";
    }
  }
  const auto before = record.containers(request.activation_id, request.slot, {});
  const auto at = std::ranges::find(before, request.public_key);
  if (at != before.end() && at + 1 != before.end()) {
    return "container " + request.serial +
           " was revoked by a reissue: make a new one (tercet container init), and give its request";
  }
  return std::nullopt;
}

}  // namespace

tl::expected<Issued, std::string> Issuer::reissue(uint32_t tmr_id, const seal::ContainerRequest& request,
                                                  WallTime now, const std::string& file) {
  const FolderLock lock(folder_);
  auto before = issued_before(folder_, lock, tmr_id, file);
  if (!before) {
    return tl::unexpected(before.error());
  }
  if (const auto fault = why_not(before->record, before->texts, request)) {
    return tl::unexpected(*fault);
  }
  if (before->texts.front().revision == UINT32_MAX) {
    return tl::unexpected("TMR-ID " + std::to_string(tmr_id) +
                          " has had all its revisions: issue another license");
  }
  Issued issued;
  issued.tmr_id = tmr_id;
  for (seal::LicenseText& text : before->texts) {
    ++text.revision;
    text.issued_at = now;
    if (text.slot == request.slot) {
      text.container_serial = request.serial;
      text.container_key = request.public_key;
    }
    auto jws = seal::sign(text, key_);
    if (!jws) {
      return tl::unexpected("no license: " + jws.error().text);
    }
    issued.file.constituents.push_back(std::move(*jws));
    issued.texts.push_back(text);
  }
  seal::NoticeText notice;
  notice.kind = seal::NoticeText::Kind::container;
  notice.firm_code = issued.texts.front().firm_code;
  notice.product_code = issued.texts.front().product_code;
  notice.tmr_id = {tmr_id};
  notice.issued_at = now;
  notice.slot = request.slot;
  notice.activation_id = request.activation_id;
  notice.container_serial = request.serial;
  notice.container_key = request.public_key;
  notice.revoked = before->record.containers(request.activation_id, request.slot, request.public_key);
  if (notice.revoked.size() > seal::kRevokedPerNoticeMax) {  // the newest: a cell has had the others' notices
    notice.revoked.erase(notice.revoked.begin(),
                         notice.revoked.end() - static_cast<ptrdiff_t>(seal::kRevokedPerNoticeMax));
  }
  auto signed_notice = seal::sign(notice, key_);
  if (!signed_notice) {
    return tl::unexpected("no license: " + signed_notice.error().text);
  }
  issued.file.notices.push_back(std::move(*signed_notice));
  Draft draft(file);
  if (auto done = draft.write(issued.file); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = draft.record_and_move(folder_, record_line(issued, now, file)); !done) {
    return tl::unexpected(done.error());
  }
  return issued;
}

tl::expected<seal::LicenseText, std::string> Issuer::withdraw(uint32_t tmr_id, WallTime now,
                                                              const std::string& file) {
  const FolderLock lock(folder_);
  const auto before = issued_before(folder_, lock, tmr_id, file);
  if (!before) {
    return tl::unexpected(before.error());
  }
  const seal::LicenseText& text = before->texts.front();
  seal::NoticeText notice;
  notice.firm_code = text.firm_code;
  notice.product_code = text.product_code;
  notice.tmr_id = text.tmr_id;
  notice.issued_at = now;
  auto jws = seal::sign(notice, key_);
  if (!jws) {
    return tl::unexpected("no withdrawal: " + jws.error().text);
  }
  Draft draft(file);
  if (auto done = draft.write({.constituents = {}, .notices = {std::move(*jws)}}); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = draft.record_and_move(folder_, withdrawn_line(text, now, file)); !done) {
    return tl::unexpected(done.error());
  }
  return text;
}

}  // namespace tercet::issuer
