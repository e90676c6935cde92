// Calls the API with the token that this browser was told once, and follows its event stream.

const BASE = "/api/v1";
const KEY = "runner-token";
const TOKEN_REQUIRED = 40101;

export class ApiError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Replaced by the page: asks the person for the token and resolves when there is one. */
export const ask = { token: async () => {} };

function headers(extra = {}) {
  const token = localStorage.getItem(KEY);
  return token ? { ...extra, Authorization: `Bearer ${token}` } : extra;
}

export function hasToken() {
  return localStorage.getItem(KEY) !== null;
}

export function rememberToken(token) {
  localStorage.setItem(KEY, token);
}

/** fetch that asks for the token once it turns out to be needed. */
async function request(path, options = {}) {
  for (;;) {
    const token = localStorage.getItem(KEY);
    const response = await fetch(path, { ...options, headers: headers(options.headers) });
    if (response.status !== 401 && !(await wantsToken(response))) return response;
    await otherToken(token);
  }
}

/** Return with another token than this one, which was refused: another call may have asked meanwhile. */
async function otherToken(refused) {
  if (localStorage.getItem(KEY) === refused) await ask.token();
}

/** With api.error_status "envelope" a missing token is told by the envelope only. */
async function wantsToken(response) {
  if (!(response.headers.get("Content-Type") ?? "").includes("json")) return false;
  return (await response.clone().json()).code === TOKEN_REQUIRED;
}

export async function call(method, path, body, extraHeaders = {}) {
  const options = { method, headers: { ...extraHeaders } };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await request(BASE + path, options);
  const envelope = await response.json();
  if (envelope.code !== 0) throw new ApiError(envelope.code, envelope.message);
  return envelope.data;
}

/** POST a file as the body; `onProgress` gets the part that is sent, 0 to 1, which fetch can't tell. */
export async function upload(path, file, onProgress) {
  for (;;) {
    const token = localStorage.getItem(KEY);
    const envelope = await send(path, file, onProgress);
    if (envelope.code === 0) return envelope.data;
    if (envelope.code !== TOKEN_REQUIRED) throw new ApiError(envelope.code, envelope.message);
    await otherToken(token);
  }
}

function send(path, file, onProgress) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", BASE + path);
    const named = headers({ "Content-Type": file.type || "application/octet-stream" });
    for (const [name, value] of Object.entries(named)) sending.setRequestHeader(name, value);
    sending.responseType = "json";
    sending.upload.addEventListener("progress", (event) => onProgress(event.loaded / event.total));
    sending.addEventListener("load", () => (sending.response ? resolve(sending.response) : reject(new TypeError("no JSON"))));
    sending.addEventListener("error", () => reject(new TypeError("the upload broke off")));
    sending.send(file);
  });
}

/** An object URL of a picture; the caller revokes it. */
export async function picture(url) {
  const response = await request(url);
  if (!response.ok) throw new ApiError(response.status, "The picture is no longer kept.");
  return URL.createObjectURL(await response.blob());
}

/**
 * Follow the event stream until `signal` is aborted; reconnects by itself.
 * EventSource can't send the token, so the stream is read with fetch.
 */
export async function follow(query, { signal, onEvent, onState }) {
  for (let pause = 500; !signal.aborted; pause = Math.min(pause * 2, 10_000)) {
    try {
      const response = await request(`${BASE}/events?${query}`, { signal });
      if (!(response.headers.get("Content-Type") ?? "").startsWith("text/event-stream")) {
        const envelope = await response.json();
        onState("refused", envelope.message);
        return;
      }
      onState("live");
      pause = 500;
      await readEvents(response.body, onEvent);
    } catch (error) {
      if (signal.aborted) return;
    }
    if (signal.aborted) return;
    onState("lost");
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

async function readEvents(body, onEvent) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block);
      const data = /^data: (.*)$/m.exec(block);
      if (name && data) onEvent(name[1], JSON.parse(data[1]));
    }
  }
}
