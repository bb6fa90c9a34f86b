// A person's own page: devices, recovery codes, sign-ins, signed-in browsers.

import { call, insist, Problem } from "./api.js";
import { appPasswords } from "./app-passwords.js";
import { showCodes } from "./codes.js";
import { t } from "./i18n.js";
import { offerInstall } from "./install.js";
import { $, put, say, show, wire, wireForm, wrong } from "./panes.js";
import { disown, get, keepOnly, supported } from "./passkey.js";
import { problemWords } from "./problems.js";
import { draw } from "./qr.js";
import { addChallengeOf } from "./signed-text.js";

const me = "/v1/me";
const lang = document.documentElement.lang;
const when = (seconds) => new Date(seconds * 1000).toLocaleString(lang, { dateStyle: "medium", timeStyle: "short" });
const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(lang, { dateStyle: "medium" });

let devices = [];
let cursor = "";
let asked = null; // what the form of the pane "ask" does
let adding = null; // {id, expires_at, timer}

// ---- Signing in, and proving again who it is ----

async function stepUp() {
  const options = await call(me + "/stepup/options", { body: {} });
  const assertion = await get(options);
  try {
    await insist(me + "/stepup", { body: { assertion } });
  } catch (problem) {
    if (problem.code === "credential_unknown") disown(options.rpId, assertion.id);
    throw problem;
  }
}

// guarded repeats an act after a user check where the server asks for one.
async function guarded(act) {
  try {
    return await act();
  } catch (problem) {
    if (problem.code !== "stepup_required") throw problem;
    await stepUp();
    return act();
  }
}

// attempt tells what goes wrong beside what was pressed.
async function attempt(place, act) {
  put(place + "-problem", "");
  try {
    await act();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    put(place + "-problem", words(problem));
  }
}

const words = (problem) => problemWords("me", problem);

async function begin() {
  try {
    await home();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.code !== "stepup_required") put("signin-problem", words(problem));
    show("signin", t("me.title"));
    if (!supported()) put("signin-problem", words({ code: "passkey_unsupported" }));
  }
}

// ---- The page ----

async function home() {
  const [profile, list, sessions, consents] = await Promise.all([
    call(me), call(me + "/devices"), call(me + "/sessions"), call(me + "/consents"), passwords(),
  ]);
  devices = list.items;
  if (list.accepted) keepOnly(list.accepted); // what was removed elsewhere is told at the next visit
  $("whose").textContent = profile.user.display;
  put("codes-left", profile.codes_left ? t("me.codes_left", { n: profile.codes_left }) : t("me.codes_none"));
  fill("notices", profile.notices.map(noticeOf));
  fill("devices", devices.map(deviceRow));
  fill("sessions", sessions.items.map(sessionRow));
  fill("consents", consents.items.map(consentRow));
  $("consents-part").hidden = consents.items.length === 0;
  cursor = "";
  $("activity").replaceChildren();
  await moreActivity();
  put("home-problem", "");
  show("home", t("me.title"));
}

function fill(id, rows) {
  $(id).replaceChildren(...rows);
  $(id).hidden = rows.length === 0;
}

function noticeOf({ code, name, at }) {
  const item = document.createElement("li");
  item.className = "alert";
  item.textContent = t("me.notices." + code, { name, time: at && day(at) });
  return item;
}

// row copies a template, puts texts in by name, and wires its buttons.
function row(template, texts, acts) {
  const item = $(template).content.firstElementChild.cloneNode(true);
  for (const place of item.querySelectorAll("[data-f]")) {
    const text = texts[place.dataset.f];
    place.textContent = text ?? "";
    place.hidden = !text;
  }
  for (const button of item.querySelectorAll("[data-act]")) {
    const act = acts[button.dataset.act];
    button.hidden = !act;
    button.setAttribute("aria-label", `${button.textContent}: ${texts.name ?? texts.app ?? texts.browser}`);
    button.addEventListener("click", () => act?.());
  }
  return item;
}

function deviceRow(d) {
  const notes = [];
  if (d.state === "pending") notes.push(t("me.pending"));
  if (d.probation_until) notes.push(t("me.probation", { time: when(d.probation_until) }));
  if (d.suspect) notes.push(t("me.suspect"));
  const bound = d.synced ? t("me.synced") : t("me.bound");
  const used = d.last_used_at
    ? t(d.last_used_place ? "me.used_at" : "me.used", { time: when(d.last_used_at), app: d.last_used_app, place: d.last_used_place })
    : t("me.never_used");
  return row("device-row", {
    name: d.name, this: d.this && t("me.this_device"), kind: d.kind && d.kind !== d.name ? `${d.kind}, ${bound}` : bound,
    added: t("me.added." + d.binding, { time: day(d.added_at) }), used, note: notes.join(" "),
  }, { rename: () => askRename(d), remove: () => askRemove(d) });
}

function screenOf({ browser, os }) {
  return t("me.screen", { browser: browser === "unknown" ? t("me.unknown_browser") : browser, os: os === "unknown" ? t("me.unknown_system") : os });
}

function signInRow(s) {
  const place = s.place === "unknown" || !s.place ? t("me.place_unknown", { ip: s.ip }) : t("me.place", { place: s.place, ip: s.ip });
  const notes = [s.reported && t("me.reported"), s.new_browser && t("me.new_browser")].filter(Boolean);
  return row("signin-row", {
    app: s.app, when: when(s.at), where: `${screenOf(s)}, ${place}`, device: t(s.continued ? "me.continued" : "me.with_device", { name: s.device }), note: notes.join(" "),
  }, { report: s.reported ? undefined : () => askReport(s) });
}

function sessionRow(s) {
  return row("session-row", { browser: screenOf(s), this: s.this && t("me.this_browser"), when: t("me.session_since", { time: when(s.created_at) }) },
    { end: s.this ? undefined : () => attempt("home", async () => {
      await call(`${me}/sessions/${s.id}`, { body: {}, method: "DELETE" });
      await home();
      say(t("me.session_ended"));
    }) });
}

function consentRow(c) {
  return row("consent-row", { app: c.app, names: c.names.join(", "), when: t("me.session_since", { time: when(c.at) }) },
    { withdraw: () => attempt("home", async () => {
      await call(`${me}/consents/${c.id}`, { body: {}, method: "DELETE" });
      await home();
      say(t("me.consent_withdrawn", { app: c.app }));
    }) });
}

async function moreActivity() {
  const page = await call(`${me}/activity?cursor=${encodeURIComponent(cursor)}`);
  $("activity").append(...page.items.map(signInRow));
  if (!$("activity").children.length) {
    const none = document.createElement("li");
    none.className = "small";
    none.textContent = t("me.no_activity");
    $("activity").append(none);
  }
  cursor = page.cursor;
  $("activity-more").hidden = !cursor;
}

// ---- Asking once before something is done ----

// ask shows a question. label asks for a text, which act gets.
function ask({ key, values = {}, label, value = "", act }) {
  put("ask-problem", "");
  wrong("ask-input", "");
  $("ask-words").textContent = t(`me.ask.${key}.words`, values);
  $("ask-title").textContent = t(`me.ask.${key}.title`, values);
  $("ask-yes").textContent = t(`me.ask.${key}.yes`, values);
  $("ask-field").hidden = !label;
  $("ask-label").textContent = label ?? "";
  $("ask-input").value = value;
  asked = act;
  show("ask", $("ask-title").textContent, label ? "ask-input" : "ask-title");
}

const typed = () => $("ask-input").value.trim();

function askRename(d) {
  ask({ key: "rename", values: { name: d.name }, label: t("me.new_name"), value: d.name, act: async () => {
    if (!typed()) return wrong("ask-input", t("me.name_needed"));
    await guarded(() => call(`${me}/devices/${encodeURIComponent(d.id)}`, { body: { name: typed() }, method: "PATCH" }));
    await home();
  } });
}

function askRemove(d) {
  const last = d.state !== "pending" && devices.filter((o) => o.id !== d.id && o.state !== "pending").length === 0;
  ask({ key: last ? "remove_last" : "remove", values: { name: d.name }, label: last ? t("me.type_name", { name: d.name }) : "", act: async () => {
    if (last && typed().toLowerCase() !== d.name.toLowerCase()) return wrong("ask-input", t("me.type_name", { name: d.name }));
    await guarded(() => call(`${me}/devices/${encodeURIComponent(d.id)}`, { body: { confirm: typed() }, method: "DELETE" }));
    disown(location.hostname, d.id);
    await begin();
    say(t("me.removed", { name: d.name }));
  } });
}

function askReport(s) {
  ask({ key: "report", values: { app: s.app, time: when(s.at) }, act: async () => {
    const { device_id: id, device } = await call(`${me}/activity/${s.id}/report`, { body: {} });
    const d = devices.find((o) => o.id === id);
    if (!d) return home();
    ask({ key: "report_remove", values: { name: device }, act: async () => askRemove(d) });
  } });
}

// ---- A new device, with the help of this one ----

async function add() {
  const answer = await guarded(() => call(me + "/devices/add", { body: {} }));
  adding = answer;
  draw($("add-qr").querySelector("svg"), answer);
  $("add-url").textContent = answer.url;
  put("add-problem", "");
  show("add", t("me.add_title"));
  watch();
}

async function watch() {
  const mine = adding;
  while (adding === mine && mine) {
    const left = Math.max(0, Math.ceil(mine.expires_at - Date.now() / 1000));
    $("add-clock").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    await new Promise((done) => setTimeout(done, 2000));
    if (adding !== mine || document.hidden) continue;
    try {
      const state = await call(`${me}/devices/add/${mine.id}`);
      if (state.status === "key_ready") return question({ ...state, id: mine.id });
    } catch (problem) {
      if (problem.passing) continue;
      put("add-problem", words(problem));
      return;
    }
  }
}

function question(state) {
  adding = state;
  $("vouch-name").textContent = state.name;
  $("vouch-kind").textContent = state.context.device;
  const { place, ip } = state.context;
  $("vouch-place").textContent = place === "unknown" ? t("me.place_unknown", { ip }) : t("me.place", { place, ip });
  put("vouch-problem", "");
  show("vouch", t("me.add_title"));
}

async function vouch() {
  const challenge = await addChallengeOf(adding);
  const assertion = await get({ challenge, rpId: adding.rpId, allowCredentials: [], userVerification: "required", timeout: 120000 });
  const device = await insist(`${me}/devices/add/${adding.id}/approve`, { body: { type: "webauthn", assertion } });
  adding = null;
  await home();
  say(t("me.device_added", { name: device.name }));
}

async function callOff() {
  const { id } = adding;
  adding = null;
  await call(`${me}/devices/add/${id}`, { body: {}, method: "DELETE" });
  await home();
}

// ---- Recovery codes ----

async function codes() {
  const answer = await guarded(() => call(me + "/recovery-codes", { body: {} }));
  showCodes(answer.codes, begin);
  show("codes", t("me.title"), "shown-title");
}

// ---- App passwords ----

const passwords = appPasswords({ row, ask, attempt, guarded, day, when, home });

wire("signin-go", () => attempt("signin", async () => {
  await stepUp();
  await home();
}));
wire("add-go", () => attempt("home", add));
wire("add-copy", async () => {
  try {
    await navigator.clipboard.writeText(adding.url);
    say(t("me.copied"));
  } catch {
    getSelection().selectAllChildren($("add-url"));
  }
});
wire("add-stop", () => attempt("add", callOff));
wire("vouch-yes", () => attempt("vouch", vouch));
wire("vouch-no", () => attempt("vouch", callOff));
wire("codes-go", () => attempt("home", codes));
wire("activity-more", () => attempt("home", moreActivity));
wireForm("ask-form", () => attempt("ask", () => asked()));
wire("ask-no", begin);
offerInstall();
begin();
