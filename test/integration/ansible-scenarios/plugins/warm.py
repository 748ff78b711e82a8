"""A connection to this machine that runs Ansible's modules in forks of the process that plays, which has them loaded:
the modules are the same, but no Python starts and compiles what they need for each task."""

import io
import os
import sys
import tempfile

from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
    name: warm
    short_description: local, without a new Python for each module
    description: ["Runs modules in forks."]
    author: crun
    extends_documentation_fragment: [connection_pipelining]
"""

# How pipelining starts a module; with an environment or as another user it looks otherwise, and is left to /bin/sh.
START = "/bin/sh -c '/usr/bin/python3 && sleep 0'"


class Connection(Local):
    transport = "warm"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        if cmd != START or not in_data or b"\n_ANSIBALLZ_WRAPPER = True" not in in_data:
            return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        # What it complains of goes to a file, so that it never waits for a reader of that.
        out, into = os.pipe()
        with tempfile.TemporaryFile() as err:
            pid = os.fork()
            if pid == 0:
                become_module(in_data, into, err.fileno())
            os.close(into)
            with os.fdopen(out, "rb") as stream:
                stdout = stream.read()
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            err.seek(0)
            return (status, stdout, err.read())


def become_module(program, out, err):
    """Never returns."""
    status = 1
    try:
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 1024)
        sys.stdin, sys.stdout, sys.stderr = (
            io.TextIOWrapper(open(number, mode, closefd=False), encoding="utf-8", errors=errors, write_through=True)
            for number, mode, errors in ((0, "rb", "strict"), (1, "wb", "surrogateescape"), (2, "wb", "backslashreplace"))
        )
        sys.argv = [""]
        main = sys.modules["__main__"]
        main.__dict__.pop("__file__", None)
        try:
            exec(compile(program, "<stdin>", "exec"), main.__dict__)
        except Exception:
            # Some modules put their own hook there, which tells what failed.
            sys.excepthook(*sys.exc_info())
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.stdout.flush()
        os._exit(status)
