// How the service is, live: what runs, what waits and for how long, what is decided.

import { get } from "../api.js";
import { chart } from "../chart.js";
import { ago, now_ms, since, span } from "../clock.js";
import { h, untrusted } from "../dom.js";
import { linkTo } from "../keys.js";
import { empty, panel, state, table } from "../parts.js";
import { STATES } from "../words.js";

const LINES = 8;
const OLD_WAIT_SECONDS = 60;

export function overview(page) {
  const data = { waits: [], runs: [], routers: [], consumers: [] };
  return {
    title: "Overview",
    every_ms: 3000,
    async load(signal) {
      const [waits, runs, routers, consumers] = await Promise.all([
        get("v1/sessions", { order: "oldest_wait", limit: LINES }, signal),
        get("v1/sessions", { state: "running", limit: LINES }, signal),
        get("v1/routers", {}, signal),
        get("v1/consumers", {}, signal),
      ]);
      runs.sessions.sort((a, b) => (a.run_started_at ?? "").localeCompare(b.run_started_at ?? ""));
      Object.assign(data, {
        waits: waits.sessions,
        runs: runs.sessions,
        routers: routers.routers,
        consumers: consumers.consumers,
      });
    },
    hear() {},
    draw: () => [
      h("h1", { tabindex: "-1" }, "Overview"),
      tiles(page.stats),
      h(
        "div",
        { class: "columns" },
        panel("Decisions a second", chart(page.decisions.bars(now_ms()))),
        panel("By platform", platforms(page.stats)),
      ),
      h(
        "div",
        { class: "columns is-even" },
        panel(
          "Longest waits",
          waitsTable(data.waits),
          allOf("order=oldest_wait", "all that waits"),
        ),
        panel("Longest runs", runsTable(data.runs), allOf("state=running", "all that runs")),
      ),
      h(
        "div",
        { class: "columns is-even" },
        panel("Routers", routersTable(data.routers)),
        panel("Consumers", consumersTable(data.consumers)),
      ),
    ],
  };
}

function tiles(stats) {
  if (!stats) return h("p", { class: "dim" }, "Figures are on their way.");
  const { sessions, messages, queue } = stats;
  const isOld = queue.oldest_wait_seconds >= OLD_WAIT_SECONDS;
  return h(
    "ul",
    { class: "tiles", "aria-label": "Figures" },
    tile(
      "Oldest wait",
      queue.depth ? span(queue.oldest_wait_seconds) : "–",
      "#/sessions?order=oldest_wait",
      isOld ? "is-alarm" : "",
      isOld ? "look at this first" : "nothing waits long",
    ),
    tile(
      "Messages waiting",
      queue.depth.toLocaleString(),
      "#/sessions?order=oldest_wait",
      "",
      `${messages.in_run.toLocaleString()} in runs`,
    ),
    STATES.map((word) =>
      tile(
        h("span", { class: `state is-${word}` }, word),
        sessions[word].toLocaleString(),
        `#/sessions?state=${word}`,
        "",
        "sessions",
      ),
    ),
    tile(
      "Dead letters",
      messages.dead.toLocaleString(),
      "#/dead-letters",
      messages.dead ? "is-alarm" : "",
      messages.dead ? "for a person to decide" : "none",
    ),
  );
}

function tile(label, figure, href, kind, below) {
  return h(
    "li",
    null,
    h(
      "a",
      { class: `tile ${kind}`, href },
      h("span", { class: "tile-label" }, label),
      h("span", { class: "tile-figure" }, figure),
      h("span", { class: "tile-below" }, below),
    ),
  );
}

const allOf = (query, text) =>
  h("span", { class: "more" }, h("a", { href: `#/sessions?${query}` }, `${text} →`));

function waitsTable(sessions) {
  if (!sessions.length) return empty("Nothing waits.");
  return table(
    "Sessions by their oldest wait",
    ["Session", "State", { text: "Waiting", class: "number" }, { text: "Oldest", class: "number" }],
    sessions.map((one) => ({
      key: one.key,
      cells: [linkTo(one.key), state(one.state), one.waiting, since(one.oldest_waiting_at)],
    })),
  );
}

function runsTable(sessions) {
  if (!sessions.length) return empty("Nothing runs.");
  return table(
    "Sessions that run, longest first",
    ["Session", "Holder", { text: "Behind it", class: "number" }, { text: "For", class: "number" }],
    sessions.map((one) => ({
      key: one.key,
      cells: [
        linkTo(one.key),
        untrusted(one.consumer ?? "–"),
        one.waiting,
        since(one.run_started_at),
      ],
    })),
  );
}

function platforms(stats) {
  const rows = Object.entries(stats?.by_platform ?? {}).sort(([a], [b]) => a.localeCompare(b));
  if (!rows.length) return empty("No message has come yet.");
  return table(
    "Figures by platform",
    [
      "Platform",
      { text: "Run", class: "number" },
      { text: "Wait", class: "number" },
      { text: "Oldest", class: "number" },
    ],
    rows.map(([platform, { sessions, queue }]) => ({
      key: platform,
      cells: [
        platform === "*"
          ? "across platforms"
          : h(
              "a",
              { href: `#/sessions?platform=${encodeURIComponent(platform)}` },
              untrusted(platform),
            ),
        sessions.running,
        queue.depth,
        queue.depth ? span(queue.oldest_wait_seconds) : "–",
      ],
    })),
  );
}

function routersTable(routers) {
  if (!routers.length) return empty("No router has been seen.");
  return table(
    "Routers that serve this store",
    ["Router", "Version", { text: "Up for", class: "number" }, { text: "Seen", class: "number" }],
    routers.map((one) => ({
      key: one.name,
      cells: [untrusted(one.name), one.version, since(one.started_at), ago(one.last_seen_at)],
    })),
  );
}

function consumersTable(consumers) {
  if (!consumers.length) return empty("No consumer has been seen.");
  return table(
    "Gateways and workers that have called",
    ["Consumer", "Token", { text: "Runs", class: "number" }, { text: "Seen", class: "number" }],
    consumers.map((one) => ({
      key: `${one.token} ${one.consumer}`,
      cells: [
        untrusted(one.consumer),
        untrusted(one.token || "–"),
        one.runs,
        ago(one.last_seen_at),
      ],
    })),
  );
}
