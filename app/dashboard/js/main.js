// The page as a whole: who is there, which view is open, what comes in live.

import { get, Problem, token } from "./api.js";
import { Decisions } from "./chart.js";
import { h, show, untrusted, visible } from "./dom.js";
import { Feed } from "./feed.js";
import { problem } from "./parts.js";
import { signIn } from "./sign-in.js";
import { audit } from "./views/audit.js";
import { letters } from "./views/letters.js";
import { overview } from "./views/overview.js";
import { policy } from "./views/policy.js";
import { session } from "./views/session.js";
import { sessions } from "./views/sessions.js";

const SOON_MS = 300; // what the feed brings in quick succession is looked up once
const TICK_MS = 1000;
const AGAIN_MS = 2000;
const LINKS = [
  ["#/", "Overview"],
  ["#/sessions", "Sessions"],
  ["#/dead-letters", "Dead letters"],
  ["#/policy", "Policy"],
  ["#/actions", "Actions"],
];

const [bar, notices, main, dialog] = ["bar", "notices", "main", "dialog"].map((id) =>
  document.getElementById(id),
);

/** What views are given: who looks, what is live, and ways to tell and to look again. */
const page = {
  access: null,
  stats: null,
  decisions: new Decisions(),
  live: "new",
  get mayAct() {
    return page.access?.role === "operator";
  },
  tell,
  attempt,
  redraw: draw,
  reload: () => lookSoon(),
};

let view = null;
let failure = null;
let asked = new AbortController();
let soon = null;
let looking = null;
let lookedAt_ms = 0;
const feed = new Feed(hear, (state) => {
  page.live = state;
});

async function begin() {
  try {
    page.access = await get("v1/access");
  } catch (error) {
    if (error.status === 401) {
      askForToken("This token is not known here.");
      return;
    }
    show(main, problem(error));
    setTimeout(begin, AGAIN_MS);
    return;
  }
  if (page.access.role === null) {
    askForToken(null);
    return;
  }
  feed.stop();
  feed.start();
  open();
}

function askForToken(refusal) {
  feed.stop();
  leave();
  token.forget();
  page.access = null;
  drawBar();
  show(main, signIn(begin, refusal));
  document.getElementById("token").focus();
}

/** Opens the view that the address names. */
function open() {
  if (!page.access) return;
  leave();
  view = viewOf(location.hash);
  document.title = `${view.title} · Session Router`;
  show(main);
  draw();
  look();
  main.querySelector("h1")?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function leave() {
  asked.abort();
  asked = new AbortController();
  clearTimeout(soon);
  soon = null;
  view?.close?.();
  view = null;
  failure = null;
}

function viewOf(hash) {
  const [path, search] = hash.replace(/^#\/?/, "").split("?");
  const [first, second] = path.split("/").map(decoded);
  const query = Object.fromEntries(new URLSearchParams(search));
  if (first === "sessions" && second) return session(page, { key: second });
  const views = { "": overview, sessions, "dead-letters": letters, policy, actions: audit };
  return (views[first] ?? overview)(page, query);
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // typed by hand: there is no such session
  }
}

/** Asks the service for what the view shows; one time after the other. */
async function look() {
  if (looking === view) {
    lookSoon();
    return;
  }
  const [here, { signal }] = [view, asked];
  looking = here;
  try {
    await here.load(signal);
    if (here === view) failure = null;
  } catch (error) {
    if (here === view) fail(error);
  } finally {
    if (looking === here) looking = null;
    lookedAt_ms = Date.now();
  }
  if (here === view) draw();
}

function fail(error) {
  if (error.status === 401) askForToken("The token is no longer accepted.");
  else failure = error;
}

function lookSoon() {
  soon ??= setTimeout(() => {
    soon = null;
    if (view) look();
  }, SOON_MS);
}

function hear(name, data) {
  if (name === "stats") page.stats = data;
  if (name === "decision") page.decisions.add(data.decision, Date.parse(data.at));
  if (name === "gap") lookSoon();
  view?.hear(name, data);
}

function draw() {
  if (!page.access || !view) return;
  drawBar();
  show(main, failure ? h("div", { "data-key": "failure" }, problem(failure)) : null, view.draw());
}

function drawBar() {
  const here = location.hash.replace(/^#\/?/, "").split(/[/?]/)[0];
  show(
    bar,
    h("a", { class: "brand", href: "#/" }, "Session Router"),
    page.access
      ? h(
          "nav",
          { class: "views", "aria-label": "Views" },
          LINKS.map((link) => navLink(link, here)),
        )
      : null,
    page.access ? h("div", { class: "who" }, liveSign(), whoIsThere()) : null,
  );
}

function navLink([href, label], here) {
  const dead = label === "Dead letters" ? page.stats?.messages.dead : 0;
  const isHere = href.replace("#/", "") === here;
  return h(
    "a",
    { href, "aria-current": isHere ? "page" : null },
    label,
    dead ? h("span", { class: "badge" }, dead.toLocaleString()) : null,
  );
}

function liveSign() {
  const words = { new: "Connecting", live: "Live", away: "Reconnecting", refused: "Not live" };
  return h("span", { class: `live is-${page.live}` }, words[page.live]);
}

function whoIsThere() {
  const { name, role } = page.access;
  if (!name) return h("span", { class: "who-name dim" }, "no sign-in: this machine");
  return [
    h("span", { class: "who-name" }, untrusted(name), h("span", { class: "dim" }, ` ${role}`)),
    h(
      "button",
      { type: "button", class: "button is-small", onclick: () => askForToken(null) },
      "Sign out",
    ),
  ];
}

/** Tells something; `kind` is done, unchanged, busy or bad, null takes back what was told. */
function tell(kind, text) {
  show(
    notices,
    kind
      ? h(
          "div",
          { class: `notice is-${kind}` },
          h("span", null, visible(text)),
          h(
            "button",
            { type: "button", class: "button is-small", onclick: () => show(notices) },
            "Dismiss",
          ),
        )
      : null,
  );
}

/** Does what a person asked for, and tells if it could not be done. */
async function attempt(deed) {
  try {
    await deed();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    const where = error.errors.map(({ path, message }) => ` ${path}: ${message}.`).join("");
    tell("bad", `${error.title}: ${error.message}${where}`);
    lookSoon();
  }
}

function tick() {
  if (document.hidden || !view) return;
  if (Date.now() - lookedAt_ms >= view.every_ms) look();
  else draw();
}

document.querySelector(".skip").onclick = (event) => {
  event.preventDefault();
  main.focus();
};
addEventListener("hashchange", () => {
  if (dialog.open) dialog.close();
  show(notices);
  open();
});
setInterval(tick, TICK_MS);
begin();
