// A list of which a person sees the first pages, and asks for more.

import { button } from "./parts.js";

export class Pages {
  /** `ask(cursor, signal)` gives {items, cursor}, a null cursor at the end. */
  constructor(ask, reload) {
    this.ask = ask;
    this.reload = reload;
    this.wanted = 1;
    this.items = null; // not known yet
    this.cursor = null;
  }

  /** Looks at all pages that are wanted anew. */
  async load(signal) {
    const items = [];
    let cursor = null;
    for (let asked = 0; asked < this.wanted && (asked === 0 || cursor); asked++) {
      const page = await this.ask(cursor, signal);
      items.push(...page.items);
      ({ cursor } = page);
    }
    Object.assign(this, { items, cursor });
  }

  /** The button that asks for one page more, or nothing at the end. */
  more() {
    return this.cursor ? button("Show more", () => this.show()) : null;
  }

  show() {
    this.wanted += 1;
    this.reload();
  }
}
