#include "wire/prepare.h"

#include "base/check.h"
#include "wire/ranges.h"

namespace tercet {
namespace {

bool member_fits(const WireMember& m) {
  const bool nobody_ever = m.incarnation == 0 && m.epoch == 0 && m.seq == 0;
  return nobody_ever || (epoch_fits(m.epoch) && m.seq != 0 && seq_fits(m.seq));
}

/// What an LB sends and a backend may refuse.
bool refusable(uint8_t type) {
  switch (static_cast<CellMessage>(type)) {
    case CellMessage::accept:
    case CellMessage::prepare:
    case CellMessage::keepalive:
      return true;
    default:
      return false;
  }
}

}  // namespace

Drop parse_ask(Bytes plain, AskView& out) {
  if (const Drop drop = take_whole(plain, CellMessage::ask, out.header); drop != Drop::none) {
    return drop;
  }
  return all_zero(out.header->reserved) ? Drop::none : Drop::reserved;
}

Drop parse_heard(Bytes plain, HeardView& out) {
  if (const Drop drop = take_whole(plain, CellMessage::heard, out.header); drop != Drop::none) {
    return drop;
  }
  const Heard& h = *out.header;
  if (!only_bits(h.traits, kAsksRejoin | kVacant | kNewcomer) ||
      h.stop > static_cast<uint8_t>(StopReason::io_error)) {
    return Drop::reserved;
  }
  const bool fits = container_state_fits(h.container) && slot_bits_fit(h.absent) && h.heard <= 1 &&
                    h.asked <= 1 && epoch_or_none(h.promised) && seq_fits(h.last) && seq_fits(h.durable) &&
                    seq_fits(h.commit) && seq_fits(h.base) && seq_fits(h.decided) && time_fits(h.wall_ms);
  return fits ? Drop::none : Drop::malformed;
}

Drop parse_prepare(Bytes plain, PrepareView& out) {
  if (const Drop drop = take_whole(plain, CellMessage::prepare, out.header); drop != Drop::none) {
    return drop;
  }
  if (!all_zero(out.header->reserved)) {
    return Drop::reserved;
  }
  return epoch_fits(out.header->epoch) ? Drop::none : Drop::malformed;
}

Drop parse_promise(Bytes plain, PromiseView& out) {
  if (const Drop drop = take_header(plain, CellMessage::promise, out.header); drop != Drop::none) {
    return drop;
  }
  const PromiseHeader& p = *out.header;
  if (p.reserved != 0) {
    return Drop::reserved;
  }
  out.introduction = plain.subspan(sizeof(PromiseHeader));
  const bool log_fits =
      seq_fits(p.last) && seq_fits(p.commit) && (p.last == 0 ? p.last_epoch == 0 : epoch_fits(p.last_epoch));
  bool fits = p.admitted <= 1 && p.introduction <= kIntroductionMax &&
              out.introduction.size() == p.introduction && epoch_fits(p.epoch) && p.incarnation != 0 &&
              log_fits && time_fits(p.cell_ms) && time_fits(p.wall_ms) && time_fits(p.clock_ms);
  for (const WireMember& member : p.members) {
    fits = fits && member_fits(member);
  }
  return fits ? Drop::none : Drop::malformed;
}

Drop parse_refused(Bytes plain, RefusedView& out) {
  if (const Drop drop = take_whole(plain, CellMessage::refused, out.header); drop != Drop::none) {
    return drop;
  }
  const Refused& r = *out.header;
  if (!all_zero(r.reserved)) {
    return Drop::reserved;
  }
  return refusable(r.of) && epoch_fits(r.epoch) && epoch_fits(r.promised) ? Drop::none : Drop::malformed;
}

size_t write_promise(PromiseHeader header, Bytes introduction, MutBytes out) {
  TERCET_CHECK(introduction.size() <= kIntroductionMax, "an introduction fits a Promise");
  if (out.size() < sizeof header + introduction.size()) {
    return 0;
  }
  header.type = static_cast<uint8_t>(CellMessage::promise);
  header.introduction = static_cast<uint8_t>(introduction.size());
  put(out, header);
  return sizeof header + put_bytes(out.subspan(sizeof header), introduction);
}

}  // namespace tercet
