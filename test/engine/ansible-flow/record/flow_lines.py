# Callback plugin: what each host did, in order, as JSON lines in $FLOW_LINES.
import json
import os

from ansible.playbook.task_include import TaskInclude
# for the modules of a play whose connection runs them in forks (test/integration/ansible-scenarios/plugins)
import ansible.module_utils.basic  # noqa: F401
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: flow_lines
    type: aggregate
    short_description: results in order, as JSON lines
    description: results in order, as JSON lines
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "flow_lines"

    def _tell(self, result, status, item=None):
        task = result._task
        if isinstance(task, TaskInclude) and status not in ("failed", "skipped"):
            return
        if task.action in ("meta", "ansible.builtin.meta"):
            return
        name = task.get_name().strip()
        line = {"host": result._host.get_name(), "task": name, "status": status}
        delegate = task.delegate_to
        if delegate and delegate != result._host.get_name() and status != "skipped" and "results" not in result._result:
            line["delegate"] = delegate
        if item is not None:
            line["item"] = item
        elif status == "ok" or status == "changed":
            if task.action in ("debug", "ansible.builtin.debug") and "msg" in result._result and "results" not in result._result:
                line["msg"] = result._result["msg"]
        with open(os.environ["FLOW_LINES"], "a") as out:
            out.write(json.dumps(line) + "\n")

    def _label(self, result):
        label = result._result.get("_ansible_item_label", result._result.get("item"))
        return label if isinstance(label, str) else json.dumps(label, separators=(",", ":"))

    def _status(self, result):
        return "changed" if result._result.get("changed") else "ok"

    def v2_runner_on_ok(self, result):
        self._tell(result, self._status(result))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._tell(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result):
        self._tell(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self._tell(result, "unreachable")

    def v2_runner_item_on_ok(self, result):
        self._tell(result, self._status(result), self._label(result))

    def v2_runner_item_on_failed(self, result):
        self._tell(result, "failed", self._label(result))

    def v2_runner_item_on_skipped(self, result):
        self._tell(result, "skipped", self._label(result))

    def v2_playbook_on_stats(self, stats):
        recap = {}
        for host in sorted(stats.processed):
            one = stats.summarize(host)
            recap[host] = {
                "ok": one["ok"],
                "changed": one["changed"],
                "unreachable": one["unreachable"],
                "failed": one["failures"],
                "skipped": one["skipped"],
                "rescued": one["rescued"],
                "ignored": one["ignored"],
            }
        with open(os.environ["FLOW_LINES"], "a") as out:
            out.write(json.dumps({"recap": recap}) + "\n")
