"""Changes single values in the servers' configuration files, whose comments and order stay as they are.

The files that `tercet cell init` writes have one key a line below a [section]; that, and no more of TOML, is what is
understood here. What a server does not know, it says itself when it starts.
"""

import re

from common import CellError

_SECTION = re.compile(r"^\s*\[\s*([A-Za-z0-9_.-]+)\s*\]\s*(#.*)?$")


def as_toml(text):
    """The text itself where it is a TOML value (7, true, "x", ["a"]), else quoted: 5ms becomes "5ms"."""
    import tomllib
    try:
        parsed = tomllib.loads(f"value = {text}")
        if list(parsed) == ["value"] and "\n" not in text:
            return text.strip()
    except tomllib.TOMLDecodeError:
        pass
    if any(ord(character) < 32 for character in text):
        raise CellError("--set: a value may not hold control characters", 2)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comment_start(line):
    """Where the line's trailing comment begins (with the blanks before it), or its end. # in strings do not count."""
    quote = None
    position = 0
    while position < len(line):
        character = line[position]
        if quote:
            if character == "\\" and quote == '"':
                position += 1
            elif character == quote:
                quote = None
        elif character in "\"'":
            quote = character
        elif character == "#":
            return len(line[:position].rstrip())
        position += 1
    return len(line.rstrip())


def set_value(text, key, value):
    """`text` with `key` (section.name) set to the TOML `value`; a key that is not there is added to its section."""
    section, _, name = key.rpartition(".")
    if not section or not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise CellError(f"--set: {key!r} is not SECTION.NAME, as in failover.advert_interval", 2)
    lines = text.splitlines()
    here, header = "", None
    assignment = re.compile(rf"^\s*{re.escape(name)}\s*=")
    for number, line in enumerate(lines):
        match = _SECTION.match(line)
        if match:
            here = match.group(1)
            if here == section:
                header = number
        elif here == section and assignment.match(line):
            lines[number] = f"{name} = {value}{line[_comment_start(line):]}"
            return "\n".join(lines) + "\n"
    if header is None:
        lines += ["", f"[{section}]"]
        header = len(lines) - 1
    lines.insert(header + 1, f"{name} = {value}")
    return "\n".join(lines) + "\n"


def parse_setting(setting, known):
    """--set FILE:KEY=VALUE as (file, key, TOML value)."""
    match = re.fullmatch(r"([^:=]+):([^=]+)=(.*)", setting, re.DOTALL)
    if not match:
        raise CellError(f"--set {setting}: write FILE:KEY=VALUE, as in lb1:failover.priority=120", 2)
    file, key, value = match.group(1), match.group(2).strip(), match.group(3)
    if file not in known:
        raise CellError(f"--set {setting}: there is no {file}: FILE is one of {' '.join(known)}", 2)
    set_value("", key, '""')  # the key's form is checked before anything is made
    return file, key, as_toml(value)


def value_of(path, key):
    """What the file sets `key` to; None where it does not, or is no TOML: then its server says so."""
    import tomllib
    section, _, name = key.rpartition(".")
    with open(path, "rb") as file:
        try:
            return tomllib.load(file).get(section, {}).get(name)
        except (tomllib.TOMLDecodeError, AttributeError):
            return None


def change(path, key, value):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(set_value(text, key, value))
