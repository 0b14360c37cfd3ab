// The policy in force, its versions, and which session a message would get.

import { NOT_OPERATOR } from "../actions.js";
import { call, get } from "../api.js";
import { at } from "../clock.js";
import { confirm } from "../confirm.js";
import { changes } from "../diff.js";
import { h, untrusted, visible } from "../dom.js";
import { button, panel, table } from "../parts.js";
import { resolveForm } from "./resolve.js";

export function policy(page) {
  const data = { inForce: null, opened: null };
  const form = resolveForm();

  async function open(revision) {
    data.opened = revision === null ? null : await get(`v1/policy/versions/${revision}`);
    page.redraw();
  }

  async function restore(revision) {
    const then = await get(`v1/policy/versions/${revision}`);
    const agreed = await confirm({
      title: `Restore revision ${revision}?`,
      will: [
        "It becomes a new revision, in force on every router within a second.",
        "A session keeps the settings of its last message; the change reaches it with its next one.",
        differing(linesOf(data.inForce.policy), linesOf(then.policy)),
      ],
      about: [["In force now", `revision ${data.inForce.revision}`]],
      button: "Restore",
    });
    if (!agreed) return;
    const answer = await call("POST", `v1/policy/versions/${revision}/restore`);
    const isSame = answer.revision === data.inForce.revision;
    page.tell(
      isSame ? "unchanged" : "done",
      isSame
        ? "Nothing was changed: it says what is in force already."
        : `In force now: revision ${answer.revision}.`,
    );
    data.opened = null;
    page.reload();
  }

  return {
    title: "Policy",
    every_ms: 10_000,
    async load(signal) {
      data.inForce = await get("v1/policy", {}, signal);
    },
    hear(name) {
      if (name === "policy") page.reload();
    },
    draw: () => [
      h("h1", { tabindex: "-1" }, "Policy"),
      h(
        "div",
        { class: "columns is-even" },
        h(
          "div",
          { class: "stack" },
          panel("Which session would this be?", form),
          versions(data, page, open, restore),
        ),
        shownPolicy(data, page, open),
      ),
    ],
  };
}

function versions({ inForce, opened }, page, open, restore) {
  if (!inForce) return null;
  const why = page.mayAct ? null : NOT_OPERATOR;
  const rows = inForce.versions.map(({ revision, at: when, by }) => {
    const isInForce = revision === inForce.revision;
    return {
      key: revision,
      cells: [
        h("b", null, revision),
        at(when),
        by ? untrusted(by) : h("span", { class: "dim" }, "no token"),
        h(
          "span",
          { class: "buttons" },
          button(
            opened?.revision === revision ? "Close" : "Compare",
            () => page.attempt(() => open(opened?.revision === revision ? null : revision)),
            {
              kind: "is-small",
              why: isInForce ? "It is in force." : null,
              describe: `Compare revision ${revision}`,
            },
          ),
          button("Restore", () => page.attempt(() => restore(revision)), {
            kind: "is-small",
            why: why ?? (isInForce ? "It is in force." : null),
            describe: `Restore revision ${revision}`,
          }),
        ),
      ],
    };
  });
  return panel(
    "Versions",
    rows.length
      ? table(
          "Versions of the policy, the newest first",
          ["Revision", "Since", "By", { text: "", class: "number" }],
          rows,
        )
      : h("p", { class: "empty" }, "The defaults hold: no policy has been put."),
  );
}

function shownPolicy({ inForce, opened }) {
  if (!inForce) return h("p", { class: "dim" }, "Looking…");
  if (!opened)
    return panel(
      `In force: revision ${inForce.revision}`,
      h("pre", { class: "policy", tabindex: "0" }, linesOf(inForce.policy).join("\n")),
    );
  const different = differing(linesOf(opened.policy), linesOf(inForce.policy));
  return panel(`From revision ${opened.revision} to ${inForce.revision}`, different);
}

function differing(before, after) {
  const lines = changes(before, after);
  if (!lines.length) return h("p", null, "They say the same.");
  const names = { "+": "added", "-": "removed", " ": "same" };
  return h(
    "pre",
    { class: "policy", tabindex: "0" },
    lines.map((line) =>
      h(
        "span",
        { class: line ? `line is-${names[line[0]]}` : "line dim" },
        line ? `${line[0]} ${line[1]}` : "⋯",
      ),
    ),
  );
}

/** A policy as YAML reads, for the eye alone. */
function linesOf(value, indent = "") {
  if (Array.isArray(value))
    return value.flatMap((item) => withMark(linesOf(item, `${indent}  `), indent));
  return Object.entries(value).flatMap(([name, field]) =>
    isNested(field)
      ? [`${indent}${visible(name)}:`, ...linesOf(field, `${indent}  `)]
      : [`${indent}${visible(name)}: ${plain(field)}`],
  );
}

function withMark([first, ...rest], indent) {
  return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest];
}

function isNested(field) {
  if (Array.isArray(field)) return field.some((item) => typeof item === "object" && item !== null);
  return typeof field === "object" && field !== null && Object.keys(field).length > 0;
}

function plain(value) {
  return visible(JSON.stringify(value));
}
