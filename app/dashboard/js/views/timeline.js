// What happened to a session, newest first, in words and in the service's own.

import { at, span } from "../clock.js";
import { h, untrusted } from "../dom.js";
import { empty } from "../parts.js";
import { eventIn, reasonIn } from "../words.js";

const TONES = {
  ended: "end",
  granted: "run",
  reject: "bad",
  dead: "bad",
  release_asked: "act",
  stop_asked: "act",
  reset_asked: "act",
  paused: "act",
  resumed: "act",
  removed: "act",
};

export function timeline(events) {
  if (!events.length) return empty("Nothing is remembered of it.");
  return h(
    "ol",
    { class: "timeline" },
    events.map((event, place) => entry(event, events[place - 1])).reverse(),
  );
}

function entry(event, before) {
  const gap_seconds = before ? (Date.parse(event.at) - Date.parse(before.at)) / 1000 : 0;
  const { event: word, reason, by, message_id: message, run_id: run } = event;
  return h(
    "li",
    {
      class: `event is-${TONES[word] ?? "plain"}`,
      "data-key": `${event.at} ${word} ${message ?? ""} ${run ?? ""}`,
    },
    h(
      "div",
      { class: "event-when" },
      at(event.at),
      gap_seconds >= 1 ? h("span", { class: "dim" }, ` +${span(gap_seconds)}`) : null,
    ),
    h(
      "div",
      null,
      h("b", null, eventIn(word)),
      by ? [" · ", untrusted(by)] : null,
      message ? [" · message ", untrusted(message)] : null,
      reasonIn(reason) ? h("span", null, `: ${reasonIn(reason)}`) : null,
      h("div", { class: "event-words" }, word, reason ? [" ", untrusted(reason)] : null),
    ),
  );
}
