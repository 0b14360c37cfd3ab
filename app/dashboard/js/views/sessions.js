// The list of sessions: filters, search, and actions on all that a filter shows.

import { NOT_OPERATOR } from "../actions.js";
import { get } from "../api.js";
import { actOnAll, BULK_MAX } from "../bulk.js";
import { since } from "../clock.js";
import { h, untrusted } from "../dom.js";
import { linkTo } from "../keys.js";
import { button, state } from "../parts.js";
import { WindowList } from "../window-list.js";
import { count, STATES } from "../words.js";

const PAGE = 200;
const ASK_EMPTY_MAX = 20; // short pages followed in one go while a filter passes over many
const FIELDS = ["search", "chat", "user", "platform", "agent"];
const BULK = ["interrupt", "release", "pause", "resume", "reset", "delete"];
const COLUMNS = [
  { label: "Session", class: "wl-name" },
  { label: "State", class: null },
  { label: "Waiting", class: "number" },
  { label: "Oldest wait", class: "wl-oldest number" },
  { label: "Holder", class: "wl-holder" },
  { label: "Last active", class: "wl-last number" },
];

export function sessions(page, query) {
  const filter = Object.fromEntries(Object.entries(query).filter(([, value]) => value));

  async function pageAfter(cursor, signal) {
    for (let asked = 0; ; asked++) {
      const answer = await get("v1/sessions", { ...filter, limit: PAGE, cursor }, signal);
      if (answer.sessions.length || !answer.cursor || asked === ASK_EMPTY_MAX) {
        return { items: answer.sessions, cursor: answer.cursor };
      }
      cursor = answer.cursor;
    }
  }

  const list = new WindowList({
    label: "Sessions",
    columns: COLUMNS,
    cellsOf,
    keyOf: (one) => one.key,
    load: pageAfter,
    onchange: () => page.redraw(),
    attempt: page.attempt,
  });
  const form = filterForm(filter);

  async function bulk(action) {
    const said = await actOnAll(action, filter, page);
    if (!said) return;
    page.tell(said.kind, said.text);
    await list.restart();
  }

  return {
    title: "Sessions",
    every_ms: 3000,
    load: () => (list.asked ? list.refresh() : list.restart()),
    hear() {},
    close: () => list.close(),
    draw() {
      list.draw();
      return [
        h("h1", { tabindex: "-1" }, "Sessions"),
        tabs(filter, page.stats),
        form,
        h(
          "div",
          { class: "list-tools" },
          h("p", { class: "list-count", role: "status" }, told(list)),
          h(
            "span",
            { class: "push" },
            button("Reload", () => page.attempt(() => list.restart()), { kind: "is-small" }),
          ),
          bulkMenu(list, page, bulk),
        ),
        list.items.length || !list.isWhole
          ? list.element
          : h("p", { class: "empty" }, "No session fits."),
        list.isWhole || list.isLoading || list.items.length >= PAGE
          ? null
          : button("Look further", () => page.attempt(() => list.more()), { kind: "is-small" }),
      ];
    },
  };
}

function told({ items, isWhole, isLoading }) {
  if (isLoading && !items.length) return "Looking…";
  const shown = count(items.length, "session");
  return isWhole ? `${shown}, all of them` : `${shown} so far; more come as you scroll`;
}

function cellsOf(one) {
  return [
    linkTo(one.key),
    state(one.state),
    one.waiting
      ? h(
          "span",
          null,
          one.waiting.toLocaleString(),
          h("span", { class: "narrow-only" }, " waiting"),
        )
      : h("span", { class: "dim" }, "–"),
    one.oldest_waiting_at ? since(one.oldest_waiting_at) : h("span", { class: "dim" }, "–"),
    one.consumer ? untrusted(one.consumer) : h("span", { class: "dim" }, "–"),
    since(one.last_active_at),
  ];
}

function tabs(filter, stats) {
  const one = (label, changes, isHere, figure) =>
    h(
      "a",
      {
        class: "tab",
        href: address({ ...filter, state: null, order: null, ...changes }),
        "aria-current": isHere ? "true" : null,
      },
      label,
      figure === undefined ? null : h("span", { class: "tab-figure" }, figure.toLocaleString()),
    );
  const isAll = !filter.state && filter.order !== "oldest_wait";
  return h(
    "nav",
    { class: "tabs", "aria-label": "Which sessions" },
    one("All", {}, isAll),
    one("Longest waits", { order: "oldest_wait" }, filter.order === "oldest_wait"),
    STATES.map((word) => one(word, { state: word }, filter.state === word, stats?.sessions[word])),
  );
}

function filterForm(filter) {
  const field = (name, label, hint) =>
    h(
      "label",
      { class: name === "search" ? "field field-search" : "field field-more" },
      h("span", null, label),
      h("input", {
        name,
        value: filter[name] ?? "",
        placeholder: hint,
        autocomplete: "off",
        spellcheck: "false",
      }),
    );
  const more = button("More filters", () => {
    more.setAttribute("aria-expanded", String(form.classList.toggle("is-open")));
  });
  more.classList.add("filters-toggle"); // where there is no room for all of them
  more.setAttribute("aria-expanded", "false");
  const form = h(
    "form",
    { class: "filters", role: "search", "aria-label": "Filter sessions" },
    field("search", "Search in keys", "a part of a key, or all of it"),
    field("chat", "Chat id"),
    field("user", "User id"),
    field("platform", "Platform"),
    field("agent", "Agent"),
    h("button", { class: "button is-main", type: "submit" }, "Filter"),
    h("a", { class: "button", href: "#/sessions" }, "Clear"),
    more,
  );
  form.own = true;
  form.onsubmit = (event) => {
    event.preventDefault();
    const typed = FIELDS.map((name) => [name, form.elements[name].value.trim()]);
    const { state, order } = filter;
    location.hash = address({ state, order, ...Object.fromEntries(typed) });
  };
  return form;
}

function bulkMenu(list, page, bulk) {
  const isEmpty = !list.items.length;
  const why = page.mayAct ? (isEmpty ? "Nothing is shown." : null) : NOT_OPERATOR;
  return h(
    "details",
    { class: "menu", "data-key": "bulk" },
    h("summary", { class: "button is-small" }, "Act on all shown"),
    h(
      "div",
      { class: "menu-body" },
      h(
        "p",
        { class: "dim" },
        why ??
          `On every session that this filter gives, at most ${BULK_MAX.toLocaleString()}. You are asked first.`,
      ),
      BULK.map((name) =>
        button(name, () => page.attempt(() => bulk(name)), {
          why,
          kind:
            name === "delete" || name === "release" || name === "reset"
              ? "is-danger is-small"
              : "is-small",
        }),
      ),
    ),
  );
}

function address(query) {
  const given = Object.entries(query).filter(([, value]) => value);
  return given.length ? `#/sessions?${new URLSearchParams(given)}` : "#/sessions";
}
