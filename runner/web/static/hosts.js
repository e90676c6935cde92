// The strip of hosts above the phones, shown when there is more than one host. It asks every few seconds, because
// the event stream tells changes only, and what a silent host does is nothing.

import { call } from "./api.js";

const LOOK_MS = 3000;

const strip = document.getElementById("hosts");

function hostItem(host) {
  const item = document.createElement("li");
  const count = Object.values(host.phones).reduce((sum, number) => sum + number, 0);
  const name = document.createElement("b");
  name.textContent = host.name;
  const state = document.createElement("span");
  state.className = `pill ${host.live ? "ready" : "absent"}`;
  state.textContent = host.live ? "live" : `${host.state} since ${host.seen_at.slice(0, 16).replace("T", " ")}`;
  const facts = document.createElement("span");
  facts.className = "quiet";
  facts.textContent = [`${count} phones`, `${host.running} running`, host.is_clock && "clock"].filter(Boolean).join(" · ");
  item.append(name, " ", state, " ", facts);
  for (const text of host.warnings) {
    const warning = document.createElement("p");
    warning.className = "reason";
    warning.textContent = text;
    item.append(warning);
  }
  return item;
}

async function look() {
  if (document.getElementById("connection").classList.contains("live")) await show();
  setTimeout(look, LOOK_MS);
}

async function show() {
  try {
    const { hosts } = await call("GET", "/hosts");
    strip.hidden = hosts.length < 2;
    strip.replaceChildren(...hosts.map(hostItem));
  } catch (error) {
    console.debug("the hosts can't be read now", error); // the page itself tells when the service doesn't answer
  }
}

look();
