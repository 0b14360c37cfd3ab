// Times, as people read them. Leases end by the service's clock, so the page follows that one.

import { h } from "./dom.js";

const TOLERATED_MS = 2000; // the service's header knows seconds only
const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
];
let ahead_ms = 0;

/** Takes note of the service's time as an answer told it. */
export function learnTime(date) {
  if (!date) return;
  const difference_ms = Date.parse(date) + 500 - Date.now();
  ahead_ms = Math.abs(difference_ms) > TOLERATED_MS ? difference_ms : 0;
}

export const now_ms = () => Date.now() + ahead_ms;

/** Seconds since a moment, or until it where negative. */
export const secondsSince = (moment) => (now_ms() - Date.parse(moment)) / 1000;

/** A span in its two largest units: `4 m 12 s`. */
export function span(seconds) {
  let rest = Math.max(0, Math.floor(seconds));
  const first = UNITS.findIndex(([, size]) => rest >= size);
  if (first === -1) return "0 s";
  const parts = [];
  for (const [unit, size] of UNITS.slice(first, first + 2)) {
    parts.push(`${Math.floor(rest / size)} ${unit}`);
    rest %= size;
  }
  return parts.join(" ");
}

/** How long ago a moment was. */
export function ago(moment) {
  if (!moment) return "–";
  return time(moment, `${span(secondsSince(moment))} ago`);
}

/** For how long something has been so. */
export function since(moment) {
  if (!moment) return "–";
  return time(moment, span(secondsSince(moment)));
}

/** How long until a moment. */
export function left(moment) {
  return time(moment, span(-secondsSince(moment)));
}

/** The time of day, with the date where it is another day. */
export function at(moment) {
  const then = new Date(moment);
  const clock = then.toLocaleTimeString([], { hour12: false });
  const isToday = then.toDateString() === new Date(now_ms()).toDateString();
  return time(moment, isToday ? clock : `${then.toLocaleDateString()} ${clock}`);
}

function time(moment, text) {
  return h("time", { datetime: moment, title: new Date(moment).toLocaleString() }, text);
}
