# Records what ansible-playbook 2.14 makes of the scenarios: record.py [NAME…] writes recorded.json anew for these (or all).
import json
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
folder = os.path.dirname(here)
target = os.path.join(folder, "recorded.json")


def record(name, words):
    out = tempfile.mktemp()
    environment = {
        **os.environ,
        "ANSIBLE_CALLBACK_PLUGINS": here,
        "ANSIBLE_CALLBACKS_ENABLED": "lines",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_HOME": tempfile.gettempdir(),
        "RECORD_TO": out,
    }
    inventory = os.path.join(here, "hosts.ini")
    twin = os.path.join(folder, words[0] + ".jinja.yml")
    playbook = twin if os.path.exists(twin) else os.path.join(folder, words[0] + ".yml")
    done = subprocess.run(
        ["ansible-playbook", "-i", inventory, playbook, *words[1:]],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )
    lines = [json.loads(line) for line in open(out)] if os.path.exists(out) else []
    recap = next((one["recap"] for one in lines if isinstance(one, dict)), {})
    if done.returncode not in (0, 2):
        print(name, done.returncode, done.stdout[-1500:], done.stderr[-1500:], file=sys.stderr)
    exit_status = done.returncode
    return {"exit": exit_status, "recap": recap, "lines": [one for one in lines if isinstance(one, str)]}


scenarios = json.load(open(os.path.join(folder, "scenarios.json")))
recorded = json.load(open(target)) if os.path.exists(target) else {}
chosen = sys.argv[1:] or list(scenarios)
for name in chosen:
    recorded[name] = record(name, scenarios[name])
    print(name, recorded[name]["exit"], recorded[name]["recap"])
recorded = {name: recorded[name] for name in scenarios if name in recorded}
with open(target, "w") as file:
    json.dump(recorded, file, indent=1, sort_keys=False)
    file.write("\n")
