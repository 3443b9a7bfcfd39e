#include "wire/fetch.h"

#include <algorithm>

#include "base/check.h"
#include "wire/ranges.h"

namespace tercet {

bool EntriesWalk::next(EntryView& out) {
  const size_t size = parse_entry(rest_, out);
  rest_ = rest_.subspan(size);
  return size != 0;
}

Drop parse_missing(Bytes plain, MissingView& out) {
  if (const Drop drop = take_whole(plain, CellMessage::missing, out.header); drop != Drop::none) {
    return drop;
  }
  const Missing& m = *out.header;
  if (m.reserved != 0) {
    return Drop::reserved;
  }
  const bool fits = m.datagrams != 0 && m.from != 0 && m.to >= m.from && seq_fits(m.to);
  return fits ? Drop::none : Drop::malformed;
}

Drop parse_entries(Bytes plain, EntriesView& out) {
  if (const Drop drop = take_header(plain, CellMessage::entries, out.header); drop != Drop::none) {
    return drop;
  }
  const EntriesHeader& header = *out.header;
  if (header.reserved != 0) {
    return Drop::reserved;
  }
  if (header.first == 0 || !seq_fits(header.first) || !seq_fits(header.commit)) {
    return Drop::malformed;
  }
  Bytes rest = plain.subspan(sizeof(EntriesHeader));
  out.entries = rest;
  for (unsigned i = 0; i < header.count; ++i) {
    EntryView entry;
    const size_t size = parse_entry(rest, entry);
    if (size == 0 || entry.seq.value != header.first + i) {
      return Drop::malformed;
    }
    rest = rest.subspan(size);
  }
  return rest.empty() ? Drop::none : Drop::malformed;
}

Drop parse_fetch(Bytes plain, FetchView& out) {
  if (const Drop drop = take_whole(plain, CellMessage::fetch, out.header); drop != Drop::none) {
    return drop;
  }
  const Fetch& f = *out.header;
  if (f.reserved != 0) {
    return Drop::reserved;
  }
  const bool fits =
      f.datagrams != 0 && f.checkpoint != 0 && seq_fits(f.checkpoint) && f.offset < kImageBytesMax;
  return fits ? Drop::none : Drop::malformed;
}

Drop parse_chunk(Bytes plain, ChunkView& out) {
  if (const Drop drop = take_header(plain, CellMessage::chunk, out.header); drop != Drop::none) {
    return drop;
  }
  const ChunkHeader& c = *out.header;
  if (c.reserved != 0) {
    return Drop::reserved;
  }
  out.bytes = plain.subspan(sizeof(ChunkHeader));
  const bool fits = out.bytes.size() == c.size && c.checkpoint != 0 && seq_fits(c.checkpoint) &&
                    c.total <= kImageBytesMax && c.offset <= c.total && c.size <= c.total - c.offset;
  return fits ? Drop::none : Drop::malformed;
}

EntriesWriter::EntriesWriter(MutBytes out, const EntriesHeader& header)
    : out_(out.first(std::min(out.size(), kCellPlainMax))), used_(sizeof(EntriesHeader)) {
  TERCET_CHECK(out_.size() >= sizeof(EntriesHeader), "an Entries header fits");
  EntriesHeader mine = header;
  mine.type = static_cast<uint8_t>(CellMessage::entries);
  put(out_, mine);
}

bool EntriesWriter::add(const EntryView& entry) {
  TERCET_CHECK(entry.seq.value == header_of<EntriesHeader>(out_)->first + count_,
               "Entries follow each other");
  const size_t size = write_entry(entry, out_.subspan(used_));
  if (size == 0) {
    return false;
  }
  used_ += size;
  ++count_;
  return true;
}

size_t EntriesWriter::finish() {
  EntriesHeader header = *header_of<EntriesHeader>(out_);
  header.count = count_;
  put(out_, header);
  return used_;
}

}  // namespace tercet
