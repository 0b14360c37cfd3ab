// Asks before anything is done, and says what will happen.

import { h, show, untrusted } from "./dom.js";
import { facts } from "./parts.js";

const dialog = document.getElementById("dialog");

/**
 * Asks a person; gives true if the answer is yes. `will` are sentences, `about` pairs of a name
 * and a value. The dialog holds what was known when it opened: what is agreed to is what is sent.
 */
export function confirm({ title, will, about = [], button, kind = "" }) {
  show(
    dialog,
    h("h2", { id: "dialog-title" }, title),
    h(
      "div",
      { id: "dialog-what" },
      will.filter(Boolean).map((one) => (one instanceof Node ? one : h("p", null, one))),
    ),
    facts(about.filter(([, value]) => value).map(([name, value]) => [name, untrusted(value)])),
    h(
      "div",
      { class: "dialog-buttons" },
      h(
        "button",
        { type: "button", class: "button", onclick: () => dialog.close("no"), autofocus: true },
        "Cancel",
      ),
      h(
        "button",
        {
          type: "button",
          class: `button ${kind || "is-main"}`,
          onclick: () => dialog.close("yes"),
        },
        button,
      ),
    ),
  );
  dialog.returnValue = "no"; // what Escape leaves
  dialog.showModal();
  return new Promise((answer) => {
    dialog.onclose = () => answer(dialog.returnValue === "yes");
  });
}
