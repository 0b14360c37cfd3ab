// One action on all sessions that a filter shows: looked up, told, asked, then sent in parts.

import { call, get } from "./api.js";
import { confirm } from "./confirm.js";
import { labelOf } from "./actions.js";
import { count } from "./words.js";

export const BULK_MAX = 5000;
const PART = 100;
const PAGE = 200;
const NAMED = 5;
const NO_ANSWER = [0, 503];
const FITS = {
  interrupt: (one) => one.state !== "idle" && one.run_id,
  release: (one) => one.run_id,
  pause: (one) => one.state !== "paused",
  resume: (one) => one.state === "paused",
  reset: () => true,
  delete: () => true,
};
const WILL = {
  interrupt:
    "Each one's active run is asked to stop. What does not confirm in time ends as lost, and its batch returns.",
  release:
    "Each one's lease is taken from its holder at once; its batch returns to the front of its queue.",
  pause:
    "Everything that comes to them waits until they are resumed. What runs goes on to its end.",
  resume: "What waits in them is ready for a claim.",
  reset:
    "Each starts a new session id with an empty context. A run is asked to stop, and its batch never runs again.",
  delete: "They are removed for good, with all that waits or runs in them.",
};

/** Asks, then acts. Gives {kind, text} to tell, or null if the person thought better of it. */
export async function actOnAll(action, filter, page) {
  const { found, isCut } = await allOf(filter, page);
  const fitting = found.filter(FITS[action]);
  if (!fitting.length)
    return {
      kind: "unchanged",
      text: `None of ${count(found.length, "session")} can be acted on so.`,
    };
  const agreed = await confirm({
    title: `${labelOf(action)}: ${count(fitting.length, "session")}?`,
    will: [
      WILL[action],
      fitting.length < found.length
        ? `Of ${count(found.length, "session")} that the filter gives, these are the ones it can be done to.`
        : null,
      isCut
        ? `There are more than ${BULK_MAX.toLocaleString()}: the others are left as they are.`
        : null,
      "One that has changed since is left alone.",
    ],
    about: [
      [
        "Filter",
        Object.entries(filter)
          .map(([name, value]) => `${name} ${value}`)
          .join(", ") || "none: all sessions",
      ],
      [
        "Sessions",
        [...fitting.slice(0, NAMED).map(({ key }) => key), fitting.length > NAMED ? "…" : null]
          .filter(Boolean)
          .join("\n"),
      ],
    ],
    button: `${labelOf(action)} ${fitting.length.toLocaleString()}`,
    kind: "is-danger",
  });
  return agreed ? sum(await send(action, fitting, page), fitting.length) : null;
}

async function allOf(filter, page) {
  const found = [];
  let cursor = null;
  do {
    const answer = await get("v1/sessions", { ...filter, limit: PAGE, cursor });
    found.push(...answer.sessions);
    ({ cursor } = answer);
    page.tell("busy", `Looking at what the filter gives: ${count(found.length, "session")}.`);
  } while (cursor && found.length < BULK_MAX);
  page.tell(null);
  return { found: found.slice(0, BULK_MAX), isCut: cursor !== null || found.length > BULK_MAX };
}

async function send(action, sessions, page) {
  const results = [];
  for (let start = 0; start < sessions.length; start += PART) {
    const part = sessions.slice(start, start + PART).map((one) => seen(action, one));
    try {
      const body = { action, sessions: part };
      results.push(...(await call("POST", "v1/sessions/actions", { body })).results);
    } catch (problem) {
      if (!results.length || !NO_ANSWER.includes(problem.status)) throw problem;
      break; // what is done already is told all the same
    }
    page.tell(
      "busy",
      `${results.length.toLocaleString()} of ${count(sessions.length, "session")} done.`,
    );
  }
  return results;
}

function seen(action, { key, id, run_id: run }) {
  const isAboutRun = action !== "pause" && action !== "resume";
  return { key, session_id: id, ...(isAboutRun && run ? { run_id: run } : {}) };
}

/** Sessions without a result are those that no answer came for. */
function sum(results, asked) {
  const number = (word) => results.filter(({ result }) => result === word).length;
  const [changed, unchanged, gone] = ["changed", "unchanged", "unknown"].map(number);
  const open = asked - changed - unchanged - gone;
  const parts = [
    `${count(changed, "session")} changed`,
    unchanged ? `${unchanged.toLocaleString()} not changed: no longer as they were seen` : null,
    gone ? `${gone.toLocaleString()} gone` : null,
    open ? `${open.toLocaleString()} without an answer: look again, some may be done` : null,
  ];
  return { kind: changed && !open ? "done" : "unchanged", text: `${parts.filter(Boolean).join(", ")}.` };
}
