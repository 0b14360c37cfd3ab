// Who did what, newest first.

import { get } from "../api.js";
import { at } from "../clock.js";
import { h, untrusted } from "../dom.js";
import { linkTo } from "../keys.js";
import { button, code, empty, table } from "../parts.js";

const PAGE = 50;

export function audit(page, query) {
  const data = { actions: null, cursor: null, pages: 1 };
  return {
    title: "Actions",
    every_ms: 5000,
    async load(signal) {
      const found = [];
      let cursor = null;
      for (let asked = 0; asked < data.pages && (asked === 0 || cursor); asked++) {
        const answer = await get("v1/actions", { ...query, limit: PAGE, cursor }, signal);
        found.push(...answer.actions);
        ({ cursor } = answer);
      }
      Object.assign(data, { actions: found, cursor });
    },
    hear(name) {
      if (name === "action" || name === "policy") page.reload();
    },
    draw: () => [
      h("h1", { tabindex: "-1" }, "Actions"),
      h(
        "p",
        { class: "lead" },
        "What people did, to what, and whether it changed anything. By is the name of a token.",
      ),
      query.session
        ? h(
            "p",
            null,
            "Of one session: ",
            linkTo(query.session),
            " · ",
            h("a", { href: "#/actions" }, "all"),
          )
        : null,
      h("div", { class: "panel" }, shown(data.actions)),
      data.cursor
        ? button("Show more", () => {
            data.pages += 1;
            page.reload();
          })
        : null,
    ],
  };
}

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
        one.by ? untrusted(one.by) : h("span", { class: "dim" }, "no token"),
        code(one.action),
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
