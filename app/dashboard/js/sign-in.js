// Asks for a token. It stays in this tab, and ends with it.

import { token } from "./api.js";
import { h } from "./dom.js";

/** The form; `enter` is called with the token kept. `refusal` says why one is asked for again. */
export function signIn(enter, refusal) {
  const input = h("input", {
    id: "token",
    name: "token",
    type: "password",
    required: true,
    autocomplete: "current-password",
    spellcheck: "false",
    "aria-describedby": "token-help",
  });
  const form = h(
    "form",
    { class: "sign-in panel" },
    h("h1", { tabindex: "-1" }, "Session Router"),
    refusal ? h("p", { class: "problem", role: "alert" }, refusal) : null,
    h("label", { class: "field", for: "token" }, h("span", null, "Access token"), input),
    h(
      "p",
      { id: "token-help", class: "dim" },
      "A viewer's token looks, an operator's acts. It is kept in this tab until you close it or sign out, and never in an address.",
    ),
    h("button", { class: "button is-main", type: "submit" }, "Sign in"),
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    token.set(input.value.trim());
    enter();
  };
  return form;
}
