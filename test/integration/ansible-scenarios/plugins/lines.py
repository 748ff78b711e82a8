"""Prints one line of JSON a task result, with the number of the play that it belongs to."""

import json

# Loaded before the tasks' processes are forked, for their modules (warm.py).
import ansible.module_utils.basic  # noqa: F401
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "lines"
    play = -1

    def v2_playbook_on_play_start(self, play):
        self.play += 1

    def tell(self, result, **flags):
        print("RESULT " + json.dumps([self.play, dict(result._result, **flags)], default=str))

    def v2_runner_on_ok(self, result):
        self.tell(result, failed=False)

    def v2_runner_on_skipped(self, result):
        self.tell(result, failed=False, skipped=True)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.tell(result, failed=True)
