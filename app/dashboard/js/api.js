// Calls to the service. The token is kept for this tab alone and sent in a header, never in an
// address.

import { learnTime } from "./clock.js";

const TOKEN = "session-router-token";

/** An answer that is no success; `status` is 0 where none came. */
export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail);
    this.status = status;
    this.title = problem.title;
    this.code = (problem.type ?? "").split(":").at(-1);
    this.errors = problem.errors ?? [];
  }
}

export const token = {
  get: () => sessionStorage.getItem(TOKEN),
  set: (text) => sessionStorage.setItem(TOKEN, text),
  forget: () => sessionStorage.removeItem(TOKEN),
};

/** Sends a request, and gives its answer as it came; throws `Problem` where it is no success. */
export async function ask(method, path, { query, body, signal } = {}) {
  const headers = new Headers();
  if (token.get()) headers.set("Authorization", `Bearer ${token.get()}`);
  if (body !== undefined) headers.set("Content-Type", "application/json");
  const response = await reach(withQuery(path, query), {
    method,
    headers,
    signal,
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
  });
  learnTime(response.headers.get("date"));
  if (!response.ok) throw new Problem(response.status, await problemOf(response));
  return response;
}

/** As `ask`, for answers in JSON. */
export async function call(method, path, options) {
  return (await ask(method, path, options)).json();
}

export const get = (path, query, signal) => call("GET", path, { query, signal });

/** A session's address: its key is one segment, whatever stands in it. */
export const sessionPath = (key, rest = "") => `v1/sessions/${encodeURIComponent(key)}${rest}`;

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {
      title: "The service cannot be reached",
      detail:
        options.method === "GET"
          ? "No answer came; the page goes on trying."
          : "No answer came, so it may have been done. Look before you do it again.",
    });
  }
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return { title: `Answer ${response.status}`, detail: "It is not one of this service's." };
  }
}

function withQuery(path, query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}
