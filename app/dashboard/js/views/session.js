// One session: why it is as it is, who runs it, what waits, what has happened; and what an
// operator may do about it.

import { act, actionsOn, doneOf, removeMessage, NOT_OPERATOR } from "../actions.js";
import { get, sessionPath } from "../api.js";
import { ago, left, secondsSince, since } from "../clock.js";
import { h, untrusted, visible } from "../dom.js";
import { explain } from "../explain.js";
import { nameOf } from "../keys.js";
import { button, code, empty, facts, panel, state } from "../parts.js";
import { Texts } from "../texts.js";
import { timeline } from "./timeline.js";

const UNCHANGED =
  "Nothing was changed: the session is no longer as you saw it, or it is so already. It is shown as it is now.";

export function session(page, { key }) {
  const data = { detail: null, events: [] };
  const texts = new Texts(() => page.reload());

  async function run(name) {
    const answer = await act(name, data.detail);
    if (!answer) return;
    page.tell(answer.changed ? "done" : "unchanged", answer.changed ? doneOf(name) : UNCHANGED);
    if (name === "delete" && answer.changed) location.hash = "#/sessions";
    else page.reload();
  }

  async function remove(message) {
    const answer = await removeMessage(message, data.detail);
    if (!answer) return;
    page.tell(
      answer.changed ? "done" : "unchanged",
      answer.changed ? "The message has been deleted." : UNCHANGED,
    );
    page.reload();
  }

  return {
    title: key,
    every_ms: 3000,
    async load(signal) {
      const [detail, { events }] = await Promise.all([
        get(sessionPath(key), texts.query, signal),
        get(sessionPath(key, "/timeline"), {}, signal),
      ]);
      texts.learn(detail.texts);
      Object.assign(data, { detail, events });
    },
    hear(name, { session_key: about }) {
      if (about === key) page.reload();
    },
    draw() {
      const { detail, events } = data;
      if (!detail) return [h("h1", { tabindex: "-1" }, nameOf(key))];
      return [
        head(key, detail),
        verdict(detail),
        toolbar(detail, page.mayAct, (name) => page.attempt(() => run(name))),
        h(
          "div",
          { class: "columns is-session" },
          h(
            "div",
            { class: "stack" },
            detail.run ? runPanel(detail, texts) : null,
            queuePanel(detail, texts, page.mayAct, (message) =>
              page.attempt(() => remove(message)),
            ),
            panel("Timeline", timeline(events)),
          ),
          h(
            "div",
            { class: "stack" },
            contextPanel(detail),
            peoplePanel(detail),
            aboutPanel(key, detail),
          ),
        ),
      ];
    },
  };
}

function head(key, { state: word }) {
  return h(
    "div",
    { class: "head" },
    h("p", { class: "crumbs" }, h("a", { href: "#/sessions" }, "Sessions"), " / "),
    h("h1", { tabindex: "-1" }, nameOf(key), " ", state(word)),
  );
}

function verdict(detail) {
  const { tone, text, hint } = explain(detail);
  return h(
    "div",
    { class: `verdict is-${tone}` },
    h("p", null, text),
    hint ? h("p", { class: "dim" }, hint) : null,
  );
}

function toolbar(detail, mayAct, run) {
  return h(
    "div",
    { class: "toolbar", role: "group", "aria-label": "Actions on this session" },
    actionsOn(detail, mayAct).map(({ name, label, kind, why }) =>
      h(
        "span",
        { "data-key": name },
        button(label, () => run(name), { why, kind }),
      ),
    ),
    mayAct ? null : h("span", { class: "dim" }, NOT_OPERATOR),
  );
}

function runPanel({ run, batch, queue }, texts) {
  return panel(
    "Run",
    [
      facts([
        ["Holder", untrusted(run.consumer)],
        ["Lease", h("span", null, "ends in ", left(run.lease_expires_at), " unless renewed")],
        ["Running for", since(run.started_at)],
        ["Status", run.status ? untrusted(run.status) : null],
        ["Sealed", run.sealed ? "yes: its reply goes out" : "no"],
        ["Held", run.held ? "yes: it holds off interrupts and steers" : null],
        [
          "Asks",
          run.asking
            ? h(
                "span",
                null,
                untrusted(run.asking.prompt_id),
                ", for another ",
                left(run.asking.expires_at),
              )
            : null,
        ],
        ["Asked to stop", run.interrupt ? asked(run.interrupt) : null],
        [
          "Owners",
          run.owners.length
            ? run.owners.map((owner) => h("span", { class: "chip" }, untrusted(owner)))
            : "nobody",
        ],
        ["Fence", code(run.fence)],
        ["Run id", h("span", { class: "long" }, code(run.id))],
      ]),
      h("h3", null, "Its batch"),
      messages(batch, texts),
    ],
    queue.length ? null : texts.toggle(),
  );
}

function asked({ cause, user_id: user, requested_at: when, deadline }) {
  return h(
    "span",
    null,
    ago(when),
    ` (${cause})`,
    user ? [" by ", untrusted(user)] : null,
    deadline ? [", ends as lost in ", left(deadline)] : null,
  );
}

function queuePanel({ queue, ready_at: ready }, texts, mayAct, remove) {
  const isDelayed = ready && secondsSince(ready) < 0;
  return panel(
    "Queue",
    queue.length ? messages(queue, texts, { mayAct, remove }) : empty("Nothing waits."),
    [
      isDelayed ? h("span", null, "ready in ", left(ready)) : null,
      queue.length ? texts.toggle() : null,
    ],
  );
}

function messages(list, texts, deletion) {
  return h(
    "ol",
    { class: "messages" },
    list.map((message) =>
      h(
        "li",
        { class: "message", "data-key": `m${message.seq}` },
        h(
          "div",
          { class: "message-head" },
          h("b", null, untrusted(message.user_name || message.user_id || "nobody")),
          message.user_name && message.user_id
            ? h("span", { class: "dim" }, untrusted(message.user_id))
            : null,
          h("span", { class: "dim" }, "message ", untrusted(message.message_id)),
          message.kind === "user" ? null : h("span", { class: "chip" }, message.kind),
          message.deliveries > 1
            ? h("span", { class: "chip is-warn" }, `delivery ${message.deliveries}`)
            : null,
          h("span", { class: "push" }, ago(message.received_at)),
        ),
        h(
          "div",
          { class: "message-body" },
          texts.text(message.seq, message.text, `message ${visible(message.message_id)}`),
          deletion
            ? button("Delete", () => deletion.remove(message), {
                why: deletion.mayAct ? null : NOT_OPERATOR,
                kind: "is-small",
                describe: `Delete message ${visible(message.message_id)}`,
              })
            : null,
        ),
      ),
    ),
  );
}

function contextPanel({ session: { context } }) {
  const { tokens, limit, ratio, action } = context;
  const advice = { none: "no action", compress: "compress", reset: "reset" }[action];
  return panel("Context", [
    gauge(ratio, action),
    h(
      "p",
      { class: `gauge-text is-${action}` },
      h("b", null, limit ? `${Math.round(ratio * 100)} %` : "no limit known"),
      limit
        ? ` ${tokens.toLocaleString()} of ${limit.toLocaleString()} tokens`
        : ` ${tokens.toLocaleString()} tokens`,
    ),
    h("p", { class: "dim" }, `What its holder is told: ${advice}.`),
  ]);
}

function gauge(ratio, action) {
  const percent = Math.min(100, Math.round(ratio * 100));
  return h(
    "div",
    {
      class: `gauge is-${action}`,
      role: "meter",
      "aria-label": "Share of the context in use",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": percent,
    },
    h(
      "svg",
      { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
      h("rect", { class: "gauge-bar", width: percent, height: 8 }),
    ),
  );
}

function peoplePanel({ session: { participants } }) {
  return panel(
    "Participants",
    participants.length
      ? h(
          "ul",
          { class: "people" },
          participants.map(({ user_id: id, user_name: name }) =>
            h(
              "li",
              { "data-key": id },
              name ? [h("b", null, untrusted(name)), " "] : null,
              h("span", { class: "dim" }, untrusted(id)),
            ),
          ),
        )
      : empty("Nobody has written yet."),
  );
}

function aboutPanel(key, { session: one, counters, last_active_at: last }) {
  return panel(
    "Session",
    facts([
      ["Key", h("span", { class: "long" }, code(key))],
      ["Session id", h("span", { class: "long" }, code(one.id))],
      [
        "Before",
        one.previous_id
          ? h(
              "span",
              { class: "long" },
              code(one.previous_id),
              one.reset_reason ? ` (${one.reset_reason})` : null,
            )
          : null,
      ],
      ["Isolation", one.isolation],
      ["Last active", last ? ago(last) : null],
      [
        "Acted on",
        h("a", { href: `#/actions?session=${encodeURIComponent(key)}` }, "who did what to it"),
      ],
      ["Accepted", `${counters.accepted.toLocaleString()} messages`],
      [
        "Of these",
        `${counters.done} done, ${counters.waiting} waiting, ${counters.in_run} in a run, ${counters.dead} dead, ${counters.removed} removed`,
      ],
    ]),
  );
}
