// Carries out what a task does to the run: the inventory, variables, figures, pauses, facts, connections.

import { CrunError } from "../diagnostic/diagnostic.js";
import type {
  AddHostEffect,
  AddToGroupEffect,
  Effect,
  EffectOutcome,
  IncludeVarsEffect,
  PauseEffect,
  ReconnectEffect,
} from "../module/effect.js";
import type { TargetPlay } from "./target-play.js";
import type { TargetState } from "./target-state.js";
import { faultOfLimit, timeLeft } from "./task/limit.js";
import { titleFor } from "./task/task-event.js";
import type { TaskWork } from "./work.js";

type Came = Omit<EffectOutcome, "startedAt" | "endedAt">;

/** The effects of the item at hand, in order. What cannot be done is the item's fault. */
export async function carryOut(on: TargetPlay): Promise<void> {
  const work = on.current;
  if (!work?.plan?.effects) return;
  const outcomes: EffectOutcome[] = [];
  try {
    for (const effect of work.plan.effects) {
      const startedAt = new Date();
      const came = await done(on, work, effect);
      outcomes.push({ ...came, startedAt, endedAt: new Date() });
    }
    work.effects = outcomes;
    work.journalEffects.push(...work.plan.effects);
  } catch (error) {
    if (!(error instanceof CrunError) || error.exitStatus === 4) throw error;
    const [first] = error.diagnostics;
    const message = first?.summary ?? error.message;
    work.fault = { message, remedy: first?.remedy, diagnostics: error.diagnostics, isFinal: true };
    work.phase = "finish";
  }
}

async function done(on: TargetPlay, work: TaskWork, effect: Effect): Promise<Came> {
  switch (effect.kind) {
    case "addHost":
      return addHost(on, effect);
    case "addToGroup":
      return addToGroup(on, effect);
    case "pause":
      return pause(on, work, effect);
    case "includeVars":
      return includeVars(on, work, effect);
    case "addStats":
      on.play.run.stats.add(effect, effect.isPerTarget ? concernedBy(on, work).map(nameOf) : undefined);
      return {};
    case "gatherFacts":
      return gatherFacts(on, work);
    case "reconnect":
      return reconnect(on, work, effect);
  }
}

const nameOf = (one: TargetPlay): string => one.state.target.name;

/** With run_once all targets of the play that are reachable. */
function concernedBy(on: TargetPlay, { op }: TaskWork): readonly TargetPlay[] {
  return op.task.runOnce ? on.play.targets.filter((one) => !one.state.isUnreachable) : [on];
}

function addHost(on: TargetPlay, { name, groups, vars }: AddHostEffect): Came {
  return { isChanged: on.play.run.changeInventory((changes) => changes.addTarget(name, groups, vars)) };
}

/** With run_once, too, only the target that does it, as in Ansible. */
function addToGroup(on: TargetPlay, { group, parents }: AddToGroupEffect): Came {
  const isChanged = on.play.run.changeInventory((changes) => changes.addToGroup(nameOf(on), group, parents));
  on.scopes.forget();
  return { isChanged };
}

async function pause(on: TargetPlay, work: TaskWork, { ms, prompt, isEchoed }: PauseEffect): Promise<Came> {
  const { run } = on.play;
  const { ask } = run.options;
  // Nobody waits for what only a saved plan is made of.
  if (run.recorder) return {};
  // What was seen before may be another by then; all targets stand here.
  for (const one of on.play.targets) one.venue.forgetSeen();
  const title = `[${titleFor(work)}]\n`;
  const hint = isEchoed ? "" : " (output is hidden)";
  if (ms !== undefined) {
    const shown = prompt === undefined ? "" : `${title}${prompt}${hint}\n`;
    run.tell({ event: "notice", message: `${shown}Pausing for ${Math.floor(ms / 1000)} seconds${hint}` });
    const leftMs = timeLeft(work) ?? ms;
    await run.sleep(Math.min(ms, leftMs));
    const fault = leftMs < ms ? faultOfLimit(work) : undefined;
    if (fault) throw new CrunError({ severity: "error", summary: fault.message, remedy: fault.remedy }, 2);
    return {};
  }
  if (!ask) return { isUnattended: true };
  const input = await ask(`${title}${prompt ?? "Press enter to continue, Ctrl+C to interrupt"}${hint}:`, {
    isSecret: !isEchoed,
  });
  // Whoever ends the question instead of answering it wants no more of the run.
  if (input === undefined) throw new CrunError({ severity: "error", summary: "user requested abort!" }, 2);
  // What was typed unseen stays unseen.
  if (!isEchoed) run.masker.add(input);
  return { input };
}

function includeVars(on: TargetPlay, work: TaskWork, { paths, under }: IncludeVarsEffect): Came {
  const { readVars } = on.play.run.options;
  if (!readVars) throw new CrunError({ severity: "error", summary: "files of variables cannot be read here" }, 2);
  const { layer, plain } = readVars(paths, under);
  for (const one of concernedBy(on, work)) {
    one.state.included.add(layer);
    one.scopes.forget();
    one.window.clear();
  }
  return { values: plain };
}

/** Of the target that the task acts on; kept by its own unless delegate_facts gives them away. */
async function gatherFacts(on: TargetPlay, work: TaskWork): Promise<Came> {
  const { run } = on.play;
  const asked = stateOf(on, work);
  const session = await asked.open();
  const host = asked.session;
  if (!run.facts || !host) return {};
  run.facts.forget(asked.target.host);
  const question = run.facts.ask(asked.target.host, host.info, asked.location.path);
  try {
    const answers = await run.slots.while(asked.target.host, () => session.observe(question.probes));
    const facts = await question.answer(answers);
    const owners = work.op.task.delegateFacts ? [asked] : concernedBy(on, work).map(({ state }) => state);
    for (const owner of owners) owner.facts = facts;
    for (const one of on.play.targets) if (owners.includes(one.state)) one.scopes.forget();
    return { values: facts() };
  } catch (error) {
    question.fail();
    throw error;
  }
}

/** A connection that is there and works is kept: other trees of the host use it, too. */
async function reconnect(on: TargetPlay, work: TaskWork, effect: ReconnectEffect): Promise<Came> {
  const { run } = on.play;
  const state = stateOf(on, work);
  await run.sleep(effect.delayMs);
  on.venue.forgetSeen();
  const until = performance.now() + effect.timeoutMs;
  for (;;) {
    try {
      await (await state.open()).observe([{ kind: "stat", path: "/" }]);
      return {};
    } catch (error) {
      if (!(error instanceof CrunError)) throw error;
      const { session } = state;
      state.drop();
      // Other trees of the host may have another one by now.
      if (session) await run.options.dropHost?.(state.target.host, session, state.reach);
      if (run.isInterrupted) return { failure: "was stopped: the run was interrupted" };
      const why = error.diagnostics[0]?.summary ?? error.message;
      if (performance.now() + effect.sleepMs >= until)
        return { failure: `timed out waiting for the connection: ${why}` };
    }
    await run.sleep(effect.sleepMs);
  }
}

function stateOf(on: TargetPlay, work: TaskWork): TargetState {
  const name = (work.venue ?? on.venue).base.target.name;
  return on.play.run.state(name) ?? on.state;
}
