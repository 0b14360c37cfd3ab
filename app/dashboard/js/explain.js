// Why a session is as it is, in a sentence or two for whoever is on call.

import { secondsSince, span } from "./clock.js";
import { visible } from "./dom.js";
import { count } from "./words.js";

const LONG_RUN_SECONDS = 300;

/** Gives {tone, text, hint}: tone `calm`, or `look` where a person should. */
export function explain(detail) {
  return BY_STATE[detail.state](detail);
}

const BY_STATE = {
  paused: ({ run, queue }) => ({
    tone: queue.length ? "look" : "calm",
    text: `Paused by a person: everything waits until it is resumed. ${waits(queue) || "Nothing waits."}${run ? ` The run of ${visible(run.consumer)} goes on to its end.` : ""}`,
    hint: queue.length ? "Resume lets it go on. The timeline says who paused it." : null,
  }),
  idle: () => ({ tone: "calm", text: "Nothing runs and nothing waits." }),
  waiting: whyItWaits,
  running: whatRuns,
};

function whyItWaits({ queue, ready_at }) {
  if (ready_at && secondsSince(ready_at) < 0) {
    return {
      tone: "calm",
      text: `${waits(queue)} It is not ready for another ${span(-secondsSince(ready_at))}: a retry delay, a debounce, or an album that is not whole.`,
    };
  }
  return {
    tone: "look",
    text: `${waits(queue)} It is ready, and nobody claims it.`,
    hint: "Is a worker up that claims for this platform and account?",
  };
}

function whatRuns({ run, queue }) {
  const seconds = secondsSince(run.started_at);
  const behind = queue.length ? ` ${waits(queue, "behind it")}` : " Nothing waits behind it.";
  if (run.interrupt) return whoStops(run, behind);
  if (run.sealed) {
    return {
      tone: "calm",
      text: `${visible(run.consumer)} is sending its reply: the run is sealed.${behind}`,
    };
  }
  if (run.asking) {
    return {
      tone: "calm",
      text: `${visible(run.consumer)} has asked a question and waits for its answer, for another ${span(-secondsSince(run.asking.expires_at))}.${behind}`,
    };
  }
  const held = run.held ? " It is held: nothing may interrupt or steer it." : "";
  const isLong = seconds > LONG_RUN_SECONDS;
  return {
    tone: isLong || queue.length ? "look" : "calm",
    text: `${visible(run.consumer)} has run this session for ${span(seconds)} and still renews its lease.${held}${behind}`,
    hint: isLong
      ? "If its holder hangs: Interrupt asks it to stop, Force release takes the lease at once and lets what waits run."
      : null,
  };
}

function whoStops({ consumer, interrupt }, behind) {
  const then = interrupt.deadline
    ? `Unless it confirms, the run ends as lost in ${span(-secondsSince(interrupt.deadline))}.`
    : "It has no deadline but its lease.";
  return {
    tone: "look",
    text: `${visible(consumer)} was asked to stop ${span(secondsSince(interrupt.requested_at))} ago. ${then}${behind}`,
    hint: "Force release does not wait for it.",
  };
}

function waits(queue, where = "") {
  if (!queue.length) return "";
  const oldest = Math.max(...queue.map((message) => secondsSince(message.received_at)));
  return `${count(queue.length, "message")} ${queue.length === 1 ? "waits" : "wait"}${where ? ` ${where}` : ""}, the oldest for ${span(oldest)}.`;
}
