"""Judges a cell by its clients' own record: `check_record.py --quantity N [--elsewhere N] FILE…`

FILE: what `tercet bench --record` wrote, a JSON line for each finished request. All files are of one license and of one
machine, whose CLOCK_BOOTTIME every network namespace shares. Nothing here comes from the servers or their code.

A client holds a seat from the answer that granted (or renewed) it until its lease ends by the client's own reckoning, or
until it first sent the release. Judged is:

  seats    at no time do all clients together hold more than the quantity
  lost     what is asked about a seat that is held when the answer comes is not denied: UNKNOWN_HANDLE would mean that an
           acknowledged grant is gone. STALE says that the request came too late, and nothing of the seat
  denials  NO_FREE_SEAT is told only if at some time between question and answer all seats may have been taken: by every
           handle that was asked for and not yet known to be free again
  handles  a handle is granted by one checkout, and not renewed once it was released

An outcome that is `unknown` counts neither for nor against: the client does not hold what it did not see granted, and
what it may have left in the cell may be taken. `--elsewhere N`: so many seats are held by others all the time.

Exit codes: 0 all is right, 1 something is wrong (the lines that show it are printed), 2 a file cannot be understood.
"""

import argparse
import bisect
import collections
import json
import sys

OPS = ("checkout", "renew", "release", "read")
OUTCOMES = ("granted", "denied", "released", "unknown")
TIMES = ("sent_ns", "answered_ns", "held_until_ns")
NO_HANDLE = "0" * 32  # a read that asks about no seat
SHOWN = 20            # offences that are printed whole


class BadRecord(Exception):
    pass


class Line:
    """One finished request, and where it stands."""

    __slots__ = ("where", "text", "op", "handle", "outcome", "code", "request", "sent", "answered", "held_until")

    def __init__(self, where, text):
        self.where = where
        self.text = text
        try:
            fields = json.loads(text)
            self.op, self.handle = fields["op"], fields["handle"]
            self.outcome, self.code = fields["outcome"], fields["code"]
            self.request = fields.get("request", 0)
            self.sent, self.answered, self.held_until = (fields[name] for name in TIMES)
        except (ValueError, TypeError, KeyError) as error:
            raise BadRecord(f"{where}: no record of a request ({error!r}): {text[:200]}") from error
        if self.op not in OPS or self.outcome not in OUTCOMES:
            raise BadRecord(f"{where}: op {self.op!r}, outcome {self.outcome!r}")
        if not isinstance(self.handle, str) or len(self.handle) != 32:
            raise BadRecord(f"{where}: handle {self.handle!r}")
        if not all(type(time) is int for time in (self.sent, self.answered, self.held_until)):
            raise BadRecord(f"{where}: a time is no whole number: {text[:200]}")
        if not 0 < self.sent <= self.answered:
            raise BadRecord(f"{where}: answered before it was sent: {text[:200]}")
        if self.outcome == "denied" and not self.code:
            raise BadRecord(f"{where}: denied without a code")

    def __str__(self):
        return f"{self.where}: {self.text}"


def read(paths):
    lines = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                if not text.endswith("\n"):
                    break  # cut short: its writer was killed
                lines.append(Line(f"{path}:{number}", text.strip()))
    return lines


class Seat:
    """All that was asked about one handle, in the order of its request numbers."""

    def __init__(self, lines):
        self.lines = sorted(lines, key=lambda line: (line.request, line.answered))
        self.checkouts = [line for line in self.lines if line.op == "checkout"]
        self.grants = [line for line in self.lines if line.op in ("checkout", "renew") and line.outcome == "granted"]
        self.given_up = min((line.sent for line in self.lines if line.op == "release"), default=None)
        self.leased = self._leased()
        cut = float("inf") if self.given_up is None else self.given_up
        self.held = [(start, min(end, cut)) for start, end in self.leased if start < cut]
        self.maybe = self._maybe()

    def _leased(self):
        """Disjoint spans in which the client has a lease by its own reckoning, whether it gave it up or not."""
        spans = []
        for grant in sorted(self.grants, key=lambda line: line.answered):
            if grant.answered >= grant.held_until:
                continue
            if spans and grant.answered <= spans[-1][1]:
                spans[-1][1] = max(spans[-1][1], grant.held_until)
            else:
                spans.append([grant.answered, grant.held_until])
        return spans

    def _maybe(self):
        """The span in which the cell may count this seat as taken; None if it never did."""
        if not self.checkouts:
            return None
        asked = min(line.sent for line in self.checkouts)
        if all(line.outcome == "denied" for line in self.checkouts):
            return None
        gone = [line.answered for line in self.lines
                if line.outcome == "released" or (line.outcome == "denied" and line.code == "UNKNOWN_HANDLE")]
        return [asked, min(gone)] if gone else [asked, None]

    def holds_at(self, time):
        return any(start <= time < end for start, end in self.held)


class Count:
    """How many spans are open, over time."""

    def __init__(self, spans):
        changes = collections.Counter()
        for start, end in spans:
            changes[start] += 1
            if end is not None:
                changes[end] -= 1
        self.times = sorted(changes)
        self.counts = []
        count = 0
        for time in self.times:
            count += changes[time]
            self.counts.append(count)

    def most(self):
        """The highest count, and since when."""
        if not self.counts:
            return 0, 0
        highest = max(self.counts)
        return highest, self.times[self.counts.index(highest)]

    def reaches(self, enough, start, end):
        """Whether the count is `enough` at some time from start to end."""
        position = bisect.bisect_right(self.times, start) - 1
        if position < 0:
            position = 0
            if enough <= 0:
                return True
        while position < len(self.times) and self.times[position] <= end:
            if self.counts[position] >= enough:
                return True
            position += 1
        return enough <= 0


class Verdict:
    def __init__(self):
        self.offences = []
        self.summary = {}

    def add(self, kind, what, lines):
        self.offences.append((kind, what, lines))


def judge(lines, quantity, elsewhere=0):
    by_handle = collections.defaultdict(list)
    for line in lines:
        if line.handle != NO_HANDLE:
            by_handle[line.handle].append(line)
    seats = {handle: Seat(of_handle) for handle, of_handle in by_handle.items()}
    verdict = Verdict()
    _judge_seats(seats, quantity - elsewhere, verdict)
    for seat in seats.values():
        _judge_lost(seat, verdict)
        _judge_handle(seat, verdict)
    _judge_denials(lines, seats, quantity - elsewhere, verdict)

    outcomes = collections.Counter(f"{line.op} {line.outcome}" for line in lines)
    codes = collections.Counter(f"{line.outcome} {line.code}" for line in lines if line.code)
    verdict.summary = {
        "requests": len(lines), "handles": len(seats), "granted": sum(1 for seat in seats.values() if seat.held),
        "most_held": Count([span for seat in seats.values() for span in seat.held]).most()[0],
        "quantity": quantity, "elsewhere": elsewhere, "outcomes": dict(sorted(outcomes.items())),
        "codes": dict(sorted(codes.items())), "offences": len(verdict.offences)}
    return verdict


def _judge_seats(seats, free, verdict):
    count = Count([span for seat in seats.values() for span in seat.held])
    highest, since = count.most()
    if highest <= free:
        return
    holders = [seat for seat in seats.values() if seat.holds_at(since)]
    latest = [max((grant for grant in seat.grants if grant.answered <= since), key=lambda line: line.answered)
              for seat in holders]
    latest.sort(key=lambda line: line.answered)
    verdict.add("seats", f"{highest} seats are held at {since}, and there are {free}; the latest grants", latest[-SHOWN:])


def _judge_lost(seat, verdict):
    for line in seat.lines:
        if line.op == "checkout" or line.outcome != "denied" or line.code == "STALE":
            continue
        if seat.given_up is not None and seat.given_up < line.sent:
            continue  # an earlier release may have reached the cell
        if any(start <= line.sent and line.answered < end for start, end in seat.leased):
            verdict.add("lost", f"{line.op} of a held seat: {line.code}", seat.lines)


def _judge_handle(seat, verdict):
    if len([line for line in seat.checkouts if line.outcome == "granted"]) > 1:
        verdict.add("handles", "one handle is granted by two checkouts", seat.checkouts)
    released = [line for line in seat.lines if line.outcome == "released"]
    for line in seat.grants:
        if any(line.sent > release.answered for release in released):
            verdict.add("handles", "granted after it was released", released + [line])


def _judge_denials(lines, seats, free, verdict):
    count = Count([seat.maybe for seat in seats.values() if seat.maybe])
    for line in lines:
        if line.op == "checkout" and line.code == "NO_FREE_SEAT" and line.outcome == "denied":
            if not count.reaches(free, line.sent, line.answered):
                verdict.add("denials", f"NO_FREE_SEAT, but there was one of {free} all the time", [line])


def main(arguments):
    parser = argparse.ArgumentParser(prog="check_record", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quantity", type=int, required=True)
    parser.add_argument("--elsewhere", type=int, default=0)
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        lines = read(options.files)
    except (OSError, BadRecord) as error:
        print(f"check_record: {error}", file=sys.stderr)
        return 2
    if not lines:
        print("check_record: the record is empty", file=sys.stderr)
        return 2
    verdict = judge(lines, options.quantity, options.elsewhere)
    print(json.dumps(verdict.summary))
    for kind, what, shown in verdict.offences[:SHOWN]:
        print(f"{kind}: {what}")
        for line in shown[:SHOWN]:
            print(f"    {line}")
    if len(verdict.offences) > SHOWN:
        print(f"and {len(verdict.offences) - SHOWN} more")
    return 1 if verdict.offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
