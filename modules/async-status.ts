// What became of a job: a task with async and poll: 0.

import { defineModule, type Context, type Plan } from "../src/module/contract.js";
import { commandReturns } from "../src/module/command-params.js";
import { outputFields } from "../src/module/command-result.js";

export default defineModule({
  name: "async_status",
  summary: "Tell what became of a job",
  doc:
    "A job is a task with async and poll: 0. It is known to the run that began it, on the target where it was begun; with retries and until this " +
    "waits for it. What the job would have registered is in the result once finished is 1; a job that failed makes this task fail.",
  params: {
    jid: { type: "str", required: true, doc: "The job's ansible_job_id." },
    mode: {
      type: "str",
      choices: ["status", "cleanup"],
      default: "status",
      doc: "cleanup forgets a job that has finished.",
    },
  },
  neverChanges: true,
  returns: {
    ansible_job_id: "The id asked for.",
    started: "1; after cleanup 0.",
    finished: "1 where the job is over, else 0.",
    results_file: "A name that stands for the job; there is no such file.",
    erased: "With cleanup: that name.",
    ...commandReturns,
    stdout_lines: "Of a job that runs a program, as the keys above.",
    stderr_lines: "As stdout_lines.",
    end: "When it ended.",
    delta: "How long it took.",
  },
  observe: () => ({}),
  plan: ({ jid, mode }, _seen, context) => planStatus(jid, mode, context),
  examples: [
    {
      title: "Do something long beside other tasks, and wait for it",
      yaml: `- command: /usr/local/bin/rebuild-index
  async: 3600
  poll: 0
  register: rebuild
- async_status:
    jid: "{{rebuild.ansible_job_id}}"
  register: job
  until: job.finished == 1
  retries: 120
  delay: 30
`,
    },
  ],
});

function planStatus(jid: string, mode: string, context: Context): Plan {
  const job = context.job(jid);
  const file = `/root/.ansible_async/${jid}`;
  const nothing = outputFields("", "");
  if (!job) {
    return {
      changes: [],
      refusal: {
        message: "could not find job",
        remedy: "A job is known only on the target where it was begun, and only in the same run.",
        result: { ...nothing, ansible_job_id: jid, results_file: file, started: 1, finished: 1 },
      },
    };
  }
  if (mode === "cleanup") {
    const result = { ...nothing, ansible_job_id: jid, erased: file, started: 0, finished: 0 };
    return { changes: [], result, forgetsJob: jid };
  }
  const { changed, failed, msg, ...rest } = job.result;
  const result = { ...nothing, ...rest };
  const isChangedByJob = changed && job.isFinished;
  if (failed) return { changes: [], isChangedByJob, refusal: { message: msg, result, ...remedyOf(job.remedy) } };
  return { changes: [], isChangedByJob, result, message: msg };
}

function remedyOf(remedy: string | undefined): { readonly remedy?: string } {
  return remedy === undefined ? {} : { remedy };
}
