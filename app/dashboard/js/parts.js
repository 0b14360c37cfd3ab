// Small parts that several views are made of.

import { h, visible } from "./dom.js";

export const state = (word) => h("span", { class: `state is-${word}` }, word);

export const code = (word) => h("code", { class: "code" }, word);

export const empty = (text) => h("p", { class: "empty" }, text);

/** A part of a view with a heading of its own; `tools` stand beside that. */
export function panel(title, content, tools = null) {
  const id = `panel-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return h(
    "section",
    { class: "panel", "aria-labelledby": id, "data-key": id },
    h("div", { class: "panel-head" }, h("h2", { id }, title), tools),
    content,
  );
}

/** A table; each row is {key, cells}, each column a text or {text, class}. */
export function table(caption, columns, rows) {
  const heads = columns.map((column) => (typeof column === "string" ? { text: column } : column));
  return h(
    "div",
    { class: "table-wrap", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      null,
      h("caption", { class: "unseen" }, caption),
      h(
        "thead",
        null,
        h(
          "tr",
          null,
          heads.map(({ text, class: name }) =>
            h(
              "th",
              { scope: "col", class: name },
              text || h("span", { class: "unseen" }, "Actions"),
            ),
          ),
        ),
      ),
      h(
        "tbody",
        null,
        rows.map(({ key, cells }) =>
          h(
            "tr",
            { "data-key": key },
            cells.map((cell, place) => h("td", { class: heads[place].class }, cell)),
          ),
        ),
      ),
    ),
  );
}

/** Names and values, one under the other. */
export function facts(pairs) {
  return h(
    "dl",
    { class: "facts" },
    pairs
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) =>
        h("div", { "data-key": name }, h("dt", null, name), h("dd", null, value)),
      ),
  );
}

/** A button. With `why` it does nothing but tell why not, and can still be reached. */
export function button(label, onclick, { why = null, kind = "", describe = null } = {}) {
  const attributes = why
    ? { "aria-disabled": "true", title: why, "aria-description": why }
    : { "aria-label": describe };
  return h(
    "button",
    { type: "button", class: `button ${kind}`, onclick: why ? null : onclick, ...attributes },
    label,
  );
}

export function problem(error) {
  return h(
    "div",
    { class: "problem", role: "alert" },
    h("strong", null, error.title ?? "Something went wrong in this page"),
    h("p", null, visible(error.message)),
    error.errors?.length
      ? h(
          "ul",
          null,
          error.errors.map(({ path, message }) =>
            h("li", null, code(visible(path)), " ", visible(message)),
          ),
        )
      : null,
  );
}
