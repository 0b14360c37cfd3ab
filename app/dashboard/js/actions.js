// What an operator may do to a session: what it is called, what it needs, what will happen.
// Each sends what the person saw, so that nothing is done to what they did not see.

import { call, sessionPath } from "./api.js";
import { confirm } from "./confirm.js";
import { visible } from "./dom.js";
import { count } from "./words.js";

export const NOT_OPERATOR = "Your token may look; acting needs an operator's.";

const needsRun = ({ run }) => (run ? null : "Nothing runs.");
const runAndSession = ({ run, session }) => ({ run_id: run?.id, session_id: session.id });
const sessionAlone = ({ session }) => ({ session_id: session.id });
const waiting = ({ queue }) =>
  queue.length ? `${count(queue.length, "message")} in the queue` : "the queue, which is empty,";

const ACTIONS = {
  interrupt: {
    label: "Interrupt",
    needs: ({ run }) =>
      needsRun({ run }) ??
      (run.sealed ? "The run is sealed: its reply is going out." : null) ??
      (run.interrupt ? "It has been asked to stop already." : null),
    sees: runAndSession,
    will: ({ run }) => [
      `${visible(run.consumer)} is asked to stop this run. It decides what becomes of its ${count(run.message_ids.length, "message")}.`,
      "If it does not confirm within the policy's grace, the run ends as lost and its batch returns to the front of the queue.",
    ],
    done: "The run has been asked to stop.",
  },
  release: {
    label: "Force release",
    kind: "is-danger",
    needs: needsRun,
    sees: runAndSession,
    will: ({ run, queue }) => [
      `The lease is taken from ${visible(run.consumer)} at once. Whatever it still sends for this run is refused by its fence.`,
      run.sealed
        ? "The run is sealed: unless the policy resends, its batch counts as done, with delivery unknown."
        : `Its batch of ${count(run.message_ids.length, "message")} returns to the front of the queue, uncounted${queue.length ? `, before the ${queue.length.toLocaleString()} that wait` : ""}.`,
      "The session is then ready for a claim. The old holder may still be working: what it does outside this service is not undone.",
    ],
    done: "The lease has been taken; what waits is ready for a claim.",
  },
  pause: {
    label: "Pause",
    needs: () => null,
    sees: sessionAlone,
    will: ({ run }) => [
      "Everything that comes waits until the session is resumed. Stop and reset still act.",
      run ? "The active run goes on to its end, and hands nothing over." : null,
    ],
    done: "The session is paused.",
  },
  resume: {
    label: "Resume",
    needs: () => null,
    sees: sessionAlone,
    will: (detail) => [`The session goes on: ${waiting(detail)} is ready for a claim.`],
    done: "The session goes on.",
  },
  reset: {
    label: "Reset",
    needs: () => null,
    sees: runAndSession,
    will: ({ run, queue }) => [
      "The session starts a new id: the agent's context begins empty.",
      run
        ? "The active run is asked to stop; the new id begins when it has ended, and its batch never runs again."
        : null,
      queue.length
        ? `What waits stays, ${count(queue.length, "message")}, and belongs to the new id.`
        : null,
    ],
    done: "The reset has been asked for.",
  },
  delete: {
    label: "Delete session",
    kind: "is-danger",
    needs: () => null,
    sees: runAndSession,
    will: ({ run, counters }) => [
      `The session is removed for good, with ${count(counters.waiting, "waiting message")} and ${counters.in_run.toLocaleString()} in a run.`,
      run ? `${visible(run.consumer)} is fenced out.` : null,
      "Message ids stay known, so what is sent again is still a repeat.",
    ],
    done: "The session is deleted.",
  },
};

/** The actions that fit a session as it is, each with the reason why it can not be done now. */
export function actionsOn(detail, mayAct) {
  const pauseOrResume = detail.state === "paused" ? "resume" : "pause";
  return ["interrupt", "release", pauseOrResume, "reset", "delete"].map((name) => ({
    name,
    ...ACTIONS[name],
    why: mayAct ? ACTIONS[name].needs(detail) : NOT_OPERATOR,
  }));
}

/** Asks, then acts on what was seen. Gives null if the person thought better of it. */
export async function act(name, detail) {
  const { label, kind, will, sees } = ACTIONS[name];
  const { key } = detail.session;
  const seen = sees(detail);
  const agreed = await confirm({
    title: `${label}?`,
    will: will(detail),
    about: [
      ["Session", key],
      ["Session id", seen.session_id],
      ["Run", seen.run_id],
    ],
    button: label,
    kind,
  });
  if (!agreed) return null;
  const path = name === "delete" ? sessionPath(key) : sessionPath(key, `/${name}`);
  return call(name === "delete" ? "DELETE" : "POST", path, { body: seen });
}

/** Asks, then removes one waiting message. */
export async function removeMessage(message, detail) {
  const { key, id } = detail.session;
  const agreed = await confirm({
    title: "Delete this waiting message?",
    will: [
      "It leaves the queue and no run will get it. Its id stays known: sent again, it is a repeat.",
      "If a run takes it first, nothing is done.",
    ],
    about: [
      ["Message", message.message_id],
      ["From", message.user_name ?? message.user_id],
      ["Session", key],
    ],
    button: "Delete message",
    kind: "is-danger",
  });
  if (!agreed) return null;
  return call("DELETE", sessionPath(key, `/queue/${message.seq}`), { body: { session_id: id } });
}

/** Asks, then puts a dead letter back (`redrive`) or lets it go (`discard`). */
export async function settleLetter(verb, letter) {
  const isRedrive = verb === "redrive";
  const agreed = await confirm({
    title: isRedrive ? "Redrive this dead letter?" : "Delete this dead letter?",
    will: isRedrive
      ? [
          "Its message goes to the back of the queue of the session it came from, and its deliveries are counted anew.",
        ]
      : ["Its message ends as removed, and cannot be put back."],
    about: [
      ["Message", letter.message.message_id],
      ["Session", letter.session_key],
    ],
    button: isRedrive ? "Redrive" : "Delete dead letter",
    kind: isRedrive ? "" : "is-danger",
  });
  if (!agreed) return null;
  const path = `v1/dead-letters/${encodeURIComponent(letter.id)}`;
  return isRedrive ? call("POST", `${path}/redrive`) : call("DELETE", path);
}

export const doneOf = (name) => ACTIONS[name].done;
export const labelOf = (name) => ACTIONS[name].label;
