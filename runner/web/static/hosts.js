// The strip of hosts above the phones, shown when there is more than one host. It asks every few seconds, because
// the event stream tells changes only, and what a silent host does is nothing.

import { call } from "./api.js";
import { at, keepLooking, make, renderList } from "./elements.js";

function hostItem(host) {
  const count = Object.values(host.phones).reduce((sum, number) => sum + number, 0);
  const state = host.live ? "live" : `${host.state} since ${host.seen_at.slice(0, 16).replace("T", " ")}`;
  const facts = [`${count} phones`, `${host.running} running`, host.is_clock && "clock"].filter(Boolean);
  return make("li", {},
    make("b", { text: host.name }), " ",
    make("span", { class: `pill ${host.live ? "ready" : "absent"}`, text: state }), " ",
    make("span", { class: "quiet", text: facts.join(" · ") }),
    ...host.warnings.map((text) => make("p", { class: "reason", text })));
}

async function show() {
  const { hosts } = await call("GET", "/hosts");
  at("hosts").hidden = hosts.length < 2;
  renderList(at("hosts"), hosts, (host) => host.name, hostItem);
}

keepLooking(show);
