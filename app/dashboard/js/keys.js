// Reads a session key into the words that people know: platform, chat, thread, user.

import { h, untrusted } from "./dom.js";

const CHAT_KEY =
  /^agent:([^:]+):([^:]+)(?::account:([^:]+))?:(dm|group|channel|forum|thread)(?::scope:([^:]+))?:([^:]+)(?::(thread|opener|conversation):([^:]+))?(?::([^:]+))?$/;

/** The parts of a key as [what, id] pairs, from the widest to the narrowest. */
export function partsOf(key) {
  const found = CHAT_KEY.exec(key);
  if (!found) return partsOfSpanning(key);
  const [, agent, platform, account, type, scope, chat, inside, insideId, user] = found;
  return [
    ["agent", agent],
    ["", platform],
    ["account", account],
    ["scope", scope],
    [type === "thread" ? "chat" : type, chat],
    [inside, insideId],
    ["user", user],
  ]
    .filter(([, id]) => id)
    .map(([what, id]) => [what, decoded(id)]);
}

/** A key in words. The agent is left out where it is the usual one. */
export function nameOf(key) {
  const parts = partsOf(key).filter(([what, id]) => what !== "agent" || id !== "main");
  return h(
    "span",
    { class: "name" },
    parts.map(([what, id], place) => [
      place ? h("span", { class: "name-sep", "aria-hidden": "true" }, "›") : null,
      h(
        "span",
        { class: "name-part" },
        what ? h("span", { class: "dim" }, `${what} `) : null,
        untrusted(id),
      ),
    ]),
  );
}

export const addressOf = (key) => `#/sessions/${encodeURIComponent(key)}`;

export const linkTo = (key) => h("a", { href: addressOf(key), title: key }, nameOf(key));

function partsOfSpanning(key) {
  const [, agent, ...rest] = key.split(":");
  if (!key.startsWith("agent:") || !rest.length) return [["", key]];
  const [word, ...ids] = rest;
  return [
    ["agent", decoded(agent)],
    [ids.length ? word : "", ids.length ? decoded(ids.join(":")) : word],
  ];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
