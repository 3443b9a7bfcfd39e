#include "wire/vote.h"

#include <algorithm>

#include "base/check.h"
#include "wire/ranges.h"

namespace tercet {
namespace {

bool take_result(Bytes& rest, Ballot& out) {
  const auto* header = header_of<VoteResult>(rest);
  if (header == nullptr || header->length > kResultMax || header->length > rest.size() - sizeof(VoteResult)) {
    return false;
  }
  out.s = header->s;
  out.result = rest.subspan(sizeof(VoteResult), header->length);
  rest = rest.subspan(sizeof(VoteResult) + header->length);
  return true;
}

}  // namespace

const char* name_of(ContainerState state) {
  switch (state) {
    case ContainerState::here:
      return "here";
    case ContainerState::gone:
      return "gone";
    case ContainerState::foreign:
      return "foreign";
    case ContainerState::revoked:
      return "revoked";
  }
  return "?";
}

bool VoteWalk::next(Ballot& out) {
  if (!take_result(rest_, out)) {
    return false;
  }
  out.seq = Seq{next_++};
  return true;
}

Drop parse_vote(Bytes plain, VoteView& out) {
  const VoteHeader* header = nullptr;
  if (const Drop drop = take_header(plain, CellMessage::vote, header); drop != Drop::none) {
    return drop;
  }
  if (!epoch_fits(header->epoch) || header->incarnation == 0 || header->first == 0 ||
      !seq_fits(header->first) || !seq_fits(header->durable) || !time_fits(header->wall_ms)) {
    return Drop::malformed;
  }
  if (!container_state_fits(header->container) || !slot_bits_fit(header->absent)) {
    return Drop::malformed;
  }
  Bytes rest = plain.subspan(sizeof(VoteHeader));
  out = {header, rest};
  Ballot ballot;
  for (unsigned i = 0; i < header->count; ++i) {
    if (!take_result(rest, ballot)) {
      return Drop::malformed;
    }
  }
  return rest.empty() ? Drop::none : Drop::malformed;
}

Drop parse_answer(Bytes plain, AnswerView& out) {
  if (const Drop drop = take_header(plain, CellMessage::answer, out.header); drop != Drop::none) {
    return drop;
  }
  const AnswerHeader& a = *out.header;
  if (!only_bits(a.flags, kWhole)) {
    return Drop::reserved;
  }
  out.body = plain.subspan(sizeof(AnswerHeader));
  const size_t follows = a.flags == kWhole ? a.length.get() : 0U;
  const bool fits = epoch_fits(a.epoch) && a.incarnation != 0 && seq_fits(a.place) &&
                    a.length <= kReadAnswerMax && out.body.size() == follows;
  return fits ? Drop::none : Drop::malformed;
}

size_t write_answer(AnswerHeader header, Bytes answer, bool whole, MutBytes out) {
  TERCET_CHECK(answer.size() <= kReadAnswerMax, "an answer fits its datagram");
  const Bytes body = whole ? answer : Bytes{};
  if (out.size() < sizeof header + body.size()) {
    return 0;
  }
  header.type = static_cast<uint8_t>(CellMessage::answer);
  header.flags = whole ? kWhole : uint8_t{0};
  header.length = static_cast<uint16_t>(answer.size());
  header.hash = hash128(answer);
  put(out, header);
  return sizeof header + put_bytes(out.subspan(sizeof header), body);
}

VoteWriter::VoteWriter(MutBytes out, const VoteHeader& header)
    : out_(out.first(std::min(out.size(), kCellPlainMax))), used_(sizeof(VoteHeader)) {
  TERCET_CHECK(out_.size() >= sizeof(VoteHeader), "a Vote's header fits");
  VoteHeader mine = header;
  mine.type = static_cast<uint8_t>(CellMessage::vote);
  put(out_, mine);
}

bool VoteWriter::add(uint64_t s, Bytes result) {
  TERCET_CHECK(result.size() <= kResultMax, "a result fits a Vote");
  if (out_.size() - used_ < sizeof(VoteResult) + result.size()) {
    return false;
  }
  VoteResult header{};
  header.s = s;
  header.length = static_cast<uint8_t>(result.size());
  put(out_.subspan(used_), header);
  used_ += sizeof header;
  used_ += put_bytes(out_.subspan(used_), result);
  ++count_;
  return true;
}

size_t VoteWriter::finish(const Hash128& last_l) {
  VoteHeader header = *header_of<VoteHeader>(out_);
  header.count = count_;
  header.last_l = last_l;
  put(out_, header);
  return used_;
}

}  // namespace tercet
