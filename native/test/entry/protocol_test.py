#!/usr/bin/env python3
"""Runs processes through the helper's protocol in every kind of entry, and ends the helper in the middle of them."""
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HELPER = sys.argv[1]
KINDS = {"auto": 0, "chroot": 1, "unshare": 2, "nspawn": 3, "machine": 4}
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print("not ok:", text)


def string(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<I", len(data)) + data


def strings(values):
    return struct.pack("<I", len(values)) + b"".join(string(value) for value in values)


def execution(argv, user="", directory="", flags=2, stdin=None, environment=("PATH=/bin",), timeout=0, files=(), entry=255):
    kind = b"\0" if stdin is None else b"\1" + string(stdin)
    packed = b"".join(string(name) + struct.pack("<H", mode) + b"\0" + string(content) for name, mode, content in files)
    return (
        strings(argv) + strings(environment) + string(directory) + string(user) + struct.pack("<I", flags) + kind
        + struct.pack("<IQHHHB", timeout, 0, 24, 80, 0xFFFF, entry) + struct.pack("<I", len(files)) + packed + strings(()) + struct.pack("<QI", 0, 0) + strings(())
    )


class Helper:
    def __init__(self):
        self.process = subprocess.Popen([HELPER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        magic = self.process.stdout.read(8)
        assert magic == b"\0CRUN\1\r\n", magic
        kind, channel, _ = self.frame()
        assert (kind, channel) == (0x80, 0)
        self.channel = 0

    def send(self, kind, payload):
        self.channel += 1
        body = struct.pack("<BI", kind, self.channel) + payload
        self.process.stdin.write(struct.pack("<I", len(body)) + body)
        self.process.stdin.flush()
        return self.channel

    def frame(self):
        (length,) = struct.unpack("<I", self.process.stdout.read(4))
        body = self.process.stdout.read(length)
        kind, channel = struct.unpack("<BI", body[:5])
        return kind, channel, body[5:]

    def open(self, tree, path, kind, flags=0):
        self.send(0x01, struct.pack("<I", tree) + string(path) + struct.pack("<BI", KINDS[kind], flags))
        reply, _, payload = self.frame()
        assert reply == 0x81, payload

    def run(self, tree, *arguments, **named):
        """(exit kind, value, stdout, stderr, failure)"""
        channel = self.send(0x05, struct.pack("<I", tree) + execution(*arguments, **named))
        streams = {1: b"", 2: b""}
        while True:
            kind, of, payload = self.frame()
            assert of == channel, (kind, of, channel)
            if kind == 0x86:
                (length,) = struct.unpack("<I", payload[5:9])
                streams[payload[4]] += payload[9 : 9 + length]
            elif kind == 0x87:
                return payload[0], struct.unpack("<I", payload[1:5])[0], streams[1], streams[2], payload[5:]
            elif kind == 0x8F:
                return None, None, b"", b"", payload

    def write(self, tree, path, content):
        change = struct.pack("<BB", 1, 0) + string(path) + b"\0\0" + string(content) + struct.pack("<HIIBB", 0o644, 0, 0, 0, 0)
        self.send(0x04, struct.pack("<III", tree, 0, 1) + change)
        reply, _, payload = self.frame()
        assert (reply, payload[4]) == (0x83, 0), payload
        assert self.frame()[0] == 0x84

    def close(self):
        self.process.stdin.close()
        return self.process.wait(timeout=20)


def make_tree(parent, name):
    tree = os.path.join(parent, name)
    for directory in ("bin", "usr", "var", "lib", "sbin", "etc", "proc", "sys", "dev", "run", "tmp", "root", "home/user"):
        os.makedirs(os.path.join(tree, directory))
    shutil.copy(shutil.which("busybox"), os.path.join(tree, "bin/busybox"))
    for name in ("sh", "cat", "id", "sleep", "setsid", "echo", "ls"):
        os.symlink("busybox", os.path.join(tree, "bin", name))
    for path, content in {
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n",
        "etc/group": "root:x:0:\nuser:x:1000:\n",
        "etc/os-release": "",
    }.items():
        with open(os.path.join(tree, path), "w") as file:
            file.write(content)
    return tree


def processes_in(tree):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.path.samefile(f"/proc/{pid}/root", tree):
                found.append(int(pid))
        except OSError:
            pass
    return found


def gone(tree, seconds=10):
    deadline = time.monotonic() + seconds
    while processes_in(tree) and time.monotonic() < deadline:
        time.sleep(0.02)
    return processes_in(tree) == []


def check_kind(helper, number, tree, kind, flags=0):
    helper.open(number, tree, kind, flags)
    files = [("s", 0o755, b"#!/bin/sh\ncat; echo err >&2; exit 3\n")]
    ended = helper.run(number, ["@files@/s"], stdin=b"\0\xffin", files=files, environment=["PATH=/usr/bin:/bin"])
    check(ended[:4] == (0, 3, b"\0\xffin", b"err\n"), f"{kind}: a script with input ended as {ended}")
    if not flags:
        ended = helper.run(number, ["id", "-u"], user="user")
        check(ended[:3] == (0, 0, b"1000\n"), f"{kind}: the user is {ended}")
    ended = helper.run(number, ["/bin/sh", "-c", "kill -9 $$"])
    check(ended[:2] == (1, 9), f"{kind}: a signal is {ended}")
    ended = helper.run(number, ["absent"])
    check(ended[0] in (3, None) and b"exec" in ended[4] and b"absent" in ended[4], f"{kind}: an absent program is {ended}")
    ended = helper.run(number, ["/bin/sh", "-c", "sleep 100"], timeout=300, environment=["PATH=/usr/bin:/bin"])
    check(ended[0] == 2, f"{kind}: a timeout is {ended}")
    ended = helper.run(number, ["/bin/sh", "-c", "test -t 0 && echo tty"], flags=3, environment=["PATH=/usr/bin:/bin"])
    check(ended[:3] == (0, 0, b"tty\r\n"), f"{kind}: a terminal is {ended}")


def main():
    if os.geteuid() != 0 or not shutil.which("busybox"):
        reason = "needs root and busybox-static"
        if os.environ.get("CI") == "true":
            sys.exit(f"protocol: must not be skipped in CI: {reason}")
        print(f"skipped: {reason}")
        return
    parent = tempfile.mkdtemp(prefix="crun-protocol-test.")
    os.chmod(parent, 0o755)
    machine = None
    try:
        helper = Helper()
        trees = {}
        for number, kind in enumerate(("unshare", "chroot", "auto", "nspawn", "machine"), 1):
            trees[kind] = make_tree(parent, kind)
            if kind in ("nspawn", "machine") and not shutil.which("systemd-nspawn"):
                if os.environ.get("CI") == "true":
                    check(False, "systemd-nspawn is missing in CI")
                continue
            if kind == "machine":
                machine = subprocess.Popen(
                    ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no", "-D", trees[kind], "/bin/sleep", "3600"],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
                while not any(open(f"/proc/{pid}/cmdline").read().startswith("/bin/sleep") for pid in processes_in(trees[kind])):
                    time.sleep(0.02)
            check_kind(helper, number, trees[kind], kind)
            if kind == "machine":
                helper.write(number, "/tmp/written", b"by the helper")
                ended = helper.run(number, ["cat", "/tmp/written"])
                check(ended[2] == b"by the helper", f"a file that was written into a running machine is {ended} there")
                check(os.listdir(trees[kind] + "/tmp") == [], "it went to the disk instead")
        check_kind(helper, 9, "/", "auto", flags=1)
        ended = helper.run(1, ["/bin/sh", "-c", "setsid sleep 900 & echo on"])
        check(ended[:3] == (0, 0, b"on\n"), f"a process that leaves a daemon is {ended}")
        check(helper.close() == 0, "the helper did not end well at the end of its input")
        for kind in ("unshare", "chroot", "auto", "nspawn"):
            check(gone(trees[kind]), f"{kind}: processes outlived the helper: {processes_in(trees[kind])}")
        for kind in ("unshare", "chroot", "nspawn"):
            helper = Helper()
            helper.open(1, trees[kind], kind)
            helper.send(0x05, struct.pack("<I", 1) + execution(["/bin/sh", "-c", "setsid sleep 901 & echo on; sleep 902"]))
            kinds = []
            while 0x86 not in kinds:
                kinds.append(helper.frame()[0])
            check(processes_in(trees[kind]) != [], f"{kind}: nothing runs")
            helper.process.send_signal(signal.SIGKILL)
            helper.process.wait()
            check(gone(trees[kind]), f"{kind}: processes outlived a killed helper: {processes_in(trees[kind])}")
    finally:
        if machine is not None:
            for pid in processes_in(trees["machine"]):
                os.kill(pid, signal.SIGKILL)
            machine.wait()
        shutil.rmtree(parent)
    print("protocol:", "failed" if failures else "all kinds of entry passed")
    sys.exit(1 if failures else 0)


main()
