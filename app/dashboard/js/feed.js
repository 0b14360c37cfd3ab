// The live feed, `GET /v1/events`. It is read with fetch, for an EventSource can send no token.

import { ask } from "./api.js";

const AGAIN_MS = [500, 1000, 2000, 5000];
const SILENCE_MS = 20_000; // the service sends something each second

export class Feed {
  /** `hear(name, data)` is told each event, `change(state)` of `live`, `away` and `refused`. */
  constructor(hear, change) {
    this.hear = hear;
    this.change = change;
    this.tries = 0;
  }

  start() {
    this.connection = new AbortController();
    this.follow(this.connection.signal);
  }

  stop() {
    this.connection?.abort();
  }

  async follow(signal) {
    while (!signal.aborted) {
      try {
        await this.read(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error.status === 401 || error.status === 403) {
          this.change("refused", error);
          return;
        }
      }
      if (signal.aborted) return;
      this.change("away");
      await pause(AGAIN_MS[Math.min(this.tries++, AGAIN_MS.length - 1)]);
    }
  }

  async read(signal) {
    const one = new AbortController();
    const end = () => one.abort();
    signal.addEventListener("abort", end);
    let silence = setTimeout(end, SILENCE_MS);
    try {
      const { body } = await ask("GET", "v1/events", { signal: one.signal });
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      const lines = new Lines();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence);
        silence = setTimeout(end, SILENCE_MS);
        for (const [name, data] of lines.take(value)) {
          if (name === "reconnect") return;
          this.tries = 0;
          this.change("live");
          this.hear(name, data);
        }
      }
    } finally {
      clearTimeout(silence);
      signal.removeEventListener("abort", end);
      one.abort();
    }
  }
}

/** Server-sent events out of pieces of text, cut anywhere. */
export class Lines {
  rest = "";

  *take(text) {
    const blocks = (this.rest + text).split("\n\n");
    this.rest = blocks.pop();
    for (const block of blocks) {
      const fields = new Map(
        block
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
      );
      if (fields.has("event")) yield [fields.get("event"), JSON.parse(fields.get("data"))];
    }
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
