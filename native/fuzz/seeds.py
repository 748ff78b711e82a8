#!/usr/bin/env python3
"""Writes the seeds of the corpus: seeds.py. Findings lie beside them, named finding-…, and stay.

Those of messages and intake are the golden vectors; the others are choices that feed.c and the targets read."""
import json
import pathlib
import struct

here = pathlib.Path(__file__).resolve().parent
corpus = here / "corpus"


def put(target, name, data):
    directory = corpus / target
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(data)


def name_of(text):
    return "".join(c if c.isalnum() else "-" for c in text)[:40]


def clear():
    for file in corpus.glob("*/*"):
        if not file.name.startswith("finding-"):
            file.unlink()


def vectors():
    text = (here / "../../test/wire/vectors.json").read_text()
    for vector in json.loads(text):
        if vector["direction"] == "c2h":
            yield vector["name"], bytes.fromhex(vector["hex"])


def u16(number):
    return struct.pack("<H", number)


def u32(number):
    return struct.pack("<I", number)


# 1. Frames and payloads.
def messages():
    choices = {1: 0, 3: 1, 4: 2, 5: 3}
    for name, frame in vectors():
        payload = frame[9:]
        if len(payload) > 4000:
            continue
        if frame[4] in choices:
            put("messages", name_of(name), bytes([choices[frame[4]]]) + payload)
        if frame[4] == 5:
            put("messages", "pack-" + name_of(name), bytes([4]) + payload)
    # struct packed_head, then texts: directory, user, argv, environment, files.
    head = struct.pack("<IIIII4xQIIHHHBx", 2, 1, 1, 1, 0, 1, 0, 1000, 24, 80, 0o22, 0)
    texts = b"/\0root\0/bin/true\0-x\0A=b\0"
    put("messages", "unpack", bytes([5]) + head + texts + struct.pack("<QQ", 0o755, 3) + b"file\0abc" + struct.pack("<QQ", 0o20000, 259) + b"/dev/null\0")
    put("messages", "received", bytes([7, 3, 1, 40, 0]) + b"some words")
    put("messages", "received-too-long", bytes([7, 8, 1, 3, 0]) + b"some words")
    put("messages", "received-without-room-for-descriptors", bytes([7, 2, 0, 41, 0]) + b"some words")
    put("messages", "upload", bytes([6, 0, 0, 9, 5]) + b"hello" + bytes([2, 0, 3, 5]) + b"again")
    put("messages", "upload-in-chunks", bytes([6, 0, 1, 2, 4]) + b"text" + bytes([2, 1, 2, 4]) + b"text")
    put("messages", "upload-of-no-size", bytes([6, 8, 1, 62, 4]) + b"text" + bytes([4, 2, 1, 4]) + b"text")


def intake():
    opening = bytes([1, 0, 1, 1, 10]) + u32(4) + b"/srv" + b"\1" + b"\0"
    for name, frame in vectors():
        if len(frame) < 4000:
            put("intake", name_of(name), opening + bytes([3]) + u16(len(frame)) + frame)
    frames = [frame for _, frame in vectors() if len(frame) < 500][:12]
    put("intake", "many", opening + b"".join(bytes([3]) + u16(len(frame)) + frame for frame in frames))
    put("intake", "cut", opening + b"".join(bytes([0, 7]) + frames[0][at : at + 7] for at in range(0, len(frames[0]), 7)))
    # Answers of the worker: OPENED, DONE; its end; its silence.
    answers = bytes([5, 0, 1, 2]) + b"ab" + bytes([5, 3, 2, 0])
    put("intake", "answers", opening + bytes([1, 3, 2, 1, 4]) + b"abcd" + answers)
    # Too short for a type and a channel, among frames that are none.
    short = b"".join(bytes([0, 8 + length]) + u32(length) + bytes([6, 2, 0, 0, 0, 0, 0, 0])[: 4 + length] for length in (0, 3, 4))
    put("intake", "short-frames", opening + bytes([1, 4, 2, 1, 2]) + b"ab" + bytes([0, 12]) + u32(4) + bytes([6, 2, 0, 0, 0, 0, 0, 0]) + short)
    # The same without a tree's number.
    put("intake", "request-without-tree", opening + bytes([0, 11]) + u32(7) + bytes([3]) + u32(2) + b"\1\0")
    put("intake", "worker-ends", opening + bytes([1, 2, 3, 1, 0]) + bytes([6]) + bytes([1, 1, 4, 1, 0]))
    put("intake", "worker-is-silent", opening + bytes([7, 200]) + bytes([7, 200]) + bytes([1, 1, 4, 1, 0]))


# 2. Requests to trees. `names` of feed.c.
NAMES = (
    "etc passwd a b c new .. . // out absolute loop fifo node socket many deep size name proc self root fd comm mount "
    "canary file shared in broken closed long longer slow tree host mnt 1 cwd"
).split()
WAYS = {
    "file": ["file"],
    "new": ["a", "new"],
    "beneath": ["a", "b", "c"],
    "directory": ["a", "b"],
    "up": ["..", "canary", "file"],
    "link-out": ["out", "file"],
    "link-absolute": ["absolute"],
    "link-in": ["in", "c"],
    "loop": ["loop"],
    "fifo": ["fifo"],
    "node": ["node"],
    "socket": ["socket"],
    "hard-link": ["shared"],
    "magic": ["proc", "self", "root", "canary"],
    "mount": ["mount", "file"],
    "mounted": ["mount"],
    "root": [],
    "root-again": ["a", "root"],
    "long": ["long"],
    "longer": ["longer"],
    "deep": ["deep"],
    "many": ["many"],
    "closed": ["closed", "new"],
}


def path(parts):
    return bytes([len(parts)] + [NAMES.index(part) for part in parts])


def probes():
    kinds = ["stat", "read", "hash", "list", "glob"]
    for way, parts in WAYS.items():
        body = b""
        for kind in range(len(kinds)):
            body += bytes([kind, 0]) + path(parts) + bytes([1, 127, 3])
            if kind == 1:
                body += bytes([0, 1, 255])
            if kind == 3:
                body += bytes([0, 0])
        put("probes", way, bytes([11]) + body)
    put("probes", "globs", bytes([8, 4, 0, 2, 192, 198, 0, 0, 4, 4, 0, 2, 2, 195, 0, 0, 4]))
    put("probes", "connect", bytes([0, 5, 0, 0, 0, 0, 4, 0, 80, 0]))
    put("probes", "by-hand", bytes([27, 0, 0]) + path(["out", "file"]) + bytes([1, 0, 5, 3, 0]) + path(["in"]) + bytes([0, 0, 3, 0, 0]))


def change(kind, parts, other=(), more=b"", flags=0, mode=0o644):
    """One change as feed_change reads it: kind, root, path, no expectations, flags, mode, ids, mtime, the other path."""
    return bytes([kind, 0]) + path(parts) + bytes([0xC0, flags]) + u16(mode) + bytes([0, 0, 0]) + path(other) + more


def changes():
    kinds = (
        "write make-directory make-link hard-link remove attributes copy rename lock unlock kernel unmount subvolume "
        "set-subvolume overlay"
    ).split()
    more = {"write": b"\3abc", "make-link": b"", "kernel": b"\1x\0", "attributes": bytes(10), "overlay": b"\0\1\2"}
    for number, kind in enumerate(kinds):
        body = b""
        for flags, way in ((0, "new"), (1, "file"), (1, "link-out"), (3, "hard-link"), (1, "directory"), (0, "magic")):
            link = kind == "make-link"
            one = change(number, WAYS[way], [] if link else WAYS["beneath"], more.get(kind, b""), flags)
            body += one[:-1] + b"\x82" if link else one
        put("changes", kind, bytes([11]) + body)
        put("changes", kind + "-outside", bytes([0]) + change(number, WAYS["up"], WAYS["link-absolute"], more.get(kind, b""), 1))
    put("changes", "remove-deep", bytes([4]) + change(4, ["deep"], flags=1))
    put("changes", "remove-many", bytes([8]) + change(4, ["many"], flags=3))
    put("changes", "remove-all-with-mount", bytes([2]) + change(4, ["mount"], flags=1))
    put("changes", "swap", bytes([48]) + change(7, ["file"], ["a", "b", "c"], flags=1) + change(7, ["out"], ["a"], flags=1))
    put("changes", "own-copy", bytes([0]) + change(5, ["shared"], [], bytes(10), 0, 0o600))
    put("changes", "in-place", bytes([0]) + change(0, ["shared"], [], b"\3abc", 2) + change(0, ["file"], [], b"\3abc", 2))


# 3. Files.
def parsers():
    passwd = b"root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:\n0:x:7:7::/:/bin/sh\nbad:x:-1:0:::\n"
    group = b"root:x:0:\nann:x:1000:\nadm:x:4:ann,root\nmany:x:5:" + b"a," * 20 + b"ann\n"
    for spec in (b"", b"ann", b"0", b"1000:4", b"ann:adm", b"4294967295", b"7", b"4294967295:4", b"-1", b":adm", b"ann:"):
        put("parsers", "user-" + name_of(spec.decode()), b"\0" + spec + b"\xff" + passwd + b"\xff" + group)
    mounts = (
        b"25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
        b"30 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        b"31 25 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
        b"32 31 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        b"33 31 0:28 /m /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        b"34 30 0:50 / /mnt/a\\040b\\134 rw - ext4 /dev/sdb rw\n"
    )
    put("parsers", "mounts-2", b"\1\xff" + mounts)
    put("parsers", "mounts-1", b"\1cpu,cpuacct\xff" + mounts)
    status = b"Name:\tsystemd\nUmask:\t0000\nNSpid:\t4711\t1\nCapBnd:\t00000000fdecbfff\nNoNewPrivs:\t0\n"
    cgroup = b"12:cpu,cpuacct:/machine\n1:name=systemd:/machine.slice/m.scope\n0::/machine.slice/machine-m.scope/payload\n"
    maps = b"         0     100000      65536\n"
    put("parsers", "process", b"\2" + b"\xff".join([status, b"systemd\n", maps, cgroup]))
    put("parsers", "ids", b"\3" + maps + b"\xff" + b"0 0 4294967295\n\xff" + u32(0) + u32(65535) + u32(65536))
    for number, (pattern, name) in enumerate([(b"*.conf", b"a.conf"), (b"[!a-c]?*", b"xyz"), (b"*a*b*", b"aab"), (b".*", b".x")]):
        put("parsers", f"glob-{number}", b"\4" + pattern + b"\xff" + name)
    put("parsers", "words", b"\5\4" + b"a  b\tc\nd e")
    elf = b"\x7fELF\2\1\1" + bytes(9) + u16(2) + u16(183) + bytes(44)
    put("parsers", "program-of-another-kind", b"\6" + elf)
    put("parsers", "program-damaged", b"\6" + elf.replace(b"\xb7", b"\x3e"))
    put("parsers", "script", b"\6#! /mnt/program -x\nexit\n")
    put("parsers", "script-without-interpreter", b"\6#!\n")
    for number, target in enumerate([b"../run/systemd/resolve/stub-resolv.conf", b"/var/run/../run//x/.", b"../../..", b""]):
        put("parsers", f"link-{number}", b"\7" + target + b"\xff\xff\x0f")


clear()
messages()
intake()
probes()
changes()
parsers()
print(sum(1 for _ in corpus.glob("*/*")), "seeds,", sum(file.stat().st_size for file in corpus.glob("*/*")), "bytes")
