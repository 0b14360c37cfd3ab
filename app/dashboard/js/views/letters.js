// Dead letters: messages whose runs failed too often, for a person to decide.

import { settleLetter, NOT_OPERATOR } from "../actions.js";
import { get } from "../api.js";
import { ago } from "../clock.js";
import { h, untrusted, visible } from "../dom.js";
import { linkTo } from "../keys.js";
import { Pages } from "../pages.js";
import { button, empty } from "../parts.js";
import { Texts } from "../texts.js";
import { count } from "../words.js";

const PAGE = 50;
const TOLD = {
  redrive: "The message is back in its session's queue.",
  discard: "The dead letter has been deleted.",
};

export function letters(page) {
  const texts = new Texts(page.reload);
  const pages = new Pages(async (cursor, signal) => {
    const answer = await get("v1/dead-letters", { ...texts.query, limit: PAGE, cursor }, signal);
    texts.learn(answer.texts);
    return { items: answer.dead_letters, cursor: answer.cursor };
  }, page.reload);

  async function settle(verb, letter) {
    const answer = await settleLetter(verb, letter);
    if (!answer) return;
    page.tell(
      answer.changed ? "done" : "unchanged",
      answer.changed ? TOLD[verb] : "Nothing was changed: somebody was faster.",
    );
    page.reload();
  }

  return {
    title: "Dead letters",
    every_ms: 5000,
    load: (signal) => pages.load(signal),
    hear(name) {
      if (name === "dead_letter" || name === "action") page.reload();
    },
    draw: () => [
      h("h1", { tabindex: "-1" }, "Dead letters"),
      h(
        "p",
        { class: "lead" },
        "Messages whose runs failed too often. Redrive puts one back to the end of its session's queue; its counts start anew.",
      ),
      h(
        "div",
        { class: "list-tools" },
        texts.toggle(),
        page.mayAct ? null : h("span", { class: "dim" }, NOT_OPERATOR),
      ),
      shown(pages.items, texts, page, (verb, letter) => page.attempt(() => settle(verb, letter))),
      pages.more(),
    ],
  };
}

function shown(found, texts, page, settle) {
  if (!found) return h("p", { class: "dim" }, "Looking…");
  if (!found.length) return empty("There are none.");
  return h(
    "ol",
    { class: "messages is-cards" },
    found.map((letter) => card(letter, texts, page.mayAct, settle)),
  );
}

function card(letter, texts, mayAct, settle) {
  const { message, session_key: key } = letter;
  const why = mayAct ? null : NOT_OPERATOR;
  return h(
    "li",
    { class: "message", "data-key": letter.id },
    h(
      "div",
      { class: "message-head" },
      h("b", null, untrusted(message.user_name || message.user_id || "nobody")),
      h("span", { class: "dim" }, "message ", untrusted(message.message_id)),
      h("span", { class: "chip is-warn" }, `delivered ${count(message.deliveries, "time")}`),
      h("span", { class: "push" }, "died ", ago(letter.died_at)),
    ),
    h("div", null, linkTo(key)),
    h(
      "div",
      { class: "message-body" },
      texts.text(letter.id, message.text, `message ${visible(message.message_id)}`),
      h(
        "span",
        { class: "buttons" },
        button("Redrive", () => settle("redrive", letter), {
          why,
          kind: "is-small",
          describe: `Redrive message ${visible(message.message_id)}`,
        }),
        button("Delete", () => settle("discard", letter), {
          why,
          kind: "is-small is-danger",
          describe: `Delete dead letter ${visible(message.message_id)}`,
        }),
      ),
    ),
  );
}
