// Shows /openapi.json for people, without anything from elsewhere: the calls, their fields and an example for each.

const at = (id) => document.getElementById(id);

function make(tag, text = "", ...children) {
  const element = document.createElement(tag);
  element.textContent = text;
  element.append(...children);
  return element;
}

function resolve(schema, spec) {
  if (!schema?.$ref) return schema ?? {};
  return schema.$ref.split("/").slice(1).reduce((node, key) => node[key], spec);
}

function typeOf(schema, spec) {
  const known = resolve(schema, spec);
  if (known.anyOf) {
    const options = known.anyOf.filter((option) => option.type !== "null").map((option) => typeOf(option, spec));
    return [...new Set(options)].join(" or ");
  }
  if (known.enum) return known.enum.map((value) => JSON.stringify(value)).join(" or ");
  if (known.const !== undefined) return JSON.stringify(known.const);
  if (known.type === "array") return `list of ${typeOf(known.items, spec)}`;
  return known.type ?? "any";
}

/** A value of this shape: the schema's own example, else one made from its types. */
function example(schema, spec) {
  const known = resolve(schema, spec);
  if (known.examples?.length) return known.examples[0];
  if (known.default !== undefined && known.default !== null) return known.default;
  if (known.anyOf) return example(known.anyOf[0], spec);
  if (known.enum) return known.enum[0];
  if (known.type === "object") {
    return Object.fromEntries(Object.entries(known.properties ?? {}).map(([name, field]) => [name, example(field, spec)]));
  }
  if (known.type === "array") return [example(known.items, spec)];
  return { integer: 1, number: 1, boolean: true, string: "", null: null }[known.type] ?? null;
}

function fieldTable(rows) {
  const head = make("tr", "", ...["field", "type", "meaning"].map((name) => make("th", name)));
  const body = rows.map(([name, type, meaning]) => make("tr", "", make("td", "", make("code", name)), make("td", type), make("td", meaning)));
  return make("table", "", make("thead", "", head), make("tbody", "", ...body));
}

function curl(method, path, body) {
  const url = `${location.origin}${path.replace("{task_id}", "101").replace("{artifact_id}", "1")}`;
  const lines = [`curl -X ${method} ${url}`];
  if (body !== undefined) lines.push(`-H "Content-Type: application/json"`, `-d '${JSON.stringify(body, null, 2)}'`);
  return lines.join(" \\\n  ");
}

function callSection(method, path, operation, spec) {
  const section = make("details");
  section.className = "card";
  section.id = operation.operationId;
  section.append(make("summary", "", make("code", `${method} ${path}`), make("span", ` ${operation.summary ?? ""}`)));
  if (operation.description) section.append(make("p", operation.description));
  const parameters = (operation.parameters ?? []).map((parameter) =>
    [parameter.name, `${typeOf(parameter.schema, spec)}, ${parameter.in}`, parameter.description ?? parameter.schema.description ?? ""]);
  if (parameters.length) section.append(fieldTable(parameters));
  const bodySchema = operation.requestBody?.content?.["application/json"]?.schema;
  let body;
  if (bodySchema) {
    const shape = resolve(bodySchema.anyOf ? bodySchema.anyOf[0] : bodySchema, spec);
    section.append(make("h3", "Body"), fieldTable(Object.entries(shape.properties ?? {}).map(([name, field]) =>
      [name, typeOf(field, spec), field.description ?? ""])));
    body = example(shape, spec);
  }
  section.append(make("h3", "Example"), make("pre", curl(method, path, body)));
  const answer = operation.responses?.["200"]?.content?.["application/json"]?.schema;
  if (answer?.$ref) {
    const data = resolve(answer, spec).properties.data;
    section.append(make("h3", "Answer"), make("pre", JSON.stringify({ code: 0, message: "success", data: example(data, spec) }, null, 2)));
  }
  return section;
}

const spec = await (await fetch("/openapi.json")).json();
at("version").textContent = spec.info.version;
at("about").textContent = spec.info.description;
for (const [path, methods] of Object.entries(spec.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    at("calls").append(callSection(method.toUpperCase(), path, operation, spec));
  }
}
if (location.hash) document.querySelector(location.hash)?.setAttribute("open", "");
