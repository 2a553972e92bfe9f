"use strict";
// The wallboard: boards come as server-sent events; every text goes in as text, never as markup.

const SIGNS = { good: "●", watch: "▲", alert: "■", unknown: "○" };
const AGENT_SIGNS = { talking: "▶", "wrap-up": "✎", idle: "●", "not ready": "■", rest: "◆", study: "▲", adjusting: "▼", unknown: "?" };
const CALLED = { skill_states: "calls waiting", skill_call_stats: "calls", agent_states: "agents", task_stats: "tasks", system_indicators: "VDNs" };
const COLUMNS = [["", "sign"], ["Queue", "name"], ["Waiting", "waiting"], ["Longest", "longest"], ["In 20 s", "level"], ["Trend", "last-hour"], ["Offered", "offered"], ["Connected", "connected"], ["Lost", "lost"]];
const TURN_SECONDS = 12, SILENT_SECONDS = 20, AGAIN_SECONDS = 3;
// One scale for all queues, so that lines can be compared; what is worse is drawn at the bottom.
const WORST = .4;
const at = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

// What the page knows: the newest board, and how the connection to its server is doing.
let board = null, received = 0, heard = 0, stream = null, retry = 0, pageDigest = null, page = 0, refusal = "";

// Small builders

function make(tag, classes, text) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}
function svg(tag, values) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(values)) made.setAttribute(name, value);
  return made;
}
function named(text) {
  const made = make("bdi", "", text);
  made.dir = "auto";
  return made;
}

// Numbers for people; "–" where there is none

const number = (value) => value === null || value === undefined ? "–" : value.toLocaleString("en");
const percent = (figure) => !figure || figure.value === null ? "–" : `${Math.floor(figure.value * 100 + 1e-9)} %`;
const pad = (value) => String(value).padStart(2, "0");
function seconds(value) {
  if (value === null || value === undefined) return "–";
  const whole = Math.max(Math.floor(value), 0);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${pad(whole % 60)}` : `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}
function hour(iso) {
  const when = new Date(iso);
  return `${pad(when.getHours())}:${pad(when.getMinutes())}`;
}
const elapsed = () => board === null ? 0 : Math.max((Date.now() - received) / 1000, 0);

// The connection: it comes back by itself, whatever happened to the server

function connect() {
  if (stream) stream.close();
  clearTimeout(retry);
  stream = new EventSource("v1/board");
  const mine = stream;
  mine.addEventListener("hello", (event) => {
    const told = JSON.parse(event.data);
    // A newer server has a newer page: a screen on the wall has nobody to reload it.
    if (pageDigest !== null && pageDigest !== told.page) location.reload();
    pageDigest = told.page;
  });
  mine.addEventListener("board", (event) => {
    board = JSON.parse(event.data);
    received = heard = Date.now();
    refusal = "";
    show();
  });
  mine.onerror = () => {
    if (mine !== stream) return;
    mine.close();
    retry = setTimeout(connect, AGAIN_SECONDS * 1000);
    ask();
    showState();
  };
  heard = Date.now();
}
async function ask() {
  // An EventSource does not say why: a refusal is worth telling.
  try {
    const answer = await fetch("v1/sources.json");
    refusal = answer.status === 401 ? "a token is needed: open /?token=…" : "";
  } catch { refusal = ""; }
}
setInterval(() => {
  if ((Date.now() - heard) / 1000 > SILENT_SECONDS) connect();
  showState();
}, 1000);
setInterval(() => { page += 1; if (board) showQueues(); }, TURN_SECONDS * 1000);
addEventListener("resize", () => board && show());

// The state of the data, always in sight

function showState() {
  const past = elapsed();
  // Before the first board a connection may just be on its way; one that was refused is not.
  const lost = board === null ? stream.readyState === 2 : stream.readyState !== 1 && past > 1 || past > SILENT_SECONDS;
  const sources = board ? board.sources : [];
  const ages = sources.map((one) => one.age_seconds === null ? null : one.age_seconds + past);
  const old = sources.filter((one, place) => ages[place] === null || ages[place] > one.stale_after);
  const state = lost ? "lost" : board === null || board.standing_by ? "waiting" : old.some((one) => one.age_seconds !== null || one.error) ? "stale" : old.length ? "waiting" : "live";
  document.body.dataset.state = state;
  const first = ages.length ? ages[0] : null;
  at("age").firstElementChild.textContent = { live: "●", stale: "▲", waiting: "○", lost: "■" }[state];
  at("age").lastElementChild.textContent = state === "lost" ? (board ? `no server for ${seconds(past)}` : "no server") : board && board.standing_by ? "stands by" : first === null ? "no data yet" : `data ${seconds(first)} old`;
  at("clock").textContent = board ? clock(new Date(Date.parse(board.at) + past * 1000)) : "";
  const banner = at("banner").firstElementChild;
  if (state === "lost") {
    banner.textContent = `■ ${refusal || "No connection to the wallboard's server, trying again."}${board ? ` These figures are of ${clock(new Date(board.at))}.` : ""}`;
  } else if (state === "stale") {
    const told = old.find((one) => one.error) || old[0];
    const age = told.age_seconds === null ? "not here yet" : `${seconds(told.age_seconds + past)} old`;
    banner.textContent = `▲ ${called(told)}: ${age}. ${told.error || "No answer."}`;
  } else if (board && board.reasons.length && (state === "live" || board.standing_by)) {
    banner.textContent = `${board.standing_by ? "○" : "▲"} ${board.reasons[0]}`;
  } else {
    banner.textContent = "";
  }
  at("banner").hidden = banner.textContent === "";
  at("sources").replaceChildren(...sources.map((one, place) => {
    const isOld = old.includes(one);
    const text = `${isOld ? "▲ " : ""}${called(one)} ${ages[place] === null ? "not here yet" : seconds(ages[place])}`;
    return make("span", isOld ? "old" : "", text);
  }));
  const isOld = (name) => old.some((one) => one.interface === name);
  for (const [id, name] of [["level", "skill_call_stats"], ["wait", "skill_states"], ["waiting", "skill_states"], ["idle", "agent_states"]])
    at(id).classList.toggle("old", isOld(name));
  at("agents").classList.toggle("old", isOld("agent_states"));
  const waits = isOld("skill_states");
  for (const line of at("lines").children) line.classList.toggle("old", waits || line.dataset.stale === "true");
}
const clock = (when) => `${pad(when.getHours())}:${pad(when.getMinutes())}:${pad(when.getSeconds())}`;
const called = (source) => CALLED[source.interface] + (source.vdn !== null && board.sources.filter((one) => one.interface === source.interface).length > 1 ? ` ${source.vdn}` : "");

// The board

function show() {
  document.body.dataset.number = board.number;
  showTiles();
  showAlerts();
  showAgents();
  showTasks();
  showState();
  showQueues();
  const ringing = board.alerts.length;
  document.title = ringing ? `■ ${ringing} ${ringing === 1 ? "alert" : "alerts"} – Wallboard` : "Wallboard";
}

function tile(id, status, big, small, label) {
  const box = at(id);
  box.className = `tile ${status || ""}`;
  if (label) box.children[0].textContent = label;
  const sign = status ? make("span", "sign", SIGNS[status]) : "";
  box.children[1].replaceChildren(sign, big);
  box.children[2].replaceChildren(small);
}
function showTiles() {
  const vdns = [...new Set(board.queues.map((one) => one.vdn))];
  const names = board.vdns.map((one) => one.name);
  at("place").textContent = names.length ? names.join(", ") : vdns.length ? `Contact center ${vdns.map((one) => `VDN ${one}`).join(", ")}` : "Contact center";
  const overall = board.overall, target = board.target;
  const level = overall ? overall.service_level : null;
  const judged = !level || level.value === null || target === null ? "" : level.value < target ? "watch" : "good";
  tile("level", judged, percent(level), overall ? `${hour(overall.begin)}–${hour(overall.end)}, ${number(overall.offered)} calls` : "after the first 5 minutes", "Service level 20 s");
  const calling = board.queues.filter((one) => one.waiting.value > 0);
  const longest = calling.reduce((found, one) => (one.longest_wait.value ?? -1) > (found?.longest_wait.value ?? -1) ? one : found, null);
  tile("wait", "", longest ? seconds(longest.longest_wait.value) : calling.length ? "–" : "0 s", longest ? named(longest.name) : "nobody waits");
  tile("waiting", "", String(calling.length), `of ${board.queues.length} queues`);
  const agents = board.agents, by = agents.by_state;
  const there = agents.signed_in.value;
  const busy = agents.occupancy.value;
  tile("idle", there > 0 && !by.idle ? "watch" : "", there === null ? "–" : number(by.idle || 0), there === null ? "no answer yet" : `of ${number(there)}${busy === null ? "" : `, ${Math.round(busy * 100)} % busy`}`);
  tile("ringing", board.alerts.length ? "alert" : "good", number(board.alerts.length), board.alerts.length ? `stand${board.alerts.length === 1 ? "s" : ""} now` : "all within the rules");
}

function showAlerts() {
  const most = innerHeight < 500 || innerWidth <= 800 ? 6 : 2;
  const found = [...board.alerts].reverse();
  const lines = found.slice(0, most).map((one) => {
    const line = make("p");
    const text = named(one.text);
    line.append(make("span", "sign", SIGNS.alert), text);
    return line;
  });
  if (found.length > most) lines.push(make("p", "soft", `and ${found.length - most} more`));
  at("alerts").replaceChildren(...lines);
}

function showAgents() {
  const found = Object.entries(board.agents.by_state).map(([state, count]) => {
    const box = make("div", state.replace(" ", "-"));
    box.append(make("b", "", `${AGENT_SIGNS[state]} ${number(count)}`), make("span", "", state));
    box.style.flexGrow = count;
    return box;
  });
  if (!found.length) found.push(make("div", "none", board.agents.signed_in.value === 0 ? "nobody is signed in" : "agents: no answer yet"));
  at("agents").firstElementChild.replaceChildren(...found);
}

function showTasks() {
  const vdns = board.vdns.slice(0, 4).map((one) => {
    const box = make("div", "task");
    const title = make("b");
    title.append(named(one.name));
    box.append(title, make("span", "soft", `since ${hour(one.begin)}: ${number(one.inbound)} came in, ${percent(one.connection_rate)} or more connected`));
    return box;
  });
  at("tasks").replaceChildren(...vdns, ...board.tasks.slice(0, 4).map((one) => {
    const box = make("div", `task ${one.status} ${one.stale ? "old" : ""}`);
    const title = make("div");
    title.append(make("span", "sign", `${SIGNS[one.status]} `), make("b", "", `Task ${one.task_id}`));
    box.append(title, make("span", "soft", `${percent(one.connect_rate)} connected, ${number(one.waiting)} to call`));
    return box;
  }));
}

// Queues: one column while they fit, two when they are many, and pages when they are more

function showQueues() {
  const all = board.queues, list = at("lines"), phone = innerWidth <= 800;
  const nothing = at("nothing");
  nothing.hidden = all.length > 0;
  nothing.textContent = board.sources.some((one) => one.age_seconds !== null) ? "No queues here." : board.standing_by ? "This server stands by." : "Waiting for the first answer…";
  at("queues").classList.remove("dense");
  const least = innerHeight * .056, gap = innerHeight * .005;
  head(all, phone);
  const room = list.clientHeight || innerHeight * .5;
  const fit = Math.max(Math.floor((room + gap) / (least + gap)), 1);
  const wide = innerWidth >= 1100;
  const columns = !phone && wide && all.length > Math.floor((room + gap) / (least + gap)) ? 2 : 1;
  const pages = phone ? 1 : Math.max(Math.ceil(all.length / (fit * columns)), 1);
  const per = Math.ceil(all.length / pages), rows = Math.max(Math.ceil(per / columns), 1);
  // Over several pages, those with an alert come first: nobody should have to wait for the page that burns.
  const sorted = pages > 1 ? [...all.filter((one) => one.status === "alert"), ...all.filter((one) => one.status !== "alert")] : all;
  page %= pages;
  const shown = sorted.slice(page * per, page * per + per);
  at("queues").classList.toggle("dense", columns === 2);
  if (columns === 2) head(all, phone, 2);
  at("pages").textContent = pages > 1 ? `page ${page + 1} of ${pages}` : "";
  const row = Math.min((room + gap) / rows - gap, innerHeight * .14);
  document.documentElement.style.setProperty("--row", `${row}px`);
  document.documentElement.style.setProperty("--cell", `${Math.min(row * .5, innerWidth / (columns === 2 ? 62 : 46))}px`);
  list.style.gridTemplateRows = phone ? "" : `repeat(${rows}, var(--row))`;
  list.style.gridAutoColumns = phone ? "" : `minmax(0, 1fr)`;
  list.replaceChildren(...shown.map(line));
  showState();
}
function head(all, phone, columns = 1) {
  const box = at("queues").firstElementChild;
  box.hidden = phone || !all.length;
  const one = () => {
    const half = make("div", "line");
    half.append(...COLUMNS.map(([text, name]) => make("span", name === "name" ? "name" : `n ${name}`, text)));
    return half;
  };
  box.replaceChildren(...Array.from({ length: columns }, one));
}

function line(queue) {
  const made = make("li", `line ${queue.status} ${queue.stale ? "old" : ""}`);
  made.dataset.key = queue.key;
  made.dataset.stale = queue.stale;
  const main = queue.rolling || queue.last || queue.current;
  const soFar = main !== null && main === queue.current;
  const last = queue.rolling ? queue.last : null;
  // An alert may be about something else: the service level has a colour only where it is the trouble.
  const poor = (queue.status === "watch" || queue.status === "alert") && main !== null && queue.target !== null && main.service_level.value !== null && main.service_level.value < queue.target;
  const few = soFar ? "so far" : last ? undefined : " ";
  const name = make("div", "name");
  name.append(named(queue.name));
  // Queues of two VDNs may have one name.
  if (board.queues.some((one) => one.vdn !== queue.vdn)) name.append(make("span", "soft", ` ${queue.vdn}`));
  made.append(
    make("span", "sign", SIGNS[queue.status]),
    name,
    cell("Waiting", "waiting", number(queue.waiting.value), "", queue.waiting.value > 0 ? "calling" : "none"),
    cell("Longest", "longest", seconds(queue.longest_wait.value), "", queue.longest_wait.value > 0 ? "" : "none"),
    cell("In 20 s", "level", main ? percent(main.service_level) : "–", few ?? `5 min: ${percent(last.service_level)}`, poor ? "judged" : ""),
    trend(queue),
    ...["offered", "connected", "lost"].map((field) => cell(field[0].toUpperCase() + field.slice(1), field, main ? number(main[field]) : "–", few ?? `5 min: ${number(last[field])}`, main && main[field] ? "" : "none")),
  );
  return made;
}
function cell(label, name, big, small, classes) {
  const made = make("div", `n ${name} ${classes}`);
  made.dataset.label = label;
  made.append(make("b", "", big));
  if (small) made.append(make("small", "", small));
  return made;
}

function trend(queue) {
  const made = svg("svg", { class: "trend", viewBox: "0 0 110 40", preserveAspectRatio: "none", role: "img", "aria-label": "service level of the last hour" });
  const heightOf = (value) => 37 - (Math.min(Math.max(value, WORST), 1) - WORST) / (1 - WORST) * 34;
  const points = queue.trend.map((value, place) => value === null ? null : [place * 10, heightOf(value)]);
  if (queue.target !== null && points.some(Boolean)) {
    const height = heightOf(queue.target);
    made.append(svg("line", { x1: 0, x2: 110, y1: height, y2: height }));
  }
  let path = "", before = null;
  points.forEach((point, place) => {
    if (point) path += `${before ? "L" : "M"}${point[0]} ${point[1].toFixed(1)}`;
    // A point alone has no line to be seen by.
    if (point && !before && !points[place + 1]) path += "h.1";
    before = point;
  });
  if (path) made.append(svg("path", { d: path }));
  return made;
}

connect();
