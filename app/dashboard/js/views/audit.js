// Who did what, newest first.

import { get } from "../api.js";
import { at } from "../clock.js";
import { h, untrusted } from "../dom.js";
import { linkTo } from "../keys.js";
import { Pages } from "../pages.js";
import { code, empty, table } from "../parts.js";

const PAGE = 50;

export function audit(page, query) {
  const pages = new Pages(async (cursor, signal) => {
    const answer = await get("v1/actions", { ...query, limit: PAGE, cursor }, signal);
    return { items: answer.actions, cursor: answer.cursor };
  }, page.reload);
  return {
    title: "Actions",
    every_ms: 5000,
    load: (signal) => pages.load(signal),
    hear(name) {
      if (name === "action" || name === "policy") page.reload();
    },
    draw: () => [
      h("h1", { tabindex: "-1" }, "Actions"),
      h(
        "p",
        { class: "lead" },
        "What people did, to what, and whether it changed anything. By is the name of a token; press a name or an action to see that alone.",
      ),
      filterTold(query),
      h("div", { class: "panel" }, shown(pages.items)),
      pages.more(),
    ],
  };
}

function filterTold({ session, by, action }) {
  if (!session && !by && !action) return null;
  const parts = [
    session ? ["of ", linkTo(session)] : null,
    by ? ["by ", untrusted(by)] : null,
    action ? ["with ", code(action)] : null,
  ].filter(Boolean);
  return h(
    "p",
    null,
    "Only what was done ",
    parts.map((part, place) => [place ? ", " : null, part]),
    " · ",
    h("a", { href: "#/actions" }, "show all"),
  );
}

const only = (name, value, shownAs) =>
  h("a", { href: `#/actions?${new URLSearchParams([[name, value]])}` }, shownAs);

function shown(actions) {
  if (!actions) return h("p", { class: "dim" }, "Looking…");
  if (!actions.length) return empty("Nobody has done anything yet.");
  return table(
    "Actions, newest first",
    ["When", "By", "Action", "Changed", "Target"],
    actions.map((one) => ({
      key: one.id,
      cells: [
        at(one.at),
        one.by ? only("by", one.by, untrusted(one.by)) : h("span", { class: "dim" }, "no token"),
        only("action", one.action, code(one.action)),
        one.changed ? "yes" : h("span", { class: "dim" }, "no"),
        target(one),
      ],
    })),
  );
}

function target({ session_key: key, message_id: message, run_id: run, revision }) {
  return h(
    "span",
    { class: "target" },
    key ? linkTo(key) : null,
    message ? h("span", { class: "dim" }, "message ", untrusted(message)) : null,
    run ? h("span", { class: "dim long", title: run }, `run ${run.split(".")[0]}`) : null,
    revision ? h("span", null, `policy revision ${revision}`) : null,
  );
}
