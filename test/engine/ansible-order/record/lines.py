# Callback for ansible-playbook 2.14: one line of JSON for each result, in the order in which results come.
import json
import os

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "lines"

    def __init__(self):
        super().__init__()
        self.out = open(os.environ["RECORD_TO"], "w")

    def line(self, host, name, status, result):
        words = [host, name, status]
        if "results" in result:
            messages = [str(one.get("msg", "-")) for one in result["results"] if not one.get("skipped")]
            if any(one != "-" for one in messages):
                words.append(" ".join(messages))
        elif status != "skipped" and result.get("record_msg") and result.get("msg") is not None:
            words.append(str(result["msg"]))
        self.out.write(json.dumps(" | ".join(words)) + "\n")
        self.out.flush()

    def result(self, result, status):
        data = dict(result._result)
        data["record_msg"] = result._task.action.split(".")[-1] in ("debug", "fail")
        self.line(result._host.get_name(), result._task.get_name().strip(), status, data)

    def v2_runner_on_ok(self, result):
        if result._task.action in ("include_tasks", "include_role"):
            return
        self.result(result, "changed" if result._result.get("changed") else "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.result(result, "ignored" if ignore_errors else "failed")

    def v2_runner_on_skipped(self, result):
        self.result(result, "skipped")

    def v2_playbook_on_include(self, included_file):
        for host in included_file._hosts:
            self.line(host.get_name(), included_file._task.get_name().strip(), "ok", {})

    def v2_playbook_on_stats(self, stats):
        recap = {}
        for host in sorted(stats.processed):
            one = stats.summarize(host)
            names = {"failures": "failed"}
            order = ["ok", "changed", "unreachable", "failures", "skipped", "rescued", "ignored"]
            text = " ".join("%s=%d" % (names.get(key, key), one[key]) for key in order if one[key])
            if text:
                recap[host] = text
        self.out.write(json.dumps({"recap": recap}) + "\n")
        self.out.flush()
