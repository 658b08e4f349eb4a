// The chat page: the official Socket.IO client and the node's room protocol, nothing else.
// Whatever other people wrote reaches the page through `textContent` only.

const path = document.documentElement.dataset.path;
const at = (id) => document.getElementById(id);
const shown = (name) => document.querySelector(`[data-testid="${name}"]`);
const CDN = "https://cdn.jsdelivr.net/npm/socket.io-client@4.8.4/dist/socket.io.esm.min.js";
const KEPT_LINES = 500;
// Longer than a node waits for the others.
const ANSWER_MS = 12000;
// Pages of many visitors do not look at their rooms all in the same moment.
const LOOK_WITHIN_MS = 1000;
const LOOK_FOR_MISSING_MS = 5000;

/**
 * Rooms by name: { people: Map(id -> {name, node}), count, listed: whether people are all of them, missing: [node],
 * lines: [element], unread, heard: [change] while a list is on its way, again: whether to look once more after it }.
 */
const rooms = new Map();
let open = null;
let socket;
/** The node that serves this page now. */
let here = null;

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

/** The name of a node, where it is not the one that serves this page. */
const elsewhere = (node) => (node && node !== here ? make("small", { className: "node", textContent: node, title: `on node ${node}` }) : "");

function said(name, { from, by, text, node, mine = false }) {
  const now = new Date();
  const time = make("time", {
    dateTime: now.toISOString(),
    textContent: now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  });
  const author = make("b", { textContent: by });
  const element = make(
    "li",
    { className: mine ? "said mine waiting" : "said" },
    make("div", { className: "by" }, author, elsewhere(node), time),
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
  at("count").textContent = room.listed ? room.people.size : room.count;
  const sorted = [...room.people].sort(([, a], [, b]) => a.name.localeCompare(b.name));
  at("people").replaceChildren(...sorted.map(([id, { name, node }]) => {
    const person = tint(make("li", {}, make("span", { textContent: name })), id);
    person.append(id === socket.id ? make("small", { textContent: "you" }) : elsewhere(node));
    return person;
  }));
  at("missing").textContent = room.missing.length ? `Not heard from: ${room.missing.join(", ")}` : "";
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
  const { id, name: taken, node } = await ask("name", name);
  for (const room of rooms.keys()) changed(room, (people) => people.has(id) && people.set(id, { name: taken, node }));
}

async function enter(name) {
  await ask("join", name);
  if (!rooms.has(name)) {
    rooms.set(name, { people: new Map(), count: 0, listed: true, missing: [], lines: [], unread: 0, heard: null, again: false });
  }
  // What an earlier connection was asked is not answered any more.
  rooms.get(name).heard = null;
  await look(name, "watch");
  remember();
}

/**
 * Asks who is in a room. The nodes answer one by one, and what they tell of people meanwhile may be newer than the list,
 * or older: done once more on the list, it is right in both cases.
 */
async function look(name, event = "who") {
  const room = rooms.get(name);
  if (!room) return;
  if (room.heard) {
    room.again = true;
    return;
  }
  const heard = room.heard = [];
  room.again = false;
  const answer = await ask(event, name).finally(() => { if (room.heard === heard) room.heard = null; });
  room.people = new Map(answer.people.map(({ id, name, node }) => [id, { name, node }]));
  room.count = answer.count;
  room.listed = answer.people.length === answer.count;
  room.missing = answer.missing ?? [];
  for (const change of heard) change(room.people);
  if (name === open) drawPeople();
  if (room.again) lookSoon(name, LOOK_WITHIN_MS);
  else if (room.missing.length) lookSoon(name, LOOK_FOR_MISSING_MS);
}

/** Looks at a room after a while; what does not work out then is tried again. */
function lookSoon(name, within) {
  const room = rooms.get(name);
  if (!room || room.soon) return;
  room.soon = setTimeout(() => {
    room.soon = null;
    if (rooms.get(name) !== room || !socket.connected) return;
    look(name).catch(() => lookSoon(name, LOOK_FOR_MISSING_MS));
  }, within * (0.5 + Math.random() / 2));
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
    const { name, node } = room.people.get(data.from) ?? {};
    const by = name ?? String(data.by ?? "someone").slice(0, 64);
    said(data.room, { from: data.from, by, node, text: data.text.slice(0, 2000) });
    if (data.room !== open || document.hidden) {
      room.unread += 1;
      drawRooms();
    }
  });
  socket.on("joined", (name, { id, name: who, node }) => {
    const room = rooms.get(name);
    if (room && !room.people.has(id)) note(name, `${who} joined`);
    if (room) room.count += 1;
    changed(name, (people) => people.set(id, { name: who, node }));
  });
  socket.on("left", (name, { id, name: who }) => {
    const room = rooms.get(name);
    if (room?.people.has(id)) note(name, `${who} left`);
    if (room) room.count -= 1;
    changed(name, (people) => people.delete(id));
  });
  socket.on("renamed", (name, { id, name: who, node }) => {
    const before = rooms.get(name)?.people.get(id)?.name;
    if (before && before !== who) note(name, `${before} is now ${who}`);
    changed(name, (people) => people.set(id, { name: who, node }));
  });
  // A node that is gone tells of nobody any more.
  socket.on("node-left", (gone) => {
    for (const [name, room] of rooms) {
      const names = [...room.people.values()].filter(({ node }) => node === gone).map(({ name }) => name);
      if (names.length) note(name, `node ${gone} is gone, and with it ${names.length > 5 ? `${names.length} people` : names.join(", ")}`);
      changed(name, (people) => { for (const [id, { node }] of people) if (node === gone) people.delete(id); });
      if (room.heard || !room.listed) lookSoon(name, LOOK_WITHIN_MS);
    }
  });
  // People may have come and gone without being heard.
  socket.on("look-again", () => { for (const name of rooms.keys()) lookSoon(name, LOOK_WITHIN_MS); });
}

/** Changes the people of a room, and those of the list that is on its way. */
function changed(name, change) {
  const room = rooms.get(name);
  if (!room) return;
  change(room.people);
  room.heard?.push(change);
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
  here = node;
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
