// What people wrote, hidden until it is asked for. The service withholds it until then, too.

import { h, untrusted } from "./dom.js";

/** Which texts of a view a person has asked to see; forgotten when the view is left. */
export class Texts {
  constructor(reload) {
    this.shown = new Set();
    this.all = false;
    this.reload = reload;
    this.answer = "hidden";
  }

  /** What to ask the service for. */
  get query() {
    return { texts: this.all || this.shown.size > 0 ? "true" : "" };
  }

  /** Takes note of what the service says it does with texts. */
  learn(answer) {
    this.answer = answer;
  }

  /** A message's text, or the button that shows it. */
  text(id, text, describe) {
    if (this.answer === "forbidden") return h("span", { class: "dim" }, "hidden by a setting");
    if (text !== null && (this.all || this.shown.has(id))) {
      return text
        ? h("div", { class: "message-text" }, untrusted(text))
        : h("span", { class: "dim" }, "no text");
    }
    return h(
      "button",
      {
        type: "button",
        class: "reveal",
        "aria-label": `Show the text of ${describe}`,
        onclick: () => this.show(id),
      },
      "Show text",
    );
  }

  /** The button that shows or hides all texts of the view. */
  toggle() {
    if (this.answer === "forbidden") return null;
    return h(
      "button",
      {
        type: "button",
        class: "button is-small",
        "aria-pressed": String(this.all),
        onclick: () => this.flip(),
      },
      this.all ? "Hide texts" : "Show texts",
    );
  }

  show(id) {
    this.shown.add(id);
    this.reload();
  }

  flip() {
    this.all = !this.all;
    this.shown.clear();
    this.reload();
  }
}
