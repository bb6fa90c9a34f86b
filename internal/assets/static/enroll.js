// The page of an invite: who invites whom to what, a passkey, a try.

import { call, insist, Problem } from "./api.js";
import { alerts, buttons, ends, labels } from "./enroll-strings.js";
import { fill } from "./fill.js";
import { $, put, say, show, wire, wireForm } from "./panes.js";
import { create, get, hasLock, supported } from "./passkey.js";

let token = ""; // of the invite
let invite = null; // the answer to redeeming it
let made = null; // a passkey that the server has not confirmed yet
let again = begin; // what "Try again" does

// begin takes the token out of the address bar. It stays with this entry of
// the history, so that a reload can go on.
function begin() {
  const { hash } = location;
  if (hash) history.replaceState({ token: hash.slice(1) }, "", location.pathname);
  token = history.state?.token ?? "";
  invite = made = null;
  if (!/^[A-Za-z0-9_-]{22}$/.test(token)) return end("incomplete");
  if (!supported()) return end("passkey_unsupported");
  go("start");
  hasLock().then((has) => put("start-problem", has ? "" : labels.noLock));
}

function go(step) {
  show(step, labels.titles[step]);
}

async function redeem() {
  await attempt("start", async () => {
    invite = await insist("/v1/enroll/redeem", { body: { token } });
    $("who-name").textContent = invite.user.display;
    put("who-by", invite.invited_by);
    $("who-by").parentElement.hidden = !invite.invited_by;
    go("who");
  });
}

async function make() {
  await attempt("make", async () => {
    const name = $("name").value.trim() || deviceName();
    // A lost answer: the same passkey is sent again.
    made ??= await create(await call("/v1/enroll/options", { body: { type: "webauthn" } }));
    say(labels.saving);
    const device = await insist("/v1/enroll/finish", { body: { type: "webauthn", attestation: made, name } });
    history.replaceState(null, "", location.pathname);
    const until = device.state === "probation" && device.probation_until;
    put("probation", until && fill(labels.probation, { time: new Date(until * 1000).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }) }));
    go("done");
  });
}

// test signs in once, to these pages only.
async function test() {
  put("test-result", "");
  try {
    const assertion = await get(await call("/v1/me/stepup/options", { body: {} }));
    await insist("/v1/me/stepup", { body: { assertion } });
    $("test").hidden = true;
    put("test-result", labels.testOK);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    put("test-result", fill(labels.testFailed, { why: words(problem) }));
  }
}

// attempt tells what goes wrong in a step beside its button, where it can be
// tried again, else in place of the step.
async function attempt(step, run) {
  put(step + "-problem", "");
  again = () => (go(step), attempt(step, run));
  try {
    await run();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (!["unreachable", "busy", "slow_down"].includes(problem.code)) made = null;
    if (alerts[problem.code]) put(step + "-problem", words(problem));
    else end(problem.code, problem.detail);
  }
}

function words({ code, detail, wait }) {
  return fill(alerts[code] ?? (detail || alerts.other), { by: by(), n: String(Math.ceil((wait || 5000) / 1000)) });
}

function end(why, detail) {
  const text = ends[why] ?? { ...ends.other, ...(detail && { words: detail }) };
  $("end-title").textContent = text.heading;
  $("end-words").textContent = fill(text.words, { by: by(), name: invite?.user.display });
  $("end").querySelector("use").setAttribute("href", "#icon-" + text.icon);
  put("end-first", buttons[text.first]);
  $("end-first").dataset.act = text.first ?? "";
  show("end", text.heading);
}

const by = () => invite?.invited_by || labels.inviter;

// deviceName is what people call this kind of device.
function deviceName() {
  const agent = navigator.userAgent;
  if (/iPhone|iPod/.test(agent)) return labels.iphone;
  if (/iPad/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1)) return labels.ipad;
  if (/Android/.test(agent)) return /Mobile/.test(agent) ? labels.android : labels.androidTablet;
  if (/Macintosh/.test(agent)) return labels.mac;
  if (/Windows/.test(agent)) return labels.windows;
  return labels.otherDevice;
}

const endActs = { restart: () => (go("start"), redeem()), retry: () => again() };
wire("start-go", redeem);
wire("who-yes", () => go("make"));
wire("who-no", () => end("not_me"));
wireForm("make-form", make);
wire("end-first", (button) => endActs[button.dataset.act]());
if ($("test")) wire("test", test);
$("name").value = deviceName();
addEventListener("hashchange", () => location.hash && begin());
begin();
