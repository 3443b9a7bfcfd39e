#!/usr/bin/env bash
# What `scripts/cell up --set` does to a configuration file: one value changes, all else stays as it was. No cell, no root.
set -euo pipefail
exec /usr/bin/python3 -I -B - "$(dirname "$0")/../../scripts/lib/cell" <<'PYTHON'
import sys
import unittest

sys.path.insert(0, sys.argv[1])
import configuration
from common import CellError

FILE = '''# lb1
[port]
# How datagrams move. Default: "auto"
engine = "auto"  # or "mmsg" # or "uring"
poll = "adap#tive" # a # in a string is no comment

[failover]
engine = "not this one"
advert_interval = "100ms"
'''


class SetValue(unittest.TestCase):
    def test_changes_one_line_and_keeps_its_comment(self):
        changed = configuration.set_value(FILE, "port.engine", '"mmsg"')
        self.assertEqual(changed, FILE.replace('"auto"  # or', '"mmsg"  # or'))

    def test_knows_a_comment_from_a_string(self):
        changed = configuration.set_value(FILE, "port.poll", '"busy"')
        self.assertIn('\npoll = "busy" # a # in a string is no comment\n', changed)

    def test_goes_by_the_section(self):
        changed = configuration.set_value(FILE, "failover.engine", "7")
        self.assertIn('engine = "auto"', changed)
        self.assertIn("[failover]\nengine = 7\n", changed)

    def test_adds_a_key_to_its_section(self):
        changed = configuration.set_value(FILE, "port.steering_threads", "2")
        self.assertIn("[port]\nsteering_threads = 2\n", changed)

    def test_adds_a_section(self):
        changed = configuration.set_value(FILE, "store.dir", '"/x"')
        self.assertEqual(changed, FILE + '\n[store]\ndir = "/x"\n')

    def test_a_name_that_begins_alike_is_another(self):
        changed = configuration.set_value(FILE, "failover.advert", "1")
        self.assertIn('advert_interval = "100ms"', changed)
        self.assertIn("advert = 1\n", changed)


class Values(unittest.TestCase):
    def test_toml_stays_and_the_rest_is_quoted(self):
        for given, expected in (("7", "7"), ("true", "true"), ('"x"', '"x"'), ('["a", "b"]', '["a", "b"]'),
                                ("5ms", '"5ms"'), ("uring", '"uring"'), ("", '""'), ('a"b\\', '"a\\"b\\\\"'),
                                ("7 # seven", "7 # seven"), ("198.18.0.1:8210", '"198.18.0.1:8210"')):
            self.assertEqual(configuration.as_toml(given), expected, given)

    def test_nothing_can_break_out_of_its_line(self):
        for given in ('1\nother = 2', '1\n[section]', "a\x00b"):
            self.assertRaises(CellError, configuration.as_toml, given)

    def test_settings(self):
        known = ("lb1", "b1")
        self.assertEqual(configuration.parse_setting("lb1:failover.garp_refresh=1m", known),
                         ("lb1", "failover.garp_refresh", '"1m"'))
        self.assertEqual(configuration.parse_setting("b1:peers.lb2=198.18.0.2:8210", known),
                         ("b1", "peers.lb2", '"198.18.0.2:8210"'))
        for wrong in ("lb1", "lb1:port.engine", "lb9:port.engine=x", "lb1:engine=x", "lb1:port.en gine=x", ":a.b=1", ""):
            self.assertRaises(CellError, configuration.parse_setting, wrong, known)


unittest.main(argv=["configuration_test"])
PYTHON
