// The handset: plays people with phones over the control routes, and shows what they hear.
"use strict";

const LINES_MAX = 2000;
const LOG_SHOWN = 200;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const MARKS = {
  calls: "☎", hears: "“", plays: "♪", listens: "…", pressed: "⌨", records: "●", recorded: "●", spoke: "●",
  connected: "⇄", joined: "⇄", left: "⇥", hung_up: "⊗", ended: "⊗", answered: "✓", fault: "!", no_answer: "⊗",
  busy: "⊗", canceled: "⊗",
};
const DOING = {
  waits: "calling…", rings: "rings", listens: "listening", "is asked for keys": "you may press keys",
  "hears it ring": "it rings", talks: "connected", "waits in a room": "on hold", "is recorded": "recording you",
};
const ASIDES = new Set(["calls", "answered", "listens", "records", "spoke", "recorded", "joined", "left", "hung_up", "ended",
  "no_answer", "busy", "canceled", "connected"]);

const at = (id) => document.getElementById(id);
let state = { numbers: [], outside: [], phones: [], calls: [], texts: [] };
let lines = [];
let myCall = sessionStorage.getItem("call");
const devices = new Map();

// --- asking the twin

async function ask(path, body) {
  const wish = { method: "POST", headers: { "content-type": "application/json" } };
  wish.body = JSON.stringify(body || {});
  try {
    const answer = await fetch("/demo/api/" + path, wish);
    const said = await answer.json().catch(() => ({}));
    trouble(answer.ok ? "" : said.error || "That did not work.");
    return answer.ok ? said : null;
  } catch {
    trouble("The demo cannot be reached. Is it still running?");
    return null;
  }
}

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

let asking = false;
let again = false;
async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  do {
    again = false;
    try {
      state = await (await fetch("/demo/api/state")).json();
      show();
    } catch { /* the stream tells that the demo is away */ }
  } while (again);
  asking = false;
}

function listen() {
  const stream = new EventSource("/demo/api/events");
  stream.onopen = () => linked(true);
  stream.onerror = () => linked(false);
  stream.onmessage = (event) => {
    const line = JSON.parse(event.data);
    const last = lines.length ? lines[lines.length - 1].id : 0;
    // The numbers begin anew when the demo was started again.
    if (line.id <= last) lines = [];
    lines.push(line);
    if (lines.length > LINES_MAX) lines.splice(0, lines.length - LINES_MAX);
    soon();
  };
}

let planned = false;
function soon() {
  if (planned) return;
  planned = true;
  setTimeout(() => { planned = false; refresh(); }, 60);
}

function linked(live) {
  at("link").textContent = live ? "live" : "reconnecting…";
  at("link").classList.toggle("live", live);
  if (live) refresh();
}

// --- who is who

function me() {
  return at("from").value === "other" ? at("from-other").value.trim() : at("from").value;
}

function nameOf(phone) {
  const known = [...state.outside, ...state.phones].find((person) => person.phone === phone);
  const ours = state.numbers.find((number) => number.number === phone);
  return known ? known.name : ours ? ours.name : phone;
}

function options(select, rows) {
  const wanted = JSON.stringify(rows);
  if (select.dataset.rows === wanted) return;
  const kept = select.value || sessionStorage.getItem(select.id);
  select.dataset.rows = wanted;
  select.replaceChildren(...rows.map(([value, text]) => new Option(text, value)));
  if (rows.some(([value]) => value === kept)) select.value = kept;
}

function show() {
  options(at("from"), [...state.outside.map((p) => [p.phone, `${p.name}  ${p.phone}`]),
    ["withheld", "A withheld number (calls only)"], ["other", "Another number…"]]);
  options(at("to"), state.numbers.map((n) => [n.number, `${n.name}  ${n.number}`]));
  showInbox();
  showThread();
  showCall();
  showPhones();
  if (at("behind").open) showLog();
}

function showInbox() {
  const frame = at("frame");
  if (!state.inbox || frame.dataset.path === state.inbox) return;
  frame.dataset.path = state.inbox;
  frame.src = state.inbox;
  at("inbox-open").href = state.inbox;
  at("inbox").hidden = at("inbox-link").hidden = false;
  at("main").classList.add("framed");
}

// --- texts

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function clock(micros) {
  return new Date(micros / 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
}

function fill(list, items, nothing) {
  const low = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const key = JSON.stringify(items.map((item) => [item.className, item.textContent]));
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  list.replaceChildren(...(items.length ? items : [element("li", nothing, "nothing")]));
  if (low || list.dataset.fresh !== "no") list.scrollTop = list.scrollHeight;
  list.dataset.fresh = "no";
}

function showThread() {
  const [mine, ours] = [me(), at("to").value];
  const between = (text) => (text.inbound ? text.from === mine && text.to === ours
    : text.to === mine && text.from === ours);
  const items = state.texts.filter(between).map((text) => {
    const item = element("li", text.body, text.inbound ? "mine" : "");
    if (text.media) item.append(element("em", text.media === 1 ? "with a picture" : `with ${text.media} pictures`));
    const status = text.inbound ? "" : ` · ${text.status}${text.error ? " " + text.error : ""}`;
    item.append(element("small", clock(text.at) + status));
    return item;
  });
  fill(at("thread"), items, "No texts yet. Say hello.");
}

// --- the call

function liveCall() {
  const own = state.calls.find((call) => call.call === myCall);
  return own || state.calls.filter((call) => call.from === me()).pop();
}

function showCall() {
  const call = liveCall();
  if (call && call.call !== myCall) remember(call.call);
  const busy = Boolean(call);
  at("in-call").hidden = !busy;
  at("call").disabled = busy;
  at("hangup").disabled = at("speak").disabled = !busy;
  for (const key of at("keypad").children) key.disabled = !busy;
  at("call-state").textContent = busy ? `${nameOf(call.to)}: ${DOING[call.doing] || call.doing}` : myCall ? "The call is over" : "No call";
  const mine = lines.filter((line) => line.call && line.call === myCall);
  fill(at("heard"), mine.map(heardItem), "Press Call and read here what you would hear.");
}

function heardItem(line) {
  const kind = (ASIDES.has(line.kind) ? "aside " : "") + (line.kind === "fault" ? "fault" : "");
  const texts = { calls: `calling ${nameOf(line.text)}`, pressed: `you press ${line.text}`,
    listens: "you may press keys", records: "you are being recorded", recorded: `recorded ${line.text}`, spoke: `you ${line.text}`,
    hung_up: "you hang up", ended: `the call is over (${line.text})`, connected: "you can talk to each other",
    joined: "you wait in a room", left: "you leave the room", no_answer: "the call ended unanswered" };
  const item = element("li", texts[line.kind] || line.text, kind.trim());
  item.dataset.mark = MARKS[line.kind] || "·";
  return item;
}

function remember(call) {
  myCall = call;
  sessionStorage.setItem("call", call);
}

function press(key) {
  const call = liveCall();
  if (call) ask(`calls/${call.call}/press`, { digits: key });
}

// --- the members' phones

function deviceOf(phone) {
  if (devices.has(phone)) return devices.get(phone);
  const path = `phones/${encodeURIComponent(phone)}/`;
  const made = { item: element("li", "", "device"), name: element("h3"), state: element("span", "", "state"),
    hears: element("p", "", "hears"), acts: element("div", "", "acts"), talk: element("div", "", "acts"),
    keys: element("div", "", "keypad"), off: document.createElement("input") };
  made.item.dataset.phone = phone;
  const head = element("header");
  const button = (text, kind, act) => {
    const made = element("button", text, kind);
    made.type = "button";
    made.dataset.act = act;
    made.addEventListener("click", () => ask(path + act));
    return made;
  };
  made.acts.append(button("Answer", "answer", "answer"), button("Decline", "", "decline"), button("Busy", "", "busy"),
    button("Voicemail", "", "machine"),
    element("span", "or let it ring", "hint"));
  made.keys.append(...keys((key) => ask(path + "press", { digits: key })));
  made.keys.setAttribute("role", "group");
  made.keys.setAttribute("aria-label", "Keys of this phone");
  made.talk.append(button("Hang up", "end", "hangup"));
  made.off.type = "checkbox";
  made.off.addEventListener("change", () => ask(path + "reachable", { reachable: !made.off.checked }).then(refresh));
  const off = element("label", "", "check switch");
  off.append(made.off, "off");
  off.title = "Switched off: calls to this phone fail";
  const name = element("div", "", "name");
  name.append(made.name, element("span", phone, "number"));
  head.append(name, off, made.state);
  made.item.append(head, made.hears, made.acts, made.keys, made.talk);
  devices.set(phone, made);
  return made;
}

function showPhones() {
  const items = state.phones.map((person) => {
    const device = deviceOf(person.phone);
    const talking = person.calls.find((call) => call.status === "in-progress");
    const ringing = person.calls.find((call) => call.status === "ringing");
    device.name.textContent = person.name;
    device.state.textContent = talking ? talking.doing : ringing ? `rings: ${nameOf(ringing.from)}` : "";
    device.state.hidden = !device.state.textContent;
    device.item.className = "device" + (ringing && !talking ? " rings" : talking ? " talks" : person.reachable ? "" : " off");
    device.acts.hidden = !ringing;
    device.keys.hidden = device.talk.hidden = !talking;
    device.off.checked = !person.reachable;
    const said = talking ? lines.filter((line) => line.call === talking.call && ["hears", "plays", "pressed"].includes(line.kind)).pop() : null;
    device.hears.textContent = said ? (said.kind === "pressed" ? `pressed ${said.text}` : `“${said.text}”`) : "";
    device.hears.hidden = !said;
    return device.item;
  });
  const list = at("phones");
  const same = items.length === list.children.length && items.every((item, place) => list.children[place] === item);
  if (!same) list.replaceChildren(...items);
}

function keys(pressed) {
  return KEYS.map((key) => {
    const made = element("button", key);
    made.type = "button";
    made.dataset.key = key;
    made.addEventListener("click", () => pressed(key));
    return made;
  });
}

// --- behind the scenes

function showLog() {
  const items = lines.slice(-LOG_SHOWN).map((line) => {
    const item = element("li", "", line.kind === "fault" ? "fault" : "");
    const who = line.phone ? nameOf(line.phone) + ": " : "";
    item.append(element("time", clock(line.at)), element("b", line.kind.replace("_", " ")), element("span", who + line.text));
    return item;
  });
  fill(at("log"), items, "Nothing has happened yet.");
}

function sendFaults() {
  ask("faults", {
    receipts: at("receipts").value,
    lose_answer_of_next_send: at("lose").checked ? 1 : 0,
    deliver_twice: at("twice").checked,
  });
}

// --- what the reader does

function tab(calling) {
  for (const [name, on] of [["text", !calling], ["call", calling]]) {
    at("tab-" + name).setAttribute("aria-selected", String(on));
    at("tab-" + name).tabIndex = on ? 0 : -1;
  }
  at("texting").hidden = calling;
  at("calling").hidden = !calling;
  sessionStorage.setItem("tab", calling ? "call" : "text");
}

function chosen() {
  const other = at("from").value === "other";
  for (const part of document.querySelectorAll(".other")) part.hidden = !other;
  sessionStorage.setItem("from", at("from").value);
  sessionStorage.setItem("to", at("to").value);
  at("thread").dataset.fresh = "";
  show();
}

async function sendText(event) {
  event.preventDefault();
  const wish = { from: me(), to: at("to").value, text: at("body").value };
  if (at("picture").checked) wish.media = [{ content_type: "image/png" }];
  if (await ask("text", wish)) {
    at("body").value = "";
    at("picture").checked = false;
    at("thread").dataset.fresh = "";
    refresh();
  }
}

async function placeCall() {
  const said = await ask("call", { from: me(), to: at("to").value });
  if (said) {
    remember(said.call);
    at("heard").dataset.fresh = "";
    refresh();
  }
}

function typed(event) {
  const writing = event.target.closest("input, textarea, select");
  const calling = !at("calling").hidden && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (calling && !writing && KEYS.includes(event.key)) press(event.key);
}

at("keypad").append(...keys(press));
at("send").addEventListener("submit", sendText);
at("body").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) at("send").requestSubmit(), event.preventDefault();
});
at("call").addEventListener("click", placeCall);
at("hangup").addEventListener("click", () => { const call = liveCall(); if (call) ask(`calls/${call.call}/hangup`); });
at("voicemail").addEventListener("submit", (event) => {
  event.preventDefault();
  const call = liveCall();
  if (call) ask(`calls/${call.call}/voicemail`, { seconds: Number(at("seconds").value), says: at("says").value });
});
at("tab-text").addEventListener("click", () => tab(false));
at("tab-call").addEventListener("click", () => tab(true));
document.querySelector(".tabs").addEventListener("keydown", (event) => {
  if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const calling = at("calling").hidden;
  tab(calling);
  at(calling ? "tab-call" : "tab-text").focus();
});
for (const id of ["from", "to"]) at(id).addEventListener("change", chosen);
at("from-other").addEventListener("input", () => showThread());
for (const id of ["receipts", "lose", "twice"]) at(id).addEventListener("change", sendFaults);
at("behind").addEventListener("toggle", () => { at("log").dataset.fresh = ""; showLog(); });
document.addEventListener("keydown", typed);
tab(location.hash === "#calling" || sessionStorage.getItem("tab") === "call");
refresh().then(chosen);
listen();
