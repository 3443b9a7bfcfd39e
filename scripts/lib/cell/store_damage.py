"""Damages a stopped backend's store, where its files are seen:

    wipe DIR                    all that is in it is gone; the folder stays
    corrupt DIR BYTES [SEED]    flips so many bytes of what the log and the images hold

Exit codes: 0 done, 1 it went wrong, 2 there is nothing to damage.
"""

import mmap
import os
import random
import re
import shutil
import sys

# backend/store/log_format.h: a sector, its magic and version, how many bytes of payload are used behind its header.
SECTOR = 512
MAGIC_AT, MAGIC = 44, b"TLG"
PAYLOAD_AT = 52
HEADER = 56


def wipe(folder):
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def used_ranges(content):
    """Where the log holds something: (first byte, bytes) of each sector that was written."""
    for at in range(0, len(content) - SECTOR + 1, SECTOR):
        if content[at + MAGIC_AT:at + MAGIC_AT + len(MAGIC)] == MAGIC:
            payload = int.from_bytes(content[at + PAYLOAD_AT:at + PAYLOAD_AT + 2], "little")
            yield at, HEADER + min(payload, SECTOR - HEADER)


def corrupt(folder, count, seed):
    dice = random.Random(seed)
    places = []  # (segment, first byte, bytes)
    for name in sorted(os.listdir(folder)):
        size = os.path.getsize(os.path.join(folder, name))
        if re.fullmatch(r"image-\d+\.timg", name):
            places.append((name, 0, size))
        elif re.fullmatch(r"log-\d+\.tlog", name) and size:
            with open(os.path.join(folder, name), "rb") as file, \
                    mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                places += [(name, at, used) for at, used in used_ranges(content)]
    total = sum(size for _, _, size in places)
    if total < count:
        print(f"{folder}: its log holds {total} bytes: let the backend write more first", file=sys.stderr)
        return 2
    chosen = sorted(dice.sample(range(total), count))
    passed = 0
    for name, at, size in places:
        while chosen and chosen[0] < passed + size:
            place = at + chosen.pop(0) - passed
            with open(os.path.join(folder, name), "r+b", buffering=0) as file:
                before = os.pread(file.fileno(), 1, place)[0]
                after = before ^ dice.randrange(1, 256)
                os.pwrite(file.fileno(), bytes([after]), place)
                os.fsync(file.fileno())
            print(f"{name} byte {place} (sector {place // SECTOR}): {before:02x} -> {after:02x}")
        passed += size
    return 0


def main(arguments):
    what, folder = arguments[0], arguments[1]
    if not os.path.isdir(folder):
        print(f"{folder} is not there", file=sys.stderr)
        return 2
    if what == "wipe":
        wipe(folder)
        return 0
    return corrupt(folder, int(arguments[2]), int(arguments[3]) if len(arguments) > 3 else None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
