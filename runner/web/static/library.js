// The section of the library: its files with what is said about them, adding, changing and deleting them. Which file a
// task gets is the runner's decision, not this page's.

import { call, picture, upload } from "./api.js";
import { agreed, at, attempt, keepLooking, make, renderList, why } from "./elements.js";

const PAGE_SIZE = 20;

const view = { state: "", page: 1, edited: null };

async function show() {
  const query = new URLSearchParams({ page: String(view.page), page_size: String(PAGE_SIZE) });
  if (view.state) query.set("state", view.state);
  const { materials, total, page } = await call("GET", `/materials?${query}`);
  if (page !== view.page) return; // the person has gone on meanwhile
  const pages = Math.max(1, Math.ceil(total / PAGE_SIZE));
  if (page > pages) {
    await turn(pages);
    return;
  }
  renderList(at("materials"), materials, (material) => material.id, materialCard);
  at("library-summary").textContent = total === 1 ? "1 file" : `${total} files`;
  at("no-materials").hidden = total > 0;
  at("no-materials").textContent = view.state ? `No file is ${view.state}.`
    : "The library is empty. Add files here or with “runner materials add”; posts that name no files of their own take theirs from it.";
  at("library-pages").hidden = pages === 1;
  at("library-page").textContent = `page ${page} of ${pages}`;
  at("library-newer").disabled = page <= 1;
  at("library-older").disabled = page >= pages;
}

function turn(page) {
  view.page = page;
  return show();
}

function materialCard(material, old) {
  const button = (action, text, run) => {
    const made = make("button", { type: "button", "data-action": action, "aria-label": `${text} ${material.name}`, text });
    made.addEventListener("click", () => attempt(made, run, tell));
    return made;
  };
  const account = material.username ? `for @${material.username}` : "for every account";
  return make("li", { class: "card material" },
    old?.querySelector(".thumbnail") ?? thumbnail(material),
    make("div", { class: "card-head" },
      make("h3", { text: material.name }),
      make("span", { class: `pill ${material.state}`, text: material.state })),
    make("p", { class: "quiet", text: facts(material) }),
    make("p", { class: "quiet", text: [account, ...material.tags.map((tag) => `#${tag}`)].join(" ") }),
    material.caption ? make("p", { class: "caption", text: material.caption }) : null,
    make("p", { class: "actions" },
      button("edit", "Edit", async () => edit(material)),
      button("delete", "Delete", () => remove(material))));
}

function facts(material) {
  const { kind, size, duration, width, height, state, task_id: task } = material;
  return [kind, `${(size / 1e6).toFixed(1)} MB`, duration && `${duration.toFixed(0)} s`, width && `${width} × ${height}`,
    task && state !== "unused" && `task ${task}`].filter(Boolean).join(" · ");
}

function thumbnail(material) {
  const place = make("div", { class: "thumbnail" });
  fillThumbnail(place, material);
  return place;
}

async function fillThumbnail(place, material) {
  try {
    const url = await picture(material.thumbnail_url);
    place.append(make("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) }));
  } catch (error) {
    console.debug(`no thumbnail of ${material.name}`, error);
    place.append(make("span", { class: "quiet", text: material.kind }));
  }
}

function tell(text) {
  at("library-error").textContent = text;
}

async function remove(material) {
  if (!(await agreed(`Delete ${material.name} from the library?`, "Delete"))) return;
  await call("DELETE", `/materials/${material.id}`);
  await show();
}

function edit(material) {
  const form = at("material-form");
  view.edited = material;
  at("material-title").textContent = material.name;
  at("material-error").textContent = "";
  form.elements.tags.value = material.tags.join(", ");
  form.elements.caption.value = material.caption;
  at("material-dialog").showModal();
}

function save(event) {
  event.preventDefault();
  const fields = new FormData(event.target);
  const changes = { tags: fields.get("tags").split(","), caption: fields.get("caption") };
  attempt(event.target.querySelector("[type=submit]"), async () => {
    await call("PATCH", `/materials/${view.edited.id}`, changes);
    at("material-dialog").close();
    await show();
  }, (text) => { at("material-error").textContent = text; });
}

/** One file after the other, each with what became of it. */
async function add(event) {
  event.preventDefault();
  const form = event.target;
  const fields = new FormData(form);
  const said = { tags: fields.get("tags"), caption: fields.get("caption"), username: fields.get("username") };
  const files = fields.getAll("media");
  const rows = files.map((file) => make("li", {}, make("b", { text: file.name }), make("span", { text: "waits" })));
  at("uploads").replaceChildren(...rows);
  form.querySelector("[type=submit]").disabled = true;
  for (const [number, file] of files.entries()) await addOne(file, said, rows[number].lastChild);
  form.querySelector("[type=submit]").disabled = false;
  form.elements.media.value = "";
  await attempt(form.querySelector("[type=submit]"), () => turn(1), tell);
}

async function addOne(file, said, result) {
  const bar = make("progress", { value: 0, max: 1, "aria-label": `Upload of ${file.name}` });
  result.replaceChildren(bar);
  try {
    const query = new URLSearchParams({ filename: file.name, ...said });
    const { material, created } = await upload(`/materials?${query}`, file, (part) => { bar.value = part; });
    result.textContent = created ? "added" : `the library has it already, as ${material.name}`;
  } catch (error) {
    result.textContent = why(error);
    result.className = "error";
  }
}

at("upload-form").addEventListener("submit", add);
at("material-form").addEventListener("submit", save);
at("material-cancel").addEventListener("click", () => at("material-dialog").close());
at("library-newer").addEventListener("click", (event) => attempt(event.target, () => turn(view.page - 1), tell));
at("library-older").addEventListener("click", (event) => attempt(event.target, () => turn(view.page + 1), tell));
at("library-state").addEventListener("change", (event) => {
  view.state = event.target.value;
  attempt(event.target, () => turn(1), tell);
});
keepLooking(show);
