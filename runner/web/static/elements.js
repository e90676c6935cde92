// What the sections of the operator's page share: elements, lists that keep what did not change, the notice and the
// question. Every text from outside goes through textContent. What a section shows is told in its own module.

import { ApiError } from "./api.js";

const LOOK_MS = 3000;

export const at = (id) => document.getElementById(id);

/** make("p", {class: "x", text: "…", onclick: f}, child, …) */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** Replace the children of `list` by one per item, keeping the elements of items that did not change. */
export function renderList(list, items, keyOf, build) {
  const kept = new Map([...list.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const key = String(keyOf(item));
    const version = JSON.stringify(item);
    const old = kept.get(key);
    if (old && old.dataset.version === version) return old;
    const fresh = build(item, old);
    fresh.dataset.key = key;
    fresh.dataset.version = version;
    return fresh;
  });
  const focused = document.activeElement?.closest?.("[data-action]");
  const focus = list.contains(focused) && [focused.closest("[data-key]")?.dataset.key, focused.dataset.action];
  const same = wanted.length === list.children.length && wanted.every((child, n) => child === list.children[n]);
  if (same) return;
  list.replaceChildren(...wanted);
  if (focus) {
    const again = wanted.find((child) => child.dataset.key === focus[0]);
    again?.querySelector(`[data-action="${focus[1]}"]`)?.focus();
  }
}

/** Run what a button is for; `tell` gets why it failed, or "". */
export async function attempt(button, run, tell = notice) {
  button.disabled = true;
  try {
    await run();
    tell("");
  } catch (error) {
    tell(why(error));
  } finally {
    button.disabled = false;
  }
}

export function why(error) {
  return error instanceof ApiError ? error.message : "The service does not answer.";
}

/** `look` now and then, while the service answers: the event stream does not tell everything. */
export async function keepLooking(look) {
  const live = at("connection").classList.contains("live");
  try {
    if (live) await look();
  } catch (error) {
    console.debug("can't look now", error); // the page itself tells when the service doesn't answer
  }
  setTimeout(() => keepLooking(look), live ? LOOK_MS : 200);
}

export function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

export function agreed(text, yes) {
  const dialog = at("question");
  at("question-text").textContent = text;
  at("question-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
