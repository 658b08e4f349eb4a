// The chat page: the official Socket.IO client and the node's room protocol, nothing else.
// Whatever other people wrote reaches the page through `textContent` only.

const path = document.documentElement.dataset.path;
const at = (id) => document.getElementById(id);
const shown = (name) => document.querySelector(`[data-testid="${name}"]`);
const CDN = "https://cdn.jsdelivr.net/npm/socket.io-client@4.8.4/dist/socket.io.esm.min.js";
const KEPT_LINES = 500;
const ANSWER_MS = 8000;

/** Rooms by name: { people: Map(id -> name), count, lines: [element], unread, gone: Set while a list is on its way }. */
const rooms = new Map();
let open = null;
let socket;

// ---- small helpers

function make(tag, props = {}, ...children) {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...children);
  return element;
}

/** A steady colour for a socket, so that two people of one name are told apart. */
function tint(element, id) {
  let hash = 0;
  for (const letter of String(id)) hash = (hash * 31 + letter.codePointAt(0)) % 360;
  element.style.setProperty("--hue", hash);
  return element;
}

function state(word, text = word) {
  at("state").dataset.state = word;
  if (at("state").textContent !== text) at("state").textContent = text;
  shown("send").disabled = word !== "connected";
  shown("join").disabled = word !== "connected";
}

function complain(text) {
  at("problem").textContent = text;
}

/** Emits with an acknowledgement; anything but `{ok: true}` is thrown as an error. */
async function ask(event, ...args) {
  const answer = await socket.timeout(ANSWER_MS).emitWithAck(event, ...args).catch(() => null);
  if (!answer) throw new Error("the node does not answer");
  if (!answer.ok) throw new Error(answer.error);
  return answer;
}

// ---- what a room shows

function line(name, element) {
  const room = rooms.get(name);
  if (!room) return;
  room.lines.push(element);
  if (room.lines.length > KEPT_LINES) room.lines.shift().remove();
  if (name !== open) return;
  const list = at("messages");
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.append(element);
  if (atEnd || element.classList.contains("mine")) list.scrollTop = list.scrollHeight;
}

const note = (name, text) => line(name, make("li", { className: "note", textContent: text }));

function said(name, { from, by, text, mine = false }) {
  const now = new Date();
  const time = make("time", {
    dateTime: now.toISOString(),
    textContent: now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  });
  const author = make("b", { textContent: by });
  const element = make(
    "li",
    { className: mine ? "said mine waiting" : "said" },
    make("div", { className: "by" }, author, time),
    make("p", { textContent: text }),
  );
  line(name, tint(element, from));
  return element;
}

function drawRooms() {
  at("rooms").replaceChildren(...[...rooms].map(([name, room]) => {
    const unread = make("span", { className: "unread", textContent: room.unread || "" });
    if (room.unread) unread.setAttribute("aria-label", `${room.unread} unread`);
    const go = make("button", { type: "button", className: "go", onclick: () => show(name) },
      make("span", { textContent: name }), unread);
    if (name === open) go.setAttribute("aria-current", "true");
    const leave = make("button", { type: "button", className: "leave", textContent: "×", onclick: () => quit(name) });
    leave.setAttribute("aria-label", `Leave ${name}`);
    return make("li", { className: name === open ? "open" : "" }, go, leave);
  }));
  const unread = [...rooms.values()].reduce((sum, room) => sum + room.unread, 0);
  document.title = `${unread ? `(${unread}) ` : ""}${open ? `#${open} · ` : ""}Natter`;
}

function drawPeople() {
  const room = rooms.get(open);
  if (!room) return;
  at("count").textContent = Math.max(room.count, room.people.size);
  const sorted = [...room.people].sort(([, a], [, b]) => a.localeCompare(b));
  at("people").replaceChildren(...sorted.map(([id, name]) => {
    const person = tint(make("li", {}, make("span", { textContent: name })), id);
    if (id === socket.id) person.append(make("small", { textContent: "you" }));
    return person;
  }));
}

function show(name) {
  open = name;
  const room = rooms.get(name);
  at("welcome").hidden = Boolean(room);
  at("chat").hidden = at("presence").hidden = !room;
  if (room) {
    room.unread = 0;
    at("title").textContent = name;
    at("messages").replaceChildren(...room.lines);
    at("messages").scrollTop = at("messages").scrollHeight;
    drawPeople();
    at("message").focus();
  }
  drawRooms();
}

// ---- what the visitor does

async function rename() {
  const name = at("name").value.trim();
  if (!name || !socket?.connected) return;
  sessionStorage.setItem("name", name);
  const { id, name: taken } = await ask("name", name);
  for (const [room, { people }] of rooms) {
    if (people.has(id)) people.set(id, taken);
    if (room === open) drawPeople();
  }
}

/** Joins, then asks who is there. Who leaves while the list is on its way is kept out of it. */
async function enter(name) {
  await ask("join", name);
  const room = rooms.get(name) ?? { people: new Map(), count: 0, lines: [], unread: 0, gone: null };
  rooms.set(name, room);
  room.gone = new Set();
  const { people, count } = await ask("watch", name);
  room.people = new Map(people.filter(({ id }) => !room.gone.has(id)).map(({ id, name }) => [id, name]));
  room.count = count;
  room.gone = null;
  remember();
}

async function quit(name) {
  rooms.delete(name);
  remember();
  if (open === name) show(rooms.keys().next().value ?? null);
  else drawRooms();
  await ask("leave", name).catch((error) => complain(error.message));
}

/** A reload of this tab finds its rooms again; another tab begins anew. */
function remember() {
  sessionStorage.setItem("rooms", JSON.stringify([...rooms.keys()]));
}

async function send(text) {
  const name = open;
  const by = at("name").value.trim();
  const element = said(name, { from: socket.id, by, text, mine: true });
  try {
    await ask("publish", name, "message", { room: name, from: socket.id, by, text });
  } catch (error) {
    element.append(make("span", { className: "lost", textContent: `Not sent: ${error.message}` }));
  }
  element.classList.remove("waiting");
}

function onSubmit(id, action) {
  at(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    complain("");
    await action().catch((error) => complain(error.message));
  });
}

onSubmit("entry", async () => {
  const name = at("room").value.trim();
  await rename();
  await enter(name);
  show(name);
});
onSubmit("composer", async () => {
  const text = at("message").value.trim();
  if (!text || !open || !socket.connected) return;
  at("message").value = "";
  await send(text);
});
at("name").addEventListener("change", () => rename().catch((error) => complain(error.message)));

// ---- what the node sends

function listen() {
  socket.on("message", (data) => {
    const room = rooms.get(data?.room);
    if (!room || typeof data.text !== "string") return;
    const by = room.people.get(data.from) ?? String(data.by ?? "someone").slice(0, 64);
    said(data.room, { from: data.from, by, text: data.text.slice(0, 2000) });
    if (data.room !== open || document.hidden) {
      room.unread += 1;
      drawRooms();
    }
  });
  socket.on("joined", (name, { id, name: who }) => changed(name, (room) => {
    room.gone?.delete(id);
    if (room.people.has(id)) return;
    room.people.set(id, who);
    room.count += 1;
    note(name, `${who} joined`);
  }));
  socket.on("left", (name, { id, name: who }) => changed(name, (room) => {
    room.gone?.add(id);
    if (!room.people.delete(id)) return;
    room.count -= 1;
    note(name, `${who} left`);
  }));
  socket.on("renamed", (name, { id, name: who }) => changed(name, (room) => {
    const before = room.people.get(id);
    room.people.set(id, who);
    if (before && before !== who) note(name, `${before} is now ${who}`);
  }));
}

function changed(name, change) {
  const room = rooms.get(name);
  if (!room) return;
  change(room);
  if (name === open) drawPeople();
}

document.addEventListener("visibilitychange", () => {
  const room = rooms.get(open);
  if (document.hidden || !room?.unread) return;
  room.unread = 0;
  drawRooms();
});

// ---- the connection

async function connected() {
  const engine = socket.io.engine;
  const transport = () => { shown("transport").textContent = engine.transport.name; };
  transport();
  engine.on("upgrade", transport);
  state("connected");
  complain("");
  const { node, name } = await ask("whoami");
  shown("node").textContent = node;
  // Not while somebody is typing there.
  if (!at("name").value.trim() && document.activeElement !== at("name")) at("name").value = name;
  // After a break the node knows nothing of this socket's rooms; after a reload the tab does.
  const again = rooms.size ? [...rooms.keys()] : JSON.parse(sessionStorage.getItem("rooms") ?? "[]");
  for (const name of again) {
    const back = rooms.has(name);
    await enter(name);
    if (back) note(name, `connected again, to node ${node}`);
  }
  show(open && rooms.has(open) ? open : rooms.keys().next().value ?? null);
}

function broken(reason) {
  state("reconnecting", "reconnecting…");
  shown("transport").textContent = "…";
  for (const name of rooms.keys()) note(name, "connection lost, trying again");
  // The one case in which the client does not try again by itself.
  if (reason === "io server disconnect") setTimeout(() => socket.connect(), 1000);
}

async function client() {
  try {
    return await import(`${path}/socket.io.esm.min.js`);
  } catch {
    return await import(CDN);
  }
}

async function start() {
  at("name").value = sessionStorage.getItem("name") ?? "";
  state("connecting", "connecting…");
  const { io } = await client();
  socket = io({ path, auth: (give) => give({ name: at("name").value.trim() || undefined }) });
  listen();
  socket.on("connect", () => connected().catch((error) => complain(error.message)));
  socket.on("disconnect", broken);
  socket.on("connect_error", (error) => {
    state("reconnecting", "reconnecting…");
    if (!socket.active) complain(error.message);
  });
}

start().catch(() => {
  state("failed", "no client");
  complain("The Socket.IO client could not be loaded, neither from this node nor from the CDN. "
    + "Start the node with a client_bundle (npm install socket.io-client), then reload.");
});
