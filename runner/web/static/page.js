// The operator's page: shows phones and tasks as the event stream tells them, and sends what the buttons ask for.
// Links are checked to be http(s). The library and the hosts have modules of their own.

import { ApiError, ask, call, follow, hasToken, picture, rememberToken } from "./api.js";
import { agreed, at, attempt, keepLooking, make, notice, renderList, why } from "./elements.js";

const STATUSES = ["pending", "running", "completed", "failed"];
const PAGE_SIZE = 20;

const view = { status: null, page: 1, stream: null, expanded: new Set(), farm: null, marked: new Map(), remarks: new Map() };

function link(url, text) {
  const safe = /^https?:\/\//i.test(url);
  return safe ? make("a", { href: url, target: "_blank", rel: "noopener noreferrer", text }) : make("span", { text: url });
}

// Phones

function showPhones(farm) {
  view.farm = farm;
  const { devices, strangers, problems } = farm;
  const enabled = devices.filter((device) => device.enabled);
  const usable = enabled.filter((device) => ["ready", "busy"].includes(device.state)).length;
  at("phones-summary").textContent = devices.length ? `${usable} of ${enabled.length} can work` : "devices.yaml names none";
  const marked = devices.map((device) => ({ ...device, accounts: device.accounts.map((account) =>
    ({ ...account, mark: view.marked.get(accountKey(device.serial, account.app, account.username)) })) }));
  renderList(at("phones"), marked, (device) => device.serial, phoneCard);

  at("problems").replaceChildren(...problems.map((text) => make("li", { text })));
  at("problems").hidden = problems.length === 0;
  const unknown = Object.entries(strangers).map(([serial, state]) => `${serial} (${state})`);
  at("strangers").textContent = `Connected, but not in devices.yaml: ${unknown.join(", ")}`;
  at("strangers").hidden = unknown.length === 0;
  fillAccounts(devices);
}

function phoneCard(device) {
  const state = device.enabled ? device.state : "disabled";
  const facts = [device.model, device.android && `Android ${device.android}`, device.language].filter(Boolean);
  return make("li", { class: "card" },
    make("div", { class: "card-head" },
      make("h3", { text: device.name || `Phone ${device.index}` }),
      make("span", { class: `pill ${state}`, text: state })),
    make("p", { class: "quiet serial", text: device.serial }),
    facts.length ? make("p", { class: "quiet", text: facts.join(" · ") }) : null,
    device.reason && device.enabled ? make("p", { class: "reason", text: device.reason }) : null,
    make("ul", { class: "accounts" }, ...device.accounts.map(accountItem)));
}

function accountItem(account) {
  const name = make("span", { text: `@${account.username}`, class: account.enabled ? "" : "off" });
  if (!account.mark) return make("li", { title: account.app }, name);
  const { state, since, reason } = account.mark;
  return make("li", { title: account.app, class: "marked" },
    name, " ", make("span", { class: `pill ${state}`, text: state.replaceAll("_", " ") }),
    make("p", { class: "quiet", text: `since ${since}` }),
    make("p", { class: "reason", text: reason }),
    make("button", { type: "button", "data-action": `clear-${account.app}-${account.username}`, text: "It works again",
      "aria-label": `@${account.username} works again`, onclick: (event) => attempt(event.target, () => clear(account)) }));
}

async function clear({ username, app }) {
  const text = `Is @${username} put right in ${app}? Its tasks start again at their times.`;
  if (!(await agreed(text, "It works again"))) return;
  await call("POST", "/accounts/clear", { username, app });
  await lookAtAccounts();
}

function accountKey(serial, app, username) {
  return JSON.stringify([serial, app, username.toLowerCase()]);
}

/** Accounts that can't be used, as runs saw them. */
async function lookAtAccounts() {
  const marked = new Map();
  for (let page = 1, more = true; more; page += 1) {
    const { accounts, total, page_size: size } = await call("GET", `/accounts?status=0&page_size=100&page=${page}`);
    for (const { device, platform, username, state, state_since: since, state_task_id: task } of accounts) {
      if (state === "ok") continue;
      const mark = { state, since: since.slice(0, 16).replace("T", " "), reason: await whatTaskSaw(task) };
      marked.set(accountKey(device, platform, username), mark);
    }
    more = page * size < total;
  }
  view.marked = marked;
  if (view.farm) showPhones(view.farm);
}

async function whatTaskSaw(id) {
  if (!view.remarks.has(id)) view.remarks.set(id, `task ${id}: ${await remarkOf(id)}`);
  return view.remarks.get(id);
}

async function remarkOf(id) {
  try {
    return (await call("GET", `/task/${id}`)).remark;
  } catch (error) {
    if (error instanceof ApiError && error.code === 40401) return "deleted since";
    throw error;
  }
}

// Tasks

function showStats(stats) {
  const buttons = [null, ...STATUSES.keys()].map((status) => {
    const name = status === null ? "all" : STATUSES[status];
    const count = status === null ? stats.total : stats[name];
    const pressed = String(view.status === status);
    const button = make("button", { type: "button", "aria-pressed": pressed, "data-action": name, class: `filter ${name}` },
      make("span", { text: name }), make("b", { text: count }));
    button.addEventListener("click", () => show(status, 1));
    return button;
  });
  const focused = document.activeElement?.dataset.action;
  const hadFocus = at("filters").contains(document.activeElement);
  at("filters").replaceChildren(...buttons);
  if (hadFocus) at("filters").querySelector(`[data-action="${focused}"]`)?.focus();
  at("retry-all").hidden = stats.failed === 0;
}

function showTasks({ tasks, total, page, page_size: size }) {
  renderList(at("tasks"), tasks, (task) => task.id, taskRow);
  at("no-tasks").hidden = tasks.length > 0;
  const pages = Math.max(1, Math.ceil(total / size));
  at("pages").hidden = pages === 1 && page === 1;
  at("page-number").textContent = `page ${page} of ${pages}`;
  at("newer").disabled = page <= 1;
  at("older").disabled = page >= pages;
}

function taskRow(task, old) {
  const open = view.expanded.has(task.id);
  const details = make("div", { class: "details", id: `details-${task.id}`, hidden: !open });
  const before = old?.querySelector(".details");
  if (open && before) details.replaceChildren(...before.childNodes);
  const toggle = make("button", {
    type: "button", class: "toggle", "aria-expanded": String(open), "aria-controls": details.id,
    "data-action": "details", "aria-label": `Details of task ${task.id}`, text: open ? "▾" : "▸",
  });
  toggle.addEventListener("click", () => {
    const shown = details.hidden;
    if (shown) view.expanded.add(task.id);
    else view.expanded.delete(task.id);
    details.hidden = !shown;
    toggle.setAttribute("aria-expanded", String(shown));
    toggle.textContent = shown ? "▾" : "▸";
    if (shown) fillDetails(details, task.id);
    else empty(details);
  });
  if (open) fillDetails(details, task.id);
  const who = [task.username && `@${task.username}`, task.device_index ?? task.serial].filter(Boolean).join(" on ");
  return make("li", { class: `task ${task.status_text}` },
    make("div", { class: "task-head" },
      toggle,
      make("span", { class: "number quiet", text: task.id }),
      make("span", { class: "who", text: `${task.script_name} ${who}` }),
      make("span", { class: `pill ${task.status_text}`, text: stateWord(task) }),
      make("span", { class: "when quiet", text: when(task) }),
      make("span", { class: "actions" }, ...actions(task))),
    progress(task),
    task.remark ? make("p", { class: "remark", text: task.remark }) : null,
    task.post_url ? make("p", { class: "remark" }, link(task.post_url, task.post_url)) : null,
    details);
}

function stateWord(task) {
  return task.status_text === "failed" && task.outcome === "unknown" ? "outcome unknown" : task.status_text;
}

function when(task) {
  if (task.status_text === "pending") return task.start_time ? `starts ${task.start_time}` : `since ${task.created_at}`;
  return task.end_time ?? task.start_time ?? task.created_at;
}

function progress(task) {
  const { step, number, count } = task.progress;
  if (task.status_text !== "running") return null;
  const text = step ? `${step} (${number} of ${count})` : "starting";
  return make("p", { class: "progress" },
    make("progress", { value: number, max: Math.max(count, 1), "aria-label": `Progress of task ${task.id}` }),
    make("span", { text }));
}

function actions(task) {
  const button = (action, text, run) => {
    const made = make("button", { type: "button", "data-action": action, "aria-label": `${text} task ${task.id}`, text });
    made.addEventListener("click", () => attempt(made, run));
    return made;
  };
  const list = [];
  if (["pending", "running"].includes(task.status_text)) {
    list.push(button("stop", "Stop", () => call("POST", `/task/${task.id}/stop`)));
  }
  if (task.status_text === "failed") list.push(button("retry", "Retry", () => retry(task)));
  list.push(button("delete", "Delete", async () => {
    if (await agreed(`Delete task ${task.id} and its journal?`, "Delete")) await call("DELETE", `/task/${task.id}`);
  }));
  return list;
}

async function retry(task) {
  if (task.outcome !== "unknown") return call("POST", `/task/${task.id}/retry`);
  const text = `Task ${task.id} may have been published. Look at @${task.username} first. `
    + "If the post isn't there, retry: the run looks once more before it publishes.";
  if (await agreed(text, "Retry anyway")) return call("POST", `/task/${task.id}/retry`, { force: true });
  return null;
}

function empty(details) {
  for (const image of details.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  details.replaceChildren();
}

async function fillDetails(details, id) {
  let task;
  try {
    task = await call("GET", `/task/${id}`);
  } catch (error) {
    details.replaceChildren(make("p", { class: "error", text: error.message }));
    return;
  }
  const steps = task.steps.map((step) => make("li", { class: step.outcome || "open" },
    make("b", { text: step.name }),
    make("span", { class: "quiet", text: ` ${duration(step)} ` }),
    make("span", { text: [step.outcome, step.detail].filter(Boolean).join(": ") }),
    ...step.notes.map((note) => make("p", { class: "quiet", text: note.message }))));
  const pictures = await Promise.all(task.artifacts.map(artifactFigure));
  const facts = [["Phone", task.serial], ["App", task.app], ["Created", task.created_at], ["Started", task.start_time],
    ["Ended", task.end_time], ["Outcome", task.outcome], ["Retries", task.retry_count || null], ["Source", task.source],
  ].filter(([, value]) => value);
  const fresh = [
    make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", { text: value })])),
    make("pre", { text: JSON.stringify(task.script_config, null, 2), tabindex: "0", "aria-label": "Configuration" }),
    steps.length ? make("ol", { class: "journal" }, ...steps) : make("p", { class: "quiet", text: "Nothing has run yet." }),
    make("div", { class: "pictures" }, ...pictures),
  ];
  empty(details);
  details.replaceChildren(...fresh);
}

function duration(step) {
  if (!step.ended_at) return "";
  const seconds = (new Date(step.ended_at) - new Date(step.started_at)) / 1000;
  return `${seconds.toFixed(1)} s`;
}

async function artifactFigure(artifact) {
  const caption = `${artifact.kind}, step ${artifact.step}, attempt ${artifact.attempt}`;
  try {
    const url = await picture(artifact.url);
    if (!artifact.media_type.startsWith("image/")) {
      return make("p", {}, make("a", { href: url, download: `task-${artifact.id}-${artifact.kind}.xml`, text: caption }));
    }
    return make("figure", {}, make("img", { src: url, alt: caption }), make("figcaption", { class: "quiet", text: caption }));
  } catch (error) {
    return make("p", { class: "quiet", text: `${caption}: ${error.message}` });
  }
}

// What a person does

let asking = null;
ask.token = () => {
  asking ??= new Promise((resolve) => {
    const dialog = at("token-dialog");
    at("token-error").textContent = hasToken() ? "That is not the token." : "";
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      rememberToken(at("token").value);
      at("token").value = "";
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
};

function fillAccounts(devices) {
  const usable = devices.filter((device) => device.enabled)
    .flatMap((device) => device.accounts.filter((account) => account.enabled).map((account) => ({
      username: account.username, app: account.app, phone: device.name || device.serial,
    })));
  renderList(at("compose-accounts"), usable, (account) => `${account.app}/${account.username}`, (account) =>
    make("label", {}, make("input", { type: "checkbox", name: "usernames", value: account.username }),
      make("span", { text: `@${account.username}` }),
      make("span", { class: "quiet", text: ` ${account.app}, ${account.phone}` })));
}

async function compose(event) {
  event.preventDefault();
  const form = event.target;
  const fields = new FormData(form);
  const lines = fields.get("files").split("\n").map((line) => line.trim()).filter(Boolean);
  const config = { content_type: Number(fields.get("content_type")), captions: fields.get("captions"), material_list: lines };
  if (config.content_type === 1) config.image_count = lines.length;
  const body = { usernames: fields.getAll("usernames"), script_name: "post", script_config: config };
  if (fields.get("start_time")) body.start_time = fields.get("start_time").slice(0, 5);
  const submit = form.querySelector("[type=submit]");
  submit.disabled = true;
  try {
    const key = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`;
    await call("POST", "/task", body, { "X-Task-Source": "ui", "Idempotency-Key": key });
    at("compose-error").textContent = "";
    form.reset();
    at("compose").open = false;
    show(null, 1);
  } catch (error) {
    at("compose-error").textContent = why(error);
  } finally {
    submit.disabled = false;
  }
}

// The stream

function show(status, page) {
  view.status = status;
  view.page = page;
  view.stream?.abort();
  view.stream = new AbortController();
  const query = new URLSearchParams({ page: String(page), page_size: String(PAGE_SIZE) });
  if (status !== null) query.set("status", String(status));
  const shown = { stats: showStats, tasks: showTasks, devices: showPhones };
  follow(query, {
    signal: view.stream.signal,
    onEvent: (name, data) => shown[name]?.(data),
    onState: (state, message) => {
      const text = { live: "Live", lost: "Connection lost, trying again…", refused: "Refused" }[state];
      at("connection").textContent = text;
      at("connection").className = `connection ${state}`;
      if (message) notice(message);
    },
  });
}

at("compose-form").addEventListener("submit", compose);
at("newer").addEventListener("click", () => show(view.status, view.page - 1));
at("older").addEventListener("click", () => show(view.status, view.page + 1));
at("retry-all").addEventListener("click", (event) => attempt(event.target, async () => {
  const answer = await call("POST", "/task/retry-all");
  const left = [];
  if (answer.unknown_outcome_count) {
    left.push(`${answer.unknown_outcome_count} may have been published and were left alone: look at the accounts, `
      + "then retry each by hand.");
  }
  if (answer.unusable_account_count) {
    left.push(`${answer.unusable_account_count} were left alone because their accounts can't be used.`);
  }
  if (left.length) throw new ApiError(0, [`${answer.retried_count} are pending again.`, ...left].join(" "));
}));
show(null, 1);
keepLooking(lookAtAccounts);
