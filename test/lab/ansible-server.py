"""Runs Ansible's programs in forks of this process, which has loaded what they need: each does what it does when it is started, but for that.
Reads a line of JSON for each: program, args, cwd, env; answers with one: status, stdout, stderr. Ends with its input."""

import importlib
import json
import os
import shutil
import signal
import sys
import tempfile

# Ansible reads its settings, and where its user's directory is, when it is loaded.
HOME = tempfile.mkdtemp(prefix="crun-test-ansible-")
os.environ["HOME"] = HOME
os.chdir(HOME)
PROGRAMS = {
    "ansible": "ansible.cli.adhoc",
    "ansible-inventory": "ansible.cli.inventory",
    "ansible-playbook": "ansible.cli.playbook",
    "ansible-vault": "ansible.cli.vault",
}


def loaded():
    """Collections are not: Ansible makes those up itself."""
    return {name for name in sys.modules if not name.startswith(("ansible_collections", "__"))}


def become(request, out, err, news):
    """Never returns. What it has loaded that was not is told to the file `news`."""
    status = 1
    try:
        known = loaded()
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["cwd"])
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.argv = ["/usr/bin/" + request["program"], *request["args"]]
        parent = os.getpid()
        try:
            status = sys.modules[PROGRAMS[request["program"]]].main()
        except SystemExit as end:
            status = end.code
        finally:
            if os.getpid() == parent:
                news.write("\n".join(loaded() - known).encode())
                news.flush()
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 0 if status is None else 1)


def serve(request):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as news:
        pid = os.fork()
        if pid == 0:
            become(request, out, err, news)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        for file in (out, err, news):
            file.seek(0)
        # What one has loaded the next one need not.
        for name in news.read().decode().splitlines():
            try:
                importlib.import_module(name)
            except Exception:
                pass
        return {"status": status, "stdout": out.read().decode(), "stderr": err.read().decode()}


def main():
    # Its own standard output is for answers alone.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name in PROGRAMS.values():
        importlib.import_module(name)
    # A group of its own is ended as one by who started it; Ctrl-C is for that one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line))), file=answers, flush=True)


try:
    main()
finally:
    shutil.rmtree(HOME, ignore_errors=True)
