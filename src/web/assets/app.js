// Live updates and comfort. Everything here can be missing: each page works as plain forms and links.

const find = (id) => document.getElementById(id);
const account = document.body.dataset.account;

// ---- Comfort: forms and menus

document.querySelectorAll("form[data-submit]").forEach((form) => form.requestSubmit());
document.querySelectorAll("select[data-go]").forEach((select) => {
  select.addEventListener("change", () => select.form.requestSubmit());
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const buttons = event.target.querySelectorAll("button");
  setTimeout(() => buttons.forEach((button) => { button.disabled = true; }), 0);
  setTimeout(() => buttons.forEach((button) => { button.disabled = false; }), 5000);
});

const openMenus = () => document.querySelectorAll("details.menu[open]");
document.addEventListener("click", (event) => {
  openMenus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  openMenus().forEach((menu) => {
    menu.open = false;
    menu.querySelector("summary").focus();
  });
});

// ---- The reply box: how many parts a text will have, and Ctrl+Enter

// The GSM 03.38 alphabet and its extension, whose characters count twice.
const PLAIN = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const TWICE = "\f^{}\\[~]|€";

/** The parts of a text and what is left in the last one. Characters are never cut in two. */
function parts(text) {
  const chars = [...text];
  const gsm = chars.every((c) => PLAIN.includes(c) || TWICE.includes(c));
  const cost = (c) => (gsm ? (TWICE.includes(c) ? 2 : 1) : c.length);
  const units = chars.reduce((sum, c) => sum + cost(c), 0);
  const [single, joined] = gsm ? [160, 153] : [70, 67];
  if (units <= single) return { count: 1, left: single - units, gsm };
  let count = 1;
  let used = 0;
  for (const c of chars) {
    if (used + cost(c) > joined) { count += 1; used = 0; }
    used += cost(c);
  }
  return { count, left: joined - used, gsm };
}

const reply = find("reply");
if (reply) {
  const box = reply.elements.text;
  const count = find("count");
  const show = () => {
    const text = box.value.trim();
    const { count: n, left, gsm } = parts(text);
    count.textContent = text === "" ? "" : `${n === 1 ? "1 part" : `${n} parts`} · ${left} left${gsm ? "" : " · special characters: 70 a part"}`;
  };
  box.addEventListener("input", () => { show(); if (box.value.trim() === "") catchUp(); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) reply.requestSubmit(reply.querySelector("button.main"));
  });
  show();
}

// ---- Ages in lists go on

setInterval(() => {
  document.querySelectorAll(".row time").forEach((time) => {
    const minutes = Math.floor((Date.now() - Date.parse(time.dateTime)) / 60000);
    if (minutes >= 0 && minutes < 60) time.textContent = minutes === 0 ? "now" : `${minutes} min`;
  });
}, 30000);

// ---- Live: an event names what changed, and the page fetches what it shows of it

const title = document.title;
function showCount() {
  const count = Number(find("unread-texts")?.dataset.count ?? 0);
  document.title = count > 0 ? `(${count}) ${title}` : title;
}
showCount();

function say(words) {
  const news = find("news");
  if (news) news.textContent = words.replace(/\s+/g, " ").trim().slice(0, 300);
}

/** What must not be swapped under somebody's hands: an open menu, a playing recording. */
function inUse(element) {
  const audio = element.querySelector("audio");
  return element.querySelector("details[open]") !== null || (audio !== null && !audio.paused);
}

/** Makes list `old` equal to `fresh`, keeping what is the same, so that focus and reading place stay. */
function merge(old, fresh) {
  const gone = new Map([...old.children].map((item) => [item.id, item]));
  let at = old.firstElementChild;
  for (const item of [...fresh.children]) {
    const mine = gone.get(item.id);
    gone.delete(item.id);
    const same = mine && mine.innerHTML === item.innerHTML && mine.className === item.className;
    if (same || (mine && inUse(mine))) {
      if (mine === at) at = at.nextElementSibling;
      else old.insertBefore(mine, at);
      continue;
    }
    old.insertBefore(item, at);
    if (mine) {
      if (mine === at) at = at.nextElementSibling;
      const focused = mine.contains(document.activeElement);
      mine.remove();
      if (focused) item.querySelector("a, button")?.focus();
    } else {
      item.classList.add("arrived");
    }
    tell(item);
  }
  gone.forEach((item) => item.remove());
}

/** Says what has come to who cannot see it move. */
function tell(item) {
  if (item.matches("#lines > .bubble:not(.ours).arrived")) say(`New text: ${item.querySelector(".text")?.textContent ?? "a file"}`);
  const row = item.querySelector(":scope > .row.unread");
  if (row) say(`Unread: ${row.querySelector(".name").textContent}: ${row.querySelector(".preview").textContent}`);
}

function swap(fresh) {
  const old = find(fresh.id);
  if (!old) return;
  if (fresh.id === "thread-now") return moved(old, fresh);
  const [from, to] = [old, fresh].map((it) => (it.matches("ol, ul") ? it : it.querySelector(":scope > ul")));
  const rest = (it) => [...it.children].filter((child) => child !== from && child !== to);
  if (from && to) {
    merge(from, to);
    if (old !== from) {
      rest(old).forEach((child) => child.remove());
      old.append(...rest(fresh));
    }
  } else if (old.innerHTML !== fresh.innerHTML && !inUse(old)) {
    old.replaceChildren(...fresh.childNodes);
  }
  if (fresh.dataset.count !== undefined) {
    old.dataset.count = fresh.dataset.count;
    showCount();
  }
}

/** The thread is newer than the reply was begun on: an empty reply box catches up, a begun one warns. */
function moved(old, fresh) {
  const newer = old.dataset.version !== fresh.dataset.version;
  const through = old.dataset.through;
  Object.assign(old.dataset, fresh.dataset);
  if (reply && newer) {
    if (reply.elements.text.value.trim() === "") catchUp();
    else if (fresh.dataset.through !== through && !find("moved")) find("came").hidden = false;
  }
  markRead();
}

function catchUp() {
  const now = find("thread-now");
  if (!now || find("moved") || !reply.elements.read_version) return;
  reply.elements.read_version.value = now.dataset.version;
  reply.elements.read_through.value = now.dataset.through;
  find("came").hidden = true;
}

function post(address) {
  return fetch(address, { method: "POST", body: new URLSearchParams() }).catch(() => {});
}

function markRead() {
  const id = document.querySelector("[data-conversation]")?.dataset.conversation;
  if (!id || find("thread-now")?.dataset.unread !== "true" || document.visibilityState !== "visible") return;
  find("thread-now").dataset.unread = "false";
  post(`/inbox/${id}/read`);
}

const PAUSE_MS = 600;
const busy = new Map();

/** Fetches a part anew; what changes meanwhile is fetched once more, not many times. */
async function refresh(element) {
  if (busy.has(element)) { busy.set(element, true); return; }
  busy.set(element, false);
  try {
    const response = await fetch(element.dataset.part);
    if (response.redirected) location.reload();
    else if (response.status === 404 && element.id === "lines") say("This conversation is no longer in your boxes.");
    else if (response.ok) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      [...page.body.children].forEach(swap);
    }
  } catch {
    // The connection is gone; the stream's next beginning brings everything up to date.
  }
  setTimeout(() => {
    const again = busy.get(element);
    busy.delete(element);
    if (again) refresh(element);
  }, PAUSE_MS);
}

function refreshAll() {
  document.querySelectorAll("[data-part]").forEach(refresh);
}

function changed(kind, data) {
  if (kind === "reload") return refreshAll();
  if (data.account !== account) return;
  const here = document.querySelector("[data-conversation]")?.dataset.conversation;
  document.querySelectorAll("[data-part]").forEach((element) => {
    if (element.id !== "lines" || !data.conversation || data.conversation === here) refresh(element);
  });
}

/** Listens for as long as the page is open; one that ended for good is begun again later. */
function listen(hear) {
  let begun = false;
  const open = () => {
    const source = new EventSource("/live");
    source.addEventListener("begin", () => {
      if (begun) hear("reload", {});
      begun = true;
    });
    source.addEventListener("changed", (event) => hear("changed", JSON.parse(event.data)));
    source.addEventListener("reload", () => hear("reload", {}));
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 15000);
    });
  };
  open();
}

if (account && document.querySelector("[data-part]")) {
  // A browser allows few connections to one server, so one tab listens and tells the others.
  if (navigator.locks && "BroadcastChannel" in window) {
    const others = new BroadcastChannel("signalbox");
    others.addEventListener("message", ({ data }) => changed(data.kind, data.data));
    navigator.locks.request("signalbox-live", () => new Promise(() => {
      listen((kind, data) => {
        changed(kind, data);
        others.postMessage({ kind, data });
      });
    }));
  } else {
    listen(changed);
  }
  document.addEventListener("visibilitychange", markRead);
}

// ---- Voicemail: what is listened to counts as heard

document.addEventListener("play", (event) => {
  const id = event.target.dataset?.heard;
  if (id && event.target.closest(".new")) post(`/voicemails/${id}/heard`);
}, true);
document.addEventListener("pause", () => {
  const list = find("voicemails");
  if (list) refresh(list);
}, true);
