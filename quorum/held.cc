#include "quorum/held.h"

#include <algorithm>

#include "base/mutant.h"

namespace tercet::quorum {

void Held::vote(Seq first, Seq last, bool anew) {
  if (anew || vote_from_ > vote_to_) {
    vote_from_ = first;
    vote_to_ = last;
  } else {
    vote_from_ = std::min(vote_from_, first);
    vote_to_ = std::max(vote_to_, last);
  }
}

void Held::read(ServerId to, Seq place, const AnswerHeader& header, Bytes answer) {
  Answered& held = reads_.push_back();
  held.to = to;
  held.place = place;
  held.header = header;
  held.answer.clear();
  held.answer.resize(answer.size());
  std::copy(answer.begin(), answer.end(), held.answer.begin());
}

void Held::cut(Seq first) {
  while (!reads_.empty() && reads_.back().place >= first) {
    reads_.pop_back();
  }
  if (vote_to_ >= first) {
    vote_to_ = previous(first);
  }
}

void Held::forget() {
  vote_from_ = Seq{1};
  vote_to_ = Seq{0};
  reads_.clear();
  promise_.reset();
}

void Held::send_promise(const Durable& durable, Bytes introduction, Outbox& out) {
  if (!promise_ || (promise_->lsn > durable.lsn && !planted(Mutant::promise_before_durable))) {
    return;
  }
  const MutBytes room = out.open();
  if (room.empty()) {
    return;
  }
  promise_->header.introduction = static_cast<uint8_t>(introduction.size());  // as it is now
  put(room, promise_->header);
  std::copy(introduction.begin(), introduction.end(), room.begin() + sizeof(PromiseHeader));
  out.close(promise_->to, sizeof(PromiseHeader) + introduction.size());
  promise_.reset();
}

void Held::send_votes(const Durable& durable, const Voter& voter, ServerId to, const LogView& log,
                      Outbox& out) {
  const Seq last = std::min(vote_to_, planted(Mutant::vote_before_durable) ? log.last() : durable.seq);
  // Results older than those kept are gone: an LB never asks for them, its window is smaller.
  if (last.value > results_.size() && vote_from_.value <= last.value - results_.size()) {
    vote_from_ = Seq{last.value - results_.size() + 1};
  }
  while (vote_from_ <= last) {
    const MutBytes room = out.open();
    if (room.empty()) {
      return;
    }
    VoteHeader header{};
    header.type = static_cast<uint8_t>(CellMessage::vote);
    header.flags = voter.flags;
    header.epoch = voter.epoch.value;
    header.incarnation = voter.incarnation.value;
    header.first = vote_from_.value;
    header.wall_ms = as_unsigned(voter.wall.ms);
    header.durable = durable.seq.value;
    header.load = static_cast<uint16_t>(std::min<uint64_t>(distance(durable.seq, log.last()), UINT16_MAX));
    header.container = static_cast<uint8_t>(voter.container);
    header.absent = voter.absent;
    VoteWriter writer(room, header);
    Seq at = vote_from_;
    while (at <= last) {
      const Result& mine = result(at);
      if (!writer.add(log.s_at(at).low, {mine.data(), mine.size()})) {
        break;
      }
      at = tercet::next(at);
    }
    out.close(to, writer.finish(log.l_at(previous(at))));
    vote_from_ = at;
  }
}

void Held::send_answers(const Durable& durable, Outbox& out) {
  while (!reads_.empty() && reads_.front().place <= durable.seq) {
    const MutBytes room = out.open();
    if (room.empty()) {
      return;
    }
    Answered& one = reads_.front();
    one.header.load = static_cast<uint32_t>(reads_.size());
    put(room, one.header);
    std::copy(one.answer.begin(), one.answer.end(), room.begin() + sizeof(AnswerHeader));
    out.close(one.to, sizeof(AnswerHeader) + one.answer.size());
    reads_.pop_front();
  }
}

}  // namespace tercet::quorum
