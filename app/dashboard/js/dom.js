// Builds the page and keeps it up to date. What is shown becomes text or the value of a
// harmless attribute, never markup: the page's Content-Security-Policy forbids anything else.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "rect", "line", "text", "title", "circle"]);
// Characters that are not seen, or turn the direction of what follows.
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Makes an element. Properties that begin with `on` are handlers; null and false are left out. */
export function h(tag, properties, ...children) {
  const isSvg = SVG_TAGS.has(tag);
  const node = isSvg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  node.handlers = [];
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) {
      node[name] = value;
      node.handlers.push(name);
    } else if (name === "value") node.value = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  for (const child of nodesOf(children)) {
    const isInUse = child.own && child.isConnected;
    node.append(isInUse ? standIn(child) : child);
    node.holds ||= isInUse || child.holds;
  }
  return node;
}

// Taken out of the page, what a person types in would lose its focus: until it is known where it
// will be, something else stands there.
function standIn(node) {
  const place = document.createComment("");
  place.standsFor = node;
  return place;
}

/** Lets an element's children be these. Those that are alike stay, and keep focus and scroll. */
export function show(parent, ...children) {
  const wanted = nodesOf(children).map((node) => node.standsFor ?? node);
  const keys = new Set(wanted.map(keyOf).filter(Boolean));
  for (const old of [...parent.childNodes]) {
    if (keyOf(old) && !keys.has(keyOf(old))) old.remove();
  }
  const keyed = new Map([...parent.childNodes].map((old) => [keyOf(old), old]));
  let place = parent.firstChild;
  for (const node of wanted) {
    const old = keyOf(node) ? keyed.get(keyOf(node)) : place;
    if (node === place) place = place.nextSibling;
    else if (node.own && node.parentNode === parent) {
      // It stays where it is, and what stands before it goes behind it.
      const behind = node.nextSibling;
      while (place !== node) {
        const next = place.nextSibling;
        parent.insertBefore(place, behind);
        place = next;
      }
      place = node.nextSibling;
    } else if (!old || old === node || !alike(old, node)) {
      parent.insertBefore(node, place);
      if (node.holds) settle(node);
    } else {
      if (old === place) place = place.nextSibling;
      else parent.insertBefore(old, place);
      become(old, node);
    }
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function settle(node) {
  for (const child of [...node.childNodes]) {
    if (child.standsFor) child.replaceWith(child.standsFor);
    else if (child.holds) settle(child);
  }
}

/** Shows a text that somebody else wrote, apart from what stands around it. */
export function untrusted(text) {
  return h("bdi", null, visible(text));
}

/** Spells out the characters of a text that would not be seen. */
export function visible(text) {
  return String(text).replace(
    UNSEEN,
    (c) => `⟨${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`,
  );
}

function nodesOf(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : document.createTextNode(String(child))));
}

function keyOf(node) {
  return node.dataset?.key;
}

function alike(old, node) {
  // What keeps itself up to date (`own`) is never turned into something else.
  return old.nodeName === node.nodeName && keyOf(old) === keyOf(node) && !old.own && !node.own;
}

function become(old, node) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== node.data) old.data = node.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    // What a person has opened stays open.
    if (name !== "open" && !node.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...node.attributes]) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const name of old.handlers ?? []) if (!node.handlers.includes(name)) old[name] = null;
  for (const name of node.handlers) old[name] = node[name];
  old.handlers = node.handlers;
  show(old, ...node.childNodes);
}
