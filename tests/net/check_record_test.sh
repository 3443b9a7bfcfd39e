#!/usr/bin/env bash
# check_record.py against records with planted violations: what it must find, and what it must let pass. No cell, no root.
set -euo pipefail
exec /usr/bin/python3 -I -B - "$(dirname "$0")" <<'PYTHON'
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, sys.argv[1])
import check_record

S = 1_000_000_000
BASE = 1000 * S  # the machine has been up for a while


def handle(number):
    return f"{number:032x}"


def line(op, number, outcome, sent, answered, until=0, code=None, request=1):
    return json.dumps({"op": op, "handle": handle(number), "outcome": outcome, "code": code, "request": request,
                       "sent_ns": BASE + int(sent * S), "answered_ns": BASE + int(answered * S),
                       "held_until_ns": BASE + int(until * S) if until else 0})


def grant(number, sent, answered, until):
    return line("checkout", number, "granted", sent, answered, until)


class Case(unittest.TestCase):
    def judge(self, lines, quantity=1, elsewhere=0):
        read = [check_record.Line(f"test:{number}", text) for number, text in enumerate(lines, 1)]
        return check_record.judge(read, quantity, elsewhere)

    def finds(self, kinds, lines, **how):
        self.assertEqual([kind for kind, _, _ in self.judge(lines, **how).offences], kinds)


class Seats(Case):
    def test_two_at_once_of_one(self):
        self.finds(["seats"], [grant(1, 0, 0.1, 60), grant(2, 1, 1.1, 61)])

    def test_one_after_the_other(self):
        self.finds([], [grant(1, 0, 0.1, 60), line("release", 1, "released", 5, 5.2, request=2), grant(2, 5.05, 5.1, 61)])

    def test_given_up_when_the_release_is_sent_not_when_it_is_answered(self):
        self.finds(["seats"], [grant(1, 0, 0.1, 60), line("release", 1, "released", 5, 5.2, request=2),
                               grant(2, 4.8, 4.99, 61)])

    def test_a_release_without_an_answer_gives_it_up_too(self):
        self.finds([], [grant(1, 0, 0.1, 60), line("release", 1, "unknown", 5, 10, code="NO_ANSWER", request=2),
                        grant(2, 5.05, 5.1, 61)])

    def test_the_lease_ends(self):
        self.finds([], [grant(1, 0, 0.1, 60), grant(2, 59.9, 60, 120)])
        self.finds(["seats"], [grant(1, 0, 0.1, 60), grant(2, 59.9, 59.999, 120)])

    def test_a_renewal_makes_it_longer(self):
        renewed = line("renew", 1, "granted", 30, 30.1, 90, request=2)
        self.finds(["seats"], [grant(1, 0, 0.1, 60), renewed, grant(2, 70, 70.1, 130)])
        self.finds([], [grant(1, 0, 0.1, 60), renewed, grant(2, 90, 90.1, 150)])

    def test_a_renewal_without_an_answer_does_not(self):
        self.finds([], [grant(1, 0, 0.1, 60), line("renew", 1, "unknown", 30, 35, 60, code="NO_ANSWER", request=2),
                        grant(2, 70, 70.1, 130)])

    def test_not_held_between_the_end_and_a_late_renewal(self):
        self.finds([], [grant(1, 0, 0.1, 60), line("renew", 1, "granted", 59, 65, 119, request=2),
                        grant(2, 61, 61.1, 64), line("release", 2, "released", 62, 62.1, request=2)])

    def test_a_checkout_without_an_answer_holds_nothing(self):
        self.finds([], [line("checkout", 1, "unknown", 0, 5, code="UNAVAILABLE"), grant(2, 1, 1.1, 61)])

    def test_quantity_and_seats_elsewhere(self):
        three = [grant(number, 0, 0.1, 60) for number in (1, 2, 3)]
        self.finds([], three, quantity=3)
        self.finds(["seats"], three, quantity=3, elsewhere=1)

    def test_over_several_clients(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in "ab"]
            for number, path in enumerate(paths, 1):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(grant(number, number, number + 0.1, 60) + "\n")
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                self.assertEqual(check_record.main(["--quantity", "2", *paths]), 0)
                self.assertEqual(check_record.main(["--quantity", "1", *paths]), 1)
            self.assertIn(handle(2), said.getvalue())
            self.assertIn(f"{paths[1]}:1", said.getvalue())


class Lost(Case):
    def test_what_is_held_is_not_unknown(self):
        for op in ("renew", "release", "read"):
            self.finds(["lost"], [grant(1, 0, 0.1, 60),
                                  line(op, 1, "denied", 5, 5.1, code="UNKNOWN_HANDLE", request=2)])

    def test_nor_revoked(self):
        self.finds(["lost"], [grant(1, 0, 0.1, 60), line("renew", 1, "denied", 5, 5.1, code="REVOKED", request=2)])

    def test_too_late_is_not_lost(self):
        self.finds([], [grant(1, 0, 0.1, 60), line("renew", 1, "denied", 5, 5.1, 60, code="STALE", request=2)])

    def test_after_the_end_it_may_be_unknown(self):
        for op in ("renew", "release", "read"):
            self.finds([], [grant(1, 0, 0.1, 60),
                            line(op, 1, "denied", 59, 60.5, code="UNKNOWN_HANDLE", request=2)])

    def test_after_a_release_it_may_be_unknown(self):
        self.finds([], [grant(1, 0, 0.1, 60), line("release", 1, "unknown", 5, 10, code="NO_ANSWER", request=2),
                        line("release", 1, "denied", 10, 10.1, code="UNKNOWN_HANDLE", request=3)])

    def test_a_renewal_without_an_answer_does_not_excuse_it(self):
        self.finds(["lost"], [grant(1, 0, 0.1, 60), line("renew", 1, "unknown", 30, 35, 60, code="NO_ANSWER", request=2),
                              line("release", 1, "denied", 36, 36.1, code="UNKNOWN_HANDLE", request=3)])

    def test_what_was_never_seen_granted_may_be_unknown(self):
        self.finds([], [line("checkout", 1, "unknown", 0, 5, code="NO_ANSWER"),
                        line("release", 1, "denied", 6, 6.1, code="UNKNOWN_HANDLE", request=2)])


class Denials(Case):
    def test_while_there_is_a_free_seat(self):
        self.finds(["denials"], [line("checkout", 1, "denied", 1, 1.1, code="NO_FREE_SEAT")])
        self.finds(["denials"], [grant(1, 0, 0.1, 60), line("release", 1, "released", 5, 5.2, request=2),
                                 line("checkout", 2, "denied", 5.3, 5.4, code="NO_FREE_SEAT")])

    def test_while_all_are_taken(self):
        self.finds([], [grant(1, 0, 0.1, 60), line("checkout", 2, "denied", 1, 1.1, code="NO_FREE_SEAT")])

    def test_another_asks_at_the_same_time(self):
        self.finds([], [grant(1, 1.05, 1.5, 60), line("checkout", 2, "denied", 1, 1.1, code="NO_FREE_SEAT")])
        self.finds(["denials"], [grant(1, 1.15, 1.5, 60), line("checkout", 2, "denied", 1, 1.1, code="NO_FREE_SEAT")])

    def test_one_of_unknown_outcome_may_have_it(self):
        self.finds([], [line("checkout", 1, "unknown", 0, 5, code="NO_ANSWER"),
                        line("checkout", 2, "denied", 8, 8.1, code="NO_FREE_SEAT")])

    def test_until_it_was_released(self):
        self.finds(["denials"], [line("checkout", 1, "unknown", 0, 5, code="NO_ANSWER"),
                                 line("release", 1, "denied", 6, 6.1, code="UNKNOWN_HANDLE", request=2),
                                 line("checkout", 2, "denied", 8, 8.1, code="NO_FREE_SEAT")])

    def test_a_denied_one_takes_none(self):
        self.finds(["denials"], [line("checkout", 1, "denied", 0, 9, code="FEATURE_NOT_LICENSED"),
                                 line("checkout", 2, "denied", 8, 8.1, code="NO_FREE_SEAT")])

    def test_others_may_have_all(self):
        self.finds([], [line("checkout", 1, "denied", 1, 1.1, code="NO_FREE_SEAT")], quantity=2, elsewhere=2)


class Handles(Case):
    def test_renewed_after_its_release(self):
        self.finds(["handles"], [grant(1, 0, 0.1, 60), line("release", 1, "released", 5, 5.1, request=2),
                                 line("renew", 1, "granted", 6, 6.1, 66, request=3)])

    def test_granted_twice(self):
        self.finds(["handles"], [grant(1, 0, 0.1, 10), line("checkout", 1, "granted", 20, 20.1, 30, request=2)])

    def test_reads_about_no_seat(self):
        self.finds([], [line("read", 0, "granted", 0, 0.1), line("read", 0, "denied", 1, 1.1, code="NO_SUCH_LICENSE")])


class Input(Case):
    def run_on(self, text, *more):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write(text)
            file.flush()
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                return check_record.main(["--quantity", "1", *more, file.name])

    def test_what_is_no_record_is_not_passed_over(self):
        good = grant(1, 0, 0.1, 60) + "\n"
        self.assertEqual(self.run_on(good), 0)
        for bad in ("{}\n", "x\n", "\n", good.replace("granted", "maybe"), good.replace("checkout", "steal"),
                    line("renew", 1, "denied", 5, 5.1) + "\n", line("checkout", 1, "granted", 5, 4, 60) + "\n",
                    good.replace(handle(1), "1"), good.replace('"sent_ns": ', '"sent_ns": "1", "x": '), "7\n"):
            self.assertEqual(self.run_on(good + bad), 2, bad)

    def test_an_empty_record_shows_nothing(self):
        self.assertEqual(self.run_on(""), 2)

    def test_a_last_line_that_was_cut_is_left_out(self):
        self.assertEqual(self.run_on(grant(1, 0, 0.1, 60) + "\n" + grant(2, 1, 1.1, 60)[:40]), 0)

    def test_no_file(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(check_record.main(["--quantity", "1", "/nonexistent/record"]), 2)


unittest.main(argv=["check_record_test"])
PYTHON
