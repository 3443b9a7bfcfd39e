#!/usr/bin/env python3
"""Makes tercet.lua, the dissector for Wireshark and tshark, from the declarations in wire/ and from template.lua.

  docs/wireshark/make.py           writes tercet.lua
  docs/wireshark/make.py --check   exit 1 if the one that is there is not what would be written

What a message's bytes are called, where they stand and what their values are called is read from the headers: every
struct of alignment-1 fields, its comments, its size (which the static_assert below it must confirm), every enum of bytes,
the constants. Which struct a message begins with is said below; what follows that struct is walked by template.lua, which
names structs as S.Name, enumerators as E.Enum.name and constants as K.name. A struct, an enumerator of a message or a flag
that neither of the two knows is an error here: that is how a new one is not forgotten.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
WIRE = HERE.parent.parent / "wire"
HEADERS = ("ids.h", "opened.h", "datagram.h", "query.h", "op.h", "listing.h", "cell_message.h", "entry.h", "accept.h", "vote.h",
           "prepare.h", "fetch.h", "heartbeat.h", "introduction.h")

# What each message begins with, and the function of template.lua that walks what follows. None: its place; later.
MESSAGES = {
    "ClientMessage": {
        "hello": ("Hello", None), "hello_ack": ("HelloAck", None), "query": ("QueryHeader", "operations"),
        "reply": ("ReplyHeader", "answers"),
    },
    "CellMessage": {
        "accept": ("AcceptHeader", "accept_items"), "vote": ("VoteHeader", "vote_results"),
        "answer": ("AnswerHeader", "answer_body"), "prepare": ("Prepare", None),
        "promise": ("PromiseHeader", "introduction"), "refused": ("Refused", None), "ask": ("Ask", None),
        "heard": ("Heard", None), "keepalive": ("Keepalive", None), "missing": ("Missing", None),
        "entries": ("EntriesHeader", "entries"), "heartbeat": ("Heartbeat", None), "handover": None,
        "chunk": ("ChunkHeader", "piece"), "fetch": ("Fetch", None),
    },
}
STATE = ["kDivergent", "kBlank", "kAmnesiac", "kMember", "kCatchingUp", "kLeasesLive", "kMoreDue", "kStopped"]
FLAGS = {
    "AcceptHeader.flags": ["kFit"], "Keepalive.flags": ["kFit", "kQuiet", "kAdmits"], "VoteHeader.flags": STATE,
    "Heard.flags": STATE, "Heard.traits": ["kAsksRejoin", "kVacant", "kNewcomer"], "PromiseHeader.flags": STATE, "Refused.flags": STATE,
    "AnswerHeader.flags": ["kWhole"],
    "OpResult.flags": ["kLaterAnswer", "kUnitsLeft"],
    "Heartbeat.flags": ["kLostClients", "kLostBackends", "kResigned", "kHoldsAddress", "kServing"],
}
NOT_FLAGS = {"kOpenedVersion", "kDatagramVersion", "kSenderClient", "kQueryVersion", "kItemEntry", "kItemRead"}
# Where the comment does not begin with the enum's name.
ENUM_OF = {"DatagramHeader.kind": "DatagramKind", "DatagramHeader.sender": "ServerId", "OpHeader.kind": "OpKind",
           "OpResult.code": "Code", "EntryHeader.kind": "EntryKind"}
# Sizes of bodies that the headers assert only together with what is in front of them.
SIZE_OF = {"RenewBody": 4, "ConsumeBody": 8, "StatusBody": 8}
# Numbers that name something, or are bits: hexadecimal. All others are decimal.
HEX = {"cell_id", "cell", "incarnation", "replaced", "instance", "echo_instance", "s", "features", "nonce", "last_l_low", "last_l_high",
       "readers", "constituents"}
EPOCHS = {"epoch", "last_epoch", "promised"}
WALL = {"wall_ms", "clock_ms", "valid_from_ms", "valid_until_ms", "usage_from_ms", "since_wall_ms", "end_wall_ms", "lease_end_wall_ms"}
SIZES = {"uint8_t": 1, "Le16": 2, "Le32": 4, "Le64": 8, "WireHash": 16}


class Stale(Exception):
    pass


def snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def camel(name):
    return "".join(word.capitalize() for word in name.split("_"))


class Field:
    def __init__(self, type_, name, count, offset, size, comment):
        self.type, self.name, self.count, self.offset, self.size, self.comment = type_, name, count, offset, size, comment


class Struct:
    def __init__(self, name, fields, size):
        self.name, self.fields, self.size = name, fields, size
        self.prefix = "tercet." + snake(re.sub("Header$", "", name) or name)


class Declarations:
    def __init__(self):
        self.structs, self.enums, self.constants = {}, {}, {}
        for header in HEADERS:
            self.read(header, (WIRE / header).read_text())

    def read(self, header, text):
        for name, value in re.findall(r"inline constexpr (?:uint8_t|unsigned|size_t) (k\w+) = (0x[0-9A-Fa-f]+|\d+);", text):
            self.constants[name] = (int(value, 0), header)
        for name, body in re.findall(r"enum class (\w+) : uint8_t \{(.*?)\};", text, re.S):
            body = re.sub(r"//.*", "", body)
            values = dict(re.findall(r"(\w+) = (\d+)", body))
            if len(values) != len([part for part in body.split(",") if part.strip()]):
                raise Stale(f"{header}: {name}: an enumerator without a number")
            self.enums[name] = {key: int(value) for key, value in values.items()}
        for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", text, re.S | re.M):
            struct = self.fields_of(header, name, body)
            if struct is None:
                continue
            said = re.search(rf"static_assert\(sizeof\({name}\) == (\d+)", text)
            size = int(said.group(1)) if said else SIZE_OF.get(name)
            if size is None:
                raise Stale(f"{header}: {name}: no static_assert of its size")
            if size != struct.size:
                raise Stale(f"{header}: {name}: {struct.size} bytes were understood, {size} are asserted")
            self.structs[name] = struct

    def fields_of(self, header, name, body):
        """None: no struct of the wire (a view, something of a writer)."""
        lines, fields, offset = body.split("\n"), [], 0
        # A member may stand on two lines, its comment on several.
        joined = []
        for line in lines:
            line = line.strip()
            if joined and (line.startswith("///<") or re.fullmatch(r"\w+", joined[-1]) or
                           joined[-1].startswith("//") and line.startswith("//")):
                joined[-1] += " " + line
            elif line:
                joined.append(line)
        for line in joined:
            if line.startswith("[["):
                break  # functions follow
            match = re.match(r"(\w+)\s+(\w+)(?:\[(\w+)\])?(?:\s*=\s*[^;]*)?;\s*(?:///?<?\s*(.*))?$", line)
            if not match:
                if line.startswith("//") or re.match(r"WireHash\(|\w+\(\) = default", line):
                    continue
                return None
            type_, field, count, comment = match.groups()
            comment = re.sub(r"\s*///<\s*", " ", comment or "").strip()
            base = SIZES.get(type_) or (self.structs[type_].size if type_ in self.structs else None)
            if base is None:
                return None
            number = 1
            if count is not None:
                number = int(count) if count.isdigit() else self.constants[count][0]
            fields.append(Field(type_, field, None if count is None else number, offset, base, comment))
            offset += base * number
        return Struct(name, fields, offset) if fields and name != "WireHash" else None

    def enum_of(self, struct, field):
        where = f"{struct.name}.{field.name}"
        if where in ENUM_OF:
            return ENUM_OF[where]
        if field.name == "type":
            return "ClientMessage" if any(struct.name == (m or [None])[0] for m in MESSAGES["ClientMessage"].values()) \
                else "CellMessage"
        word = re.match(r"(\w+)", field.comment)
        return word.group(1) if field.type == "uint8_t" and field.count is None and word and word.group(1) in self.enums \
            else None


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def shown(enum, name):
    if enum == "Code":
        return name.upper()  # as name_of() in wire/op.h
    return camel(name) if enum in MESSAGES else name


class Writer:
    def __init__(self, declarations, template):
        self.d, self.template, self.lines, self.used = declarations, template, [], set()

    def write(self):
        self.check()
        for enum in sorted(self.d.enums):
            values = ", ".join(f"[{value}] = {quoted(shown(enum, name))}" for name, value in self.d.enums[enum].items())
            if enum == "ServerId":
                values += f', [{self.d.constants["kSenderClient"][0]}] = "client"'
            self.lines.append(f"N.{enum} = {{{values}}}")
            values = ", ".join(f"{name} = {value}" for name, value in self.d.enums[enum].items())
            self.lines.append(f"E.{enum} = {{{values}}}")
        for name in sorted(set(re.findall(r"\bK\.(k\w+)", self.template))):
            if name not in self.d.constants:
                raise Stale(f"template.lua: K.{name}: there is no such constant in wire/")
            self.lines.append(f"K.{name} = {self.d.constants[name][0]}")
        for struct in self.d.structs.values():
            self.struct(struct)
        for enum, messages in MESSAGES.items():
            self.lines.append(f"M.{enum} = {{")
            for name, layout in messages.items():
                if layout is not None:
                    walk = f", walk = {quoted(layout[1])}" if layout[1] else ""
                    self.lines.append(f"  [{self.d.enums[enum][name]}] = {{head = S.{layout[0]}{walk}}},")
            self.lines.append("}")
        return "\n".join(self.lines)

    def check(self):
        for enum, messages in MESSAGES.items():
            for name in self.d.enums[enum].keys() ^ messages.keys():
                raise Stale(f"{enum}::{name}: make.py's MESSAGES and wire/ do not agree on it")
        for enum, name in re.findall(r"\bE\.(\w+)\.(\w+)", self.template):
            if name not in self.d.enums.get(enum, {}):
                raise Stale(f"template.lua: E.{enum}.{name}: there is no such enumerator in wire/")
        walked = {layout[0] for messages in MESSAGES.values() for layout in messages.values() if layout}
        walked |= set(re.findall(r"\bS\.(\w+)", self.template))
        walked |= {field.type for struct in self.d.structs.values() for field in struct.fields}
        for name in self.d.structs.keys() - walked:
            raise Stale(f"{name}: a struct of wire/ that is walked neither by MESSAGES in make.py nor by template.lua")
        for name in walked - self.d.structs.keys() - SIZES.keys():
            raise Stale(f"{name}: there is no such struct in wire/")
        flags = {flag for flags in FLAGS.values() for flag in flags}
        for name, (value, _) in self.d.constants.items():
            if name in flags | NOT_FLAGS or name.endswith("Max") or name.startswith(("kTag", "kIssuer", "kServers", "kBackends")):
                continue
            raise Stale(f"{name} = {value}: neither in FLAGS nor in NOT_FLAGS of make.py")
        for name in flags - self.d.constants.keys():
            raise Stale(f"{name}: there is no such flag in wire/")
        for where in list(FLAGS) + list(ENUM_OF):
            struct, field = where.split(".")
            if field not in [f.name for f in self.d.structs[struct].fields]:
                raise Stale(f"{where}: there is no such field in wire/")

    def struct(self, struct):
        self.lines.append(f"S.{struct.name} = {{name = {quoted(struct.name)}, size = {struct.size},")
        for field in struct.fields:
            self.lines.append("  " + self.field(struct, field) + ",")
        self.lines.append("}")

    def field(self, struct, field):
        abbreviation = quoted(f"{struct.prefix}.{field.name}")
        title = quoted(field.name)
        about = f", nil, {quoted(field.comment)}" if field.comment else ""
        common = f"name = {title}, at = {field.offset}, size = {field.size}"
        if field.type in self.d.structs:
            return f"{{{common}, count = {field.count or 1}, struct = S.{field.type}}}"
        if field.type == "WireHash" or field.type == "uint8_t" and field.count is not None:
            size = field.size * (field.count or 1)
            return (f"{{name = {title}, at = {field.offset}, size = {size}, kind = \"bytes\", "
                    f"f = field(ProtoField.bytes({abbreviation}, {title}, base.NONE"
                    f"{', ' + quoted(field.comment) if field.comment else ''}))}}")
        bits = 8 * field.size
        count = f", count = {field.count}" if field.count else ""
        enum = self.d.enum_of(struct, field)
        flags = FLAGS.get(f"{struct.name}.{field.name}")
        if flags:
            inner = ", ".join(
                f"field(ProtoField.bool({quoted(f'{struct.prefix}.{snake(flag[1:])}')}, {quoted(snake(flag[1:]))}, 8, nil, "
                f"{self.d.constants[flag][0]}))" for flag in flags)
            return f"{{{common}, f = field(ProtoField.uint8({abbreviation}, {title}, base.HEX)), flags = {{{inner}}}}}"
        if enum:
            return f"{{{common}, f = field(ProtoField.uint8({abbreviation}, {title}, base.DEC, N.{enum}{about}))}}"
        how = "int" if "two's complement" in field.comment else "uint"
        base = "HEX" if field.name in HEX else "DEC"
        extra = ', epoch = true' if field.name in EPOCHS else ', wall = true' if field.name in WALL else ""
        return f"{{{common}{count}, f = field(ProtoField.{how}{bits}({abbreviation}, {title}, base.{base}{', nil' + about if about else ''})){extra}}}"


def make():
    template = (HERE / "template.lua").read_text()
    head, tail = template.split("--@DECLARATIONS@\n")
    return head + Writer(Declarations(), template).write() + "\n" + tail


def main():
    out = HERE / "tercet.lua"
    try:
        text = make()
    except Stale as error:
        print(f"make.py: {error}", file=sys.stderr)
        return 1
    if sys.argv[1:] == ["--check"]:
        if not out.exists() or out.read_text() != text:
            print("docs/wireshark/tercet.lua is not what wire/ says: run docs/wireshark/make.py", file=sys.stderr)
            return 1
    elif not sys.argv[1:]:
        out.write_text(text)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
