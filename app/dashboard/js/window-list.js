// A long list of which only what is seen is in the page: however many there are, the browser
// holds a window's worth of rows. Pages are asked for as a person scrolls to them.

import { h, show } from "./dom.js";

const OVERSCAN = 8; // rows kept ready above and below
const AHEAD = 60; // rows before the end at which the next page is asked for

export class WindowList {
  /**
   * `columns` are {label, class}; `cellsOf(item)` gives a row's cells, of which the first holds
   * its link; `load(cursor, signal)` gives {items, cursor}, a null cursor at the end.
   */
  constructor({ label, columns, cellsOf, load, keyOf, onchange, attempt }) {
    Object.assign(this, { columns, cellsOf, load, keyOf, onchange, attempt });
    this.items = [];
    this.cursor = null;
    this.isWhole = false;
    this.isLong = false; // more than one page is there
    this.isLoading = false;
    this.active = 0;
    this.rows = h("div", { class: "wl-rows", role: "presentation" });
    this.scroller = h(
      "div",
      { class: "wl-scroll", role: "rowgroup", onscroll: () => this.draw() },
      this.rows,
    );
    this.element = h(
      "div",
      { class: "wl", role: "table", "aria-label": label, onkeydown: (event) => this.move(event) },
      h(
        "div",
        { role: "rowgroup", class: "wl-head" },
        h(
          "div",
          { role: "row", class: "wl-row" },
          columns.map((c) => h("span", { role: "columnheader", class: c.class }, c.label)),
        ),
      ),
      this.scroller,
    );
    this.element.own = true;
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.scroller);
  }

  /** Begins anew, with the first page. */
  async restart() {
    this.asked?.abort();
    this.asked = new AbortController();
    Object.assign(this, {
      cursor: null,
      isWhole: false,
      isLong: false,
      isLoading: false,
      items: [],
      active: 0,
    });
    this.scroller.scrollTop = 0;
    await this.more();
  }

  /** Asks for the first page again where no other is there, so that it stays true. */
  async refresh() {
    if (this.isLoading || this.isLong || this.scroller.scrollTop > 0) return;
    const page = await this.load(null, this.asked?.signal);
    Object.assign(this, { items: page.items, cursor: page.cursor, isWhole: page.cursor === null });
    this.draw();
  }

  async more() {
    if (this.isLoading || this.isWhole) return;
    this.isLoading = true;
    this.onchange();
    const { signal } = this.asked;
    try {
      const page = await this.load(this.cursor, signal);
      this.isLong = this.cursor !== null;
      this.items.push(...page.items);
      this.cursor = page.cursor;
      this.isWhole = page.cursor === null;
    } finally {
      if (this.asked.signal === signal) this.isLoading = false;
    }
    this.draw();
    this.onchange();
  }

  close() {
    this.asked?.abort();
    this.watcher.disconnect();
  }

  draw() {
    const height = this.rowHeight();
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, Math.floor(scrollTop / height) - OVERSCAN);
    const last = Math.min(
      this.items.length,
      Math.ceil((scrollTop + clientHeight) / height) + OVERSCAN,
    );
    const places = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset);
    // The row that has the focus stays, wherever a person scrolls.
    const isFocused = this.rows.contains(document.activeElement);
    if (isFocused && this.active < this.items.length && !places.includes(this.active))
      places.push(this.active);
    this.rows.style.height = `${this.items.length * height}px`;
    show(
      this.rows,
      places.map((place) => this.row(place)),
    );
    for (const row of this.rows.children) row.style.top = `${(row.ariaRowIndex - 2) * height}px`;
    this.element.setAttribute("aria-rowcount", this.isWhole ? this.items.length + 1 : -1);
    if (last + AHEAD > this.items.length && !this.isWhole && !this.isLoading && this.items.length)
      this.ask();
  }

  ask() {
    this.attempt(() => this.more());
  }

  row(place) {
    const item = this.items[place];
    const cells = this.cellsOf(item);
    cells[0].tabIndex = place === this.active ? 0 : -1;
    return h(
      "div",
      {
        role: "row",
        class: "wl-row",
        "aria-rowindex": place + 2,
        "data-key": this.keyOf(item),
        onfocusin: () => this.own(place),
      },
      cells.map((cell, column) =>
        h("span", { role: "cell", class: this.columns[column].class }, cell),
      ),
    );
  }

  own(place) {
    if (this.active === place) return;
    this.active = place;
    this.draw();
  }

  move(event) {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / this.rowHeight()) - 1);
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (!(event.key in steps) || !this.items.length) return;
    event.preventDefault();
    this.active = Math.min(this.items.length - 1, Math.max(0, this.active + steps[event.key]));
    this.reveal();
    this.draw();
    this.rows
      .querySelector(`[aria-rowindex="${this.active + 2}"] a`)
      ?.focus({ preventScroll: true });
  }

  reveal() {
    const height = this.rowHeight();
    const top = this.active * height;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    if (top + height > scrollTop + clientHeight)
      this.scroller.scrollTop = top + height - clientHeight;
  }

  rowHeight() {
    return Number.parseFloat(getComputedStyle(this.element).getPropertyValue("--row-height")) || 40;
  }
}
