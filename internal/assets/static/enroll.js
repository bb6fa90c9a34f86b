// The page of an invite or a recovery code: who lets whom in, a passkey, a try,
// recovery codes.

import { call, insist, Problem } from "./api.js";
import { showCodes } from "./codes.js";
import { has, t } from "./i18n.js";
import { offerInstall } from "./install.js";
import { $, put, say, show, shown, wire, wireForm, wrong } from "./panes.js";
import { create, get, hasLock, supported } from "./passkey.js";
import { problemWords } from "./problems.js";

// What ends the setup, or stops it: icon and button by error code. The texts are
// messages, "enroll.ends.<code>".
const looks = {
  incomplete: { icon: "alert", first: "recover" },
  not_me: { icon: "shield" },
  done_already: { icon: "done", first: "mine" },
  all_set: { icon: "done", first: "mine" },
  other: { icon: "alert", first: "retry" },
  invite_used: { icon: "clock" },
  enroll_expired: { icon: "clock", first: "restart" },
  called_off: { icon: "stop" },
  not_vouched: { icon: "clock" },
  already_registered: { icon: "done" },
  attestation_refused: { icon: "stop" },
  user_inactive: { icon: "stop" },
  cookies_needed: { icon: "alert", first: "restart" },
};

const finish = "/v1/enroll/finish";

let token = ""; // of the invite; empty: a recovery code
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
  if (history.state?.done) return end("done_already");
  if (!supported()) return end("passkey_unsupported");
  if (token === "recovery") return recover();
  if (!/^[A-Za-z0-9_-]{22}$/.test(token)) return end("incomplete");
  go("start");
  lock();
}

function lock() {
  hasLock().then((found) => put("start-problem", found ? "" : t("enroll.no_lock")));
}

function go(step) {
  show(step, t("enroll.titles." + step));
}

function recover() {
  history.replaceState({ token: "recovery" }, "", location.pathname);
  go("recover");
}

async function redeem() {
  await attempt("start", async () => who(await insist("/v1/enroll/redeem", { body: { token } })));
}

async function useCode() {
  const login = $("recover-login").value.trim();
  const code = $("recover-code").value;
  wrong("recover-code", code.replace(/[\s-]/g, "").length === 16 ? "" : t("enroll.code_short"));
  wrong("recover-login", login ? "" : t("enroll.login_needed"));
  if (!$("recover-login-error").hidden || !$("recover-code-error").hidden) return;
  await attempt("recover", async () => {
    try {
      // Once only: a second try would need another code.
      who(await call("/v1/enroll/recovery", { body: { login, code } }));
    } catch (problem) {
      if (problem.code !== "code_wrong") throw problem;
      wrong("recover-code", t("enroll.code_wrong"));
    }
  });
}

function who(answer) {
  invite = answer;
  $("who-name").textContent = invite.user.display;
  put("who-by", invite.invited_by);
  $("who-by").parentElement.hidden = !invite.invited_by;
  $("recover-code").value = "";
  go("who");
}

async function make() {
  await attempt("make", async () => {
    const name = $("name").value.trim() || deviceName();
    // A lost answer: the same passkey is sent again.
    made ??= await create(await call("/v1/enroll/options", { body: { type: "webauthn" } }));
    say(t("enroll.saving"));
    const body = { type: "webauthn", attestation: made, name };
    const device = await insist(finish, { body });
    history.replaceState({ done: true }, "", location.pathname);
    if (device.state !== "pending") return settled(device);
    go("pending");
    awaitOld(body);
  });
}

// awaitOld looks now and then whether the old device has vouched for this one:
// what registered it, sent again, tells how it stands. The server ends that when
// it is too late.
async function awaitOld(body) {
  for (let looked = 0; looked < 150; looked++) {
    await new Promise((done) => setTimeout(done, 4000));
    if (document.hidden) await new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));
    if (!shown("pending")) return; // another link was opened
    try {
      const device = await call(finish, { body });
      if (device.state === "revoked") return end("called_off");
      if (device.state !== "pending") return settled(device);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (!problem.passing) break;
    }
  }
  if (shown("pending")) end("not_vouched");
}

// settled: the device can sign in, now or after its probation.
function settled(device) {
  const until = device.state === "probation" && device.probation_until;
  put("probation", !until ? "" : t("enroll.probation", { time: new Date(until * 1000).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }) }));
  if ($("codes-go")) $("codes-go").hidden = true;
  go("done");
}

// test signs in once, to these pages only.
async function test() {
  put("test-result", "");
  try {
    const assertion = await get(await call("/v1/me/stepup/options", { body: {} }));
    await insist("/v1/me/stepup", { body: { assertion } });
    $("test").hidden = true;
    $("codes-go").hidden = !$("probation").hidden; // a phone on probation makes none
    put("test-result", t($("codes-go").hidden ? "enroll.test_ok" : "enroll.test_ok_codes"));
    if (!$("codes-go").hidden) $("codes-go").focus();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    put("test-result", t("enroll.test_failed", { why: words(problem) }));
  }
}

async function codes() {
  put("test-result", "");
  try {
    const answer = await call("/v1/me/recovery-codes", { body: {} });
    showCodes(answer.codes, () => end("all_set"));
    go("codes");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    put("test-result", words(problem));
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
    if (has(`enroll.ends.${problem.code}.heading`) || !known(problem.code)) end(problem.code, problem.detail);
    else put(step + "-problem", words(problem));
  }
}

const known = (code) => has("enroll.problems." + code) || has("shared.problems." + code);
const words = (problem) => problemWords("enroll", problem, { by: by() });
const by = () => invite?.invited_by || t("enroll.inviter");

function end(why, detail) {
  const found = has(`enroll.ends.${why}.heading`);
  const key = "enroll.ends." + (found ? why : "other");
  const { icon = "alert", first } = looks[found ? why : "other"] ?? {};
  $("end-title").textContent = t(key + ".heading");
  $("end-words").textContent = found || !detail ? t(key + ".words", { by: by(), name: invite?.user.display }) : detail;
  $("end").querySelector("use").setAttribute("href", "#icon-" + icon);
  put("end-first", first && t("enroll.buttons." + first));
  $("end-first").dataset.act = first ?? "";
  show("end", $("end-title").textContent);
}

// deviceName is what people call this kind of device.
function deviceName() {
  const agent = navigator.userAgent;
  const name = (kind) => t("enroll.kinds." + kind);
  if (/iPhone|iPod/.test(agent)) return name("iphone");
  if (/iPad/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1)) return name("ipad");
  if (/Android/.test(agent)) return name(/Mobile/.test(agent) ? "android" : "android_tablet");
  if (/Macintosh/.test(agent)) return name("mac");
  return name(/Windows/.test(agent) ? "windows" : "other");
}

const endActs = {
  restart: () => (token === "recovery" ? recover() : (go("start"), redeem())),
  retry: () => again(),
  recover,
  mine: () => location.assign("/me"),
};
wire("start-go", redeem);
wireForm("recover-form", useCode);
wire("who-yes", () => go("make"));
wire("who-no", () => end("not_me"));
wireForm("make-form", make);
wire("end-first", (button) => endActs[button.dataset.act]());
if ($("test")) wire("test", test);
if ($("codes-go")) wire("codes-go", codes);
$("name").value = deviceName();
addEventListener("hashchange", () => location.hash && begin());
offerInstall();
begin();
