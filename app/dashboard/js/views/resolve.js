// The form that asks which session a message would get, and why.

import { call } from "../api.js";
import { h, show, untrusted } from "../dom.js";
import { linkTo } from "../keys.js";
import { code, problem, table } from "../parts.js";

const TYPES = ["group", "dm", "channel", "forum", "thread"];
const FIELDS = [
  [
    "platform",
    "Platform",
    { required: true, pattern: "[a-z0-9_\\-]{1,32}", placeholder: "discord" },
  ],
  ["chat_id", "Chat id", {}],
  ["thread_id", "Thread id", {}],
  ["user_id", "User id", {}],
  ["scope", "Scope", { placeholder: "workspace, server" }],
  ["account", "Account", { placeholder: "default" }],
  ["agent", "Agent", { placeholder: "main" }],
];

/** The form with its answer below; it keeps what was typed while the view around it changes. */
export function resolveForm() {
  const answer = h("div", { role: "status", class: "resolved" });
  const form = h(
    "form",
    { class: "filters is-grid" },
    field(
      "Chat type",
      h(
        "select",
        { name: "chat_type" },
        TYPES.map((type) => h("option", { value: type }, type)),
      ),
    ),
    FIELDS.map(([name, label, more]) =>
      field(label, h("input", { name, autocomplete: "off", spellcheck: "false", ...more })),
    ),
    h("button", { class: "button is-main", type: "submit" }, "Resolve"),
  );
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      show(answer, resolved(await call("POST", "v1/resolve", { body: bodyOf(form) })));
    } catch (error) {
      show(answer, problem(error));
    }
  };
  const whole = h("div", { class: "resolve" }, form, answer);
  whole.own = true;
  return whole;
}

const field = (label, input) => h("label", { class: "field" }, h("span", null, label), input);

function bodyOf(form) {
  const { agent, ...source } = Object.fromEntries(
    [...new FormData(form)].filter(([, value]) => value.trim()),
  );
  return { ...(agent ? { agent } : {}), source };
}

function resolved({ key, policy, rules, why }) {
  const rows = Object.entries(rules).map(([field, rule]) => ({
    key: field,
    cells: [
      code(field),
      JSON.stringify(valueAt(policy, field) ?? null),
      rule === "defaults" ? h("span", { class: "dim" }, "defaults") : untrusted(rule),
    ],
  }));
  rows.sort((a, b) => (b.cells[2].nodeName === "BDI") - (a.cells[2].nodeName === "BDI"));
  return [
    h("p", null, "This message belongs to ", linkTo(key)),
    h("p", { class: "long" }, code(key)),
    why ? h("p", { class: "dim" }, untrusted(why)) : null,
    h(
      "details",
      null,
      h("summary", null, "Its policy, and the rule behind each field"),
      table("The policy of this message", ["Field", "Value", "Set by"], rows),
    ),
  ];
}

const valueAt = (policy, path) => path.split(".").reduce((part, name) => part?.[name], policy);
