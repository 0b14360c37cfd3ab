// Decisions a second by kind, as stacked bars of the last two minutes.

import { h } from "./dom.js";

const SECONDS = 120;
const BUCKET_SECONDS = 2;
const BARS = SECONDS / BUCKET_SECONDS;
const HEIGHT = 100;
const RECENT_BARS = 5; // the figures are of the last ten seconds that are over
export const KINDS = [
  "run",
  "queue",
  "interrupt",
  "steer",
  "answer",
  "duplicate",
  "control",
  "kept",
  "reject",
];

/** Counts decisions as they come. */
export class Decisions {
  constructor() {
    this.buckets = new Map();
  }

  add(kind, at_ms, count = 1) {
    const bucket = Math.floor(at_ms / 1000 / BUCKET_SECONDS);
    const counts = this.buckets.get(bucket) ?? {};
    counts[kind] = (counts[kind] ?? 0) + count;
    this.buckets.set(bucket, counts);
    for (const old of this.buckets.keys()) if (old < bucket - 2 * BARS) this.buckets.delete(old);
  }

  /** The last two minutes up to now, oldest first: counts by kind for each bar. */
  bars(now_ms) {
    const last = Math.floor(now_ms / 1000 / BUCKET_SECONDS);
    return Array.from(
      { length: BARS },
      (_, place) => this.buckets.get(last - BARS + 1 + place) ?? {},
    );
  }
}

/** The chart, and beside it the same in figures. */
export function chart(bars) {
  const sums = bars.map((counts) => KINDS.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0));
  const top = roundUp(Math.max(...sums) / BUCKET_SECONDS);
  return h(
    "figure",
    { class: "chart" },
    h(
      "div",
      { class: "chart-frame" },
      h("span", { class: "chart-top" }, `${top}/s`),
      h(
        "svg",
        {
          viewBox: `0 0 ${BARS * 10} ${HEIGHT}`,
          preserveAspectRatio: "none",
          role: "img",
          "aria-label": "Decisions a second over the last two minutes, by kind; the figures follow",
        },
        [0, 0.5].map((y) =>
          h("line", { class: "chart-grid", x1: 0, x2: BARS * 10, y1: y * HEIGHT, y2: y * HEIGHT }),
        ),
        bars.map((counts, place) => stack(counts, place, top * BUCKET_SECONDS)),
      ),
      h("span", { class: "chart-from" }, "2 min ago"),
      h("span", { class: "chart-to" }, "now"),
    ),
    h("figcaption", { class: "legend" }, legend(bars)),
  );
}

function legend(bars) {
  const seen = KINDS.filter((kind) => bars.some((counts) => counts[kind]));
  if (!seen.length) return h("span", { class: "dim" }, "No decision in the last two minutes.");
  const recent = bars.slice(-1 - RECENT_BARS, -1);
  return [
    seen.map((kind) => {
      const total = recent.reduce((sum, counts) => sum + (counts[kind] ?? 0), 0);
      return h(
        "span",
        { "data-key": kind },
        h("span", { class: `swatch kind-${kind}`, "aria-hidden": "true" }),
        `${kind} `,
        h("b", null, `${rate(total / (RECENT_BARS * BUCKET_SECONDS))}/s`),
      );
    }),
    h("span", { class: "dim push" }, "last 10 seconds"),
  ];
}

function stack(counts, place, top) {
  let y = HEIGHT;
  return KINDS.filter((kind) => counts[kind]).map((kind) => {
    const height = (counts[kind] / top) * HEIGHT;
    y -= height;
    return h("rect", {
      class: `kind-${kind}`,
      x: place * 10 + 1,
      width: 8,
      y: y.toFixed(2),
      height: height.toFixed(2),
    });
  });
}

function rate(number) {
  return number >= 10 || number === 0 ? number.toFixed(0) : number.toFixed(1);
}

/** The next of 1, 2, 5, 10, 20, 50 and so on. */
function roundUp(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(number, 1)));
  return [1, 2, 5, 10].find((step) => step * power >= number) * power;
}
