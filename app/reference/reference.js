// Shows what `openapi.json` says: every call with its fields, examples and problems, then the
// models. Nothing is sent from here but the question for that document.

import { h, show } from "../dashboard/js/dom.js";

const MAIN = document.getElementById("main");

/** The calls of a document, in its order, with the path and method of each. */
export function callsOf(paths) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, call]) => ({ path, method: method.toUpperCase(), ...call })),
  );
}

/** A type in words and links, from a JSON schema. */
export function typeOf(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split("/").at(-1);
    return h("a", { href: `#${name}` }, name);
  }
  const either = schema.anyOf ?? schema.oneOf;
  if (either) return either.flatMap((one, i) => (i ? [" or ", typeOf(one)] : [typeOf(one)]));
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return schema.items ? ["list of ", typeOf(schema.items)] : "list";
  return [schema.type ?? "anything", bounds(schema)];
}

/** A command that makes a call of the document's example on the service of this page. */
export function curlOf(call, address) {
  const method = call.method === "GET" ? [] : ["-X", call.method];
  const example = call.requestBody?.content["application/json"].example;
  const body = example
    ? ["-H 'Content-Type: application/json' -d", quoted(JSON.stringify(example, null, 2))]
    : [];
  return ["curl", "-s", ...method, quoted(address + call.path.slice(1)), ...body].join(" ");
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bounds({ minimum, maximum, minLength, maxLength }) {
  const least = minimum ?? minLength;
  const most = maximum ?? maxLength;
  if (least === undefined && most === undefined) return null;
  const unit = maxLength === undefined && minLength === undefined ? "" : " characters";
  if (most === undefined) return `, ${least}${unit} or more`;
  return `, ${least === undefined ? "at most" : `${least} to`} ${most}${unit}`;
}

function prose(text) {
  return (text ?? "").split("`").map((part, i) => (i % 2 ? h("code", { class: "code" }, part) : part));
}

function table(caption, headings, rows) {
  if (!rows.length) return null;
  const head = headings.map((heading) => h("th", { scope: "col" }, heading));
  const body = rows.map((cells) => h("tr", null, cells.map((cell) => h("td", null, cell))));
  return h(
    "div",
    { class: "table-wrap", role: "region", "aria-label": caption, tabindex: "0" },
    h("table", { "aria-label": caption }, h("thead", null, h("tr", null, head)), h("tbody", null, body)),
  );
}

function lines(title, text) {
  const shown = h("pre", { class: "lines", tabindex: "0", "aria-label": title }, text);
  return h("div", null, h("h3", null, title), shown);
}

function fieldsOf(name, model) {
  const required = new Set(model.required);
  const rows = Object.entries(model.properties ?? {}).map(([field, schema]) => [
    h("code", { class: "code" }, field),
    typeOf(schema),
    required.has(field) ? "needed" : "default" in schema ? JSON.stringify(schema.default) : "",
    prose(schema.description),
  ]);
  return table(`Fields of ${name}`, ["field", "type", "default", ""], rows);
}

function answers(call) {
  const rows = Object.entries(call.responses).map(([status, { description, content }]) => {
    const schema = Object.values(content ?? {})[0]?.schema;
    return [status, schema ? typeOf(schema) : "", prose(description)];
  });
  const examples = Object.values(call.responses)
    .flatMap(({ content }) => Object.values(content ?? {}))
    .flatMap(({ examples: named }) => Object.entries(named ?? {}))
    .map(([name, { value }]) => lines(`Answers: ${name}`, JSON.stringify(value, null, 2)));
  return [table(`Answers of ${call.operationId}`, ["status", "body", ""], rows), examples];
}

function showCall(call) {
  const body = call.requestBody?.content["application/json"].schema;
  const parameters = (call.parameters ?? []).map((one) => [
    h("code", { class: "code" }, one.name),
    typeOf(one.schema),
    one.required ? "needed" : JSON.stringify(one.schema.default ?? null),
    `in the ${one.in}`,
  ]);
  return h(
    "details",
    { id: call.operationId },
    h(
      "summary",
      null,
      h("span", { class: "method code" }, call.method),
      h("span", { class: "code" }, call.path),
      h("span", { class: "dim" }, call.summary),
    ),
    h(
      "div",
      { class: "inside" },
      h("p", { class: "lead" }, prose(call.description)),
      table(`Parameters of ${call.operationId}`, ["parameter", "type", "default", ""], parameters),
      body ? h("p", null, "Body: ", typeOf(body)) : null,
      lines("As a command", curlOf(call, new URL(".", location.href).href)),
      answers(call),
    ),
  );
}

function showModel([name, model]) {
  return h(
    "details",
    { id: name },
    h("summary", null, h("span", { class: "code" }, name)),
    h(
      "div",
      { class: "inside" },
      h("p", { class: "lead" }, prose(model.description)),
      fieldsOf(name, model),
    ),
  );
}

function panel(title, inside) {
  return h("section", { class: "panel", "aria-label": title }, h("h2", null, title), h("div", null, inside));
}

/** Opens what the address names, and goes there. */
function goTo() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named?.localName !== "details") return;
  named.open = true;
  named.scrollIntoView();
  named.querySelector("summary").focus({ preventScroll: true });
}

async function start() {
  const response = await fetch("openapi.json", { credentials: "omit" });
  if (!response.ok) throw new Error(`openapi.json was answered ${response.status}`);
  const { info, paths, components } = await response.json();
  const calls = callsOf(paths);
  const tags = [...new Set(calls.map((call) => call.tags[0]))];
  show(
    MAIN,
    h("h1", null, `${info.title} ${info.version}`),
    h("p", { class: "lead" }, prose(info.description)),
    h(
      "p",
      { class: "lead" },
      "Where tokens are configured, every call under /v1 needs the header Authorization: Bearer.",
    ),
    tags.map((tag) => panel(tag, calls.filter((call) => call.tags[0] === tag).map(showCall))),
    panel("models", Object.entries(components.schemas).map(showModel)),
  );
  addEventListener("hashchange", goTo);
  goTo();
}

start().catch((error) => {
  show(MAIN, h("h1", null, "Session Router"), h("p", { role: "alert" }, error.message));
});
