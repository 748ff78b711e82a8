// Fixtures of async_status.

import asyncStatus from "../../modules/async-status.js";
import type { JobState } from "../../src/module/contract.js";
import { testFixtures } from "../module/harness.js";

const jid = "j123456789012.42";
const fields = { ansible_job_id: jid, results_file: `/root/.ansible_async/${jid}`, started: 1 };
const running: JobState = {
  isFinished: false,
  result: { ...fields, finished: 0, changed: false, failed: false, msg: "" },
};
const ended: JobState = {
  isFinished: true,
  result: { ...fields, finished: 1, rc: 0, stdout: "hi", changed: true, failed: false, msg: "" },
};
const failed: JobState = {
  isFinished: true,
  result: { ...fields, finished: 1, rc: 3, changed: true, failed: true, msg: "non-zero return code" },
  remedy: "Look.",
};
const knows = (state: JobState): { job: (id: string) => JobState | undefined } => ({
  job: (id) => (id === jid ? state : undefined),
});

testFixtures(asyncStatus, [
  {
    name: "says that a job still runs",
    params: { jid },
    context: knows(running),
    expect: { changed: false, result: { ...fields, finished: 0, stdout: "", stdout_lines: [] } },
  },
  {
    name: "gives what the job would have registered",
    params: { jid },
    context: knows(ended),
    expect: { changed: false, result: { ...fields, finished: 1, rc: 0, stdout: "hi" } },
  },
  {
    name: "fails with a job that failed, in its words",
    params: { jid },
    context: knows(failed),
    expect: { refusal: /^non-zero return code Look\.$/ },
  },
  {
    name: "knows no job of another id",
    params: { jid: "j1.1" },
    context: knows(ended),
    expect: { refusal: /^could not find job / },
  },
  {
    name: "forgets a job",
    params: { jid, mode: "cleanup" },
    context: knows(ended),
    expect: { changed: false, result: { erased: fields.results_file, finished: 0, started: 0 } },
  },
  { name: "needs the job's id", params: {}, expect: { problem: /jid/ } },
]);
