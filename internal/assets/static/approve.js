// The page that a scanned code opens: claims the sign-in, shows who asks, and
// signs with a passkey that the phone finds by itself.

import { insist, Problem } from "./api.js";
import { claimKey, keepKey, keptKey, newKey } from "./claim-keys.js";
import { frameOf } from "./frames.js";
import { has, t } from "./i18n.js";
import { approvedAt, lastTime } from "./last-time.js";
import { keepOffline } from "./offline.js";
import { $, put, say, show, shown, wire, wireForm, wrong } from "./panes.js";
import { disown, get, supported } from "./passkey.js";
import { problemWords } from "./problems.js";
import { age, place, screen, warningsOf } from "./request.js";
import { challengeOf } from "./signed-text.js";

const approvals = "/v1/approvals";
const final = ["approved", "consumed", "denied", "cancelled", "expired"];
const ending = ["session_expired", "login_expired", "session_unknown", "contested"];
const spokenAt = [60, 30, 10]; // seconds left
const letters = /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/;

// The looks of where a sign-in ends for this phone, or does not begin, by state
// and error code: icon and button. The texts are messages, "approve.ends.<name>".
const looks = {
  approved: { icon: "done" },
  denied: { icon: "stop" },
  not_me: { icon: "shield" },
  cancelled: { icon: "stop" },
  expired: { icon: "clock" },
  number_mismatch: { icon: "shield" },
  qr_stale: { icon: "clock", first: "scan" },
  qr_invalid: { icon: "shield", first: "scan" },
  session_expired: { icon: "clock" },
  login_expired: { icon: "clock" },
  already_scanned: { icon: "phone", first: "takeover" },
  taken: { icon: "phone" },
  contested: { icon: "shield" },
  wrong_state: { icon: "done" },
  app_disabled: { icon: "stop" },
  slow_down: { icon: "clock", first: "retry" },
  busy: { icon: "clock", first: "retry" },
  unreachable: { icon: "alert", first: "retry" },
};

let source = null; // what to claim: {sid, frame, via} or {key, user_code, via}
let request = null; // the claim's answer
let key = ""; // of the claim
let offset = 0; // server's clock minus ours, ms
let extended = false;
let spoken = Infinity;
let sheet = null; // stops the passkey sheet
let scanner = null; // see askScan
let begun = 0; // times
let again = begin; // what "Try again" does

// begin reads the code at once: it is good for seconds only.
function begin() {
  sheet?.abort();
  request = null;
  scanner?.off();
  begun++;
  const { hash, search } = location;
  const code = frameOf(hash);
  if (!supported()) return end("passkey_unsupported");
  if (code) return claim({ ...code, via: "camera" });
  if (hash) return end("qr_invalid");
  if (keptKey(history.state?.sid)) return look(history.state.sid);
  keepOffline();
  askScan(new URLSearchParams(search).has("scan"));
}

async function claim(what, takeover = false) {
  source = what;
  key = what.key ?? claimKey(what.sid);
  const body = {
    frame: what.frame ?? null,
    user_code: what.user_code ?? null,
    via: what.via,
    takeover,
    client: { lang: navigator.language, app: "web/1" },
  };
  again = () => claim(what, takeover);
  if (what.frame) show("opening", t("approve.checking"), "");
  try {
    const answer = await insist(approvals + "/claim", { claim: key, body });
    keepKey(answer.sid, key);
    history.replaceState({ sid: answer.sid }, "", location.pathname);
    take(answer);
  } catch (problem) {
    if (what.user_code && problem.code === "qr_invalid") return wrong("code", t("approve.code.qr_invalid"));
    end(problem.code === "already_scanned" && takeover ? "taken" : problem.code, problem);
  }
}

// look asks how a sign-in stands that this phone holds.
async function look(sid) {
  key = keptKey(sid) ?? key;
  again = () => look(sid);
  try {
    take(await insist(`${approvals}/${sid}`, { claim: key }));
  } catch (problem) {
    end(problem.code, problem);
  }
}

function take(answer) {
  request = answer;
  // A time without "now" beside it, and how long that still is.
  offset = answer.expires_at * 1000 - answer.webauthn.timeout - Date.now();
  spoken = Infinity;
  if (final.includes(answer.status)) return end(answer.status === "consumed" ? "approved" : answer.status);
  const { app } = answer.context;
  const where = place(answer.context);
  document.querySelector("#request-title bdi").textContent = app.name;
  $("request-title").classList.toggle("long", app.name.length > 28);
  document.querySelector("#at bdi").textContent = app.host;
  $("logo").hidden = !/^\/[^/\\]/.test(answer.display.app_logo ?? "");
  if (!$("logo").hidden) $("logo").src = answer.display.app_logo;
  $("screen").textContent = screen(answer.context);
  $("place").textContent = where.place;
  put("address", where.address);
  const last = lastTime(app.entity_id);
  put("last", last ? new Date(last).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }) : "");
  $("before").hidden = !last;
  put("warnings", warningsOf(answer.display));
  put("problem", "");
  const digits = answer.requires.match;
  $("match-field").hidden = !digits;
  if (digits) {
    $("match-label").textContent = t("approve.number", { n: digits });
    $("match").maxLength = 2 * digits; // spaces may be typed
  }
  if (!shown("request")) {
    show("request", t("approve.title", { app: app.name }), "deny");
    say(t("approve.announce", { app: app.name, host: app.host, screen: screen(answer.context), place: where.place }));
  }
  tick();
}

async function approve() {
  put("problem", "");
  const match = typedNumber();
  if (match === null) return;
  const { sid, webauthn } = request;
  sheet = new AbortController();
  say(t("approve.waiting"));
  try {
    const assertion = await get({
      challenge: await challengeOf(request, match),
      rpId: webauthn.rpId,
      allowCredentials: [],
      userVerification: "required",
      hints: ["client-device"],
      timeout: Math.min(left() * 1000, 300_000),
    }, { signal: sheet.signal });
    const body = { type: "webauthn", match: match ?? null, live: null, assertion };
    const done = await insist(`${approvals}/${sid}/approve`, { claim: key, body }).catch((problem) => {
      if (problem.code === "credential_unknown") disown(webauthn.rpId, assertion.id);
      throw problem;
    });
    approvedAt(request.context.app.entity_id, Date.now() + offset);
    end("approved", { name: done.user?.display });
  } catch (problem) {
    await refused(problem);
  } finally {
    sheet = null;
  }
}

// typedNumber is undefined where no number is asked for, and null, with a word
// at the field, where it is not complete.
function typedNumber() {
  const digits = request.requires.match;
  if (!digits) return undefined;
  const typed = $("match").value.replace(/\s/g, "");
  const complete = typed.length === digits && /^[0-9]+$/.test(typed);
  wrong("match", complete ? "" : t("approve.code.number", { n: digits }));
  return complete ? typed : null;
}

async function deny(why, reason) {
  put("problem", "");
  try {
    await insist(`${approvals}/${request.sid}/deny`, { claim: key, body: { reason } });
    end(why);
  } catch (problem) {
    await refused(problem);
  }
}

// refused shows what went wrong: here, if there is something to be done about
// it here.
async function refused(problem) {
  if (!(problem instanceof Problem)) throw problem;
  const { code, state } = problem;
  if (code === "passkey_aborted" || !shown("request")) return;
  if (code === "wrong_state") return look(request.sid);
  if (final.includes(state)) return end(has(`approve.ends.${code}.heading`) ? code : state, problem);
  if (ending.includes(code)) return end(code, problem);
  if (code === "number_mismatch") {
    $("match").value = "";
    return wrong("match", t("approve.code.mismatch"));
  }
  put("problem", problemWords("approve", problem, { app: request.context.app.name }));
}

async function moreTime() {
  try {
    extended = true;
    take(await insist(`${approvals}/${request.sid}/extend`, { claim: key, body: {} }));
    say(t("approve.extended", { time: minutes(left()) }));
  } catch (problem) {
    if (problem.code !== "wrong_state") await refused(problem);
    tick();
  }
}

// end shows where this phone's part ends. about is the Problem, or has the
// name of who approved.
function end(why, about = {}) {
  const known = has(`approve.ends.${why}.heading`);
  const key = "approve.ends." + (known ? why : "other");
  const { icon = "alert", first = appLike() ? "scan" : "" } = looks[known ? why : "other"] ?? {};
  const values = { app: request?.context.app.name ?? t("approve.the_app"), name: about.name, n: seconds(about) };
  $("end-title").textContent = t(key + ".heading");
  $("end-words").textContent = known || !about.detail ? t(key + (about.name && has(key + ".as") ? ".as" : ".words"), values) : about.detail;
  $("end").querySelector("use").setAttribute("href", "#icon-" + icon);
  put("end-first", first && t("approve.buttons." + first));
  $("end-first").dataset.act = first;
  show("end", $("end-title").textContent);
}

// askScan is where a page without a code begins. The scanner is loaded only
// here: whoever comes with a code needs none.
async function askScan(atOnce = false) {
  history.replaceState(null, "", location.pathname);
  const turn = begun;
  try {
    if (!canScan()) return askCode();
    scanner ??= (await import("./scanner.js")).wireScanner((code) => claim({ ...code, via: "scanner" }), askCode);
    if (turn === begun) scanner.show(atOnce);
  } catch {
    if (turn === begun) askCode();
  }
}

function askCode() {
  history.replaceState(null, "", location.pathname);
  $("type-scan").hidden = !canScan();
  wrong("code", "");
  show("type", t("approve.title_code"));
}

async function typed() {
  const code = $("code").value.toUpperCase().replace(/[\s-]/g, "");
  const complete = letters.test(code);
  wrong("code", complete ? "" : t("approve.code.short"));
  if (!complete) return;
  const repeated = source?.user_code === code; // a lost answer: the same key again
  await claim({ user_code: code, via: "code", key: repeated ? source.key : newKey() });
}

// tick keeps the age and the countdown, and ends what took too long.
function tick() {
  if (!shown("request")) return;
  const rest = left();
  const offer = !extended && rest <= 30;
  $("age").textContent = age(now() / 1000 - request.context.requested_at);
  $("clock").textContent = minutes(rest);
  if (!offer && document.activeElement === $("more-time")) $("deny").focus();
  $("more-time").hidden = !offer;
  const due = spokenAt.findLast((at) => rest <= at && at < spoken);
  if (due && rest > 0) {
    spoken = due;
    say(t(offer ? "shared.seconds_left_more" : "shared.seconds_left", { n: rest }));
  }
  if (rest > 0) return;
  sheet?.abort();
  end("expired");
}

// canScan tells whether there may be a camera to ask for.
const canScan = () => Boolean(navigator.mediaDevices?.getUserMedia);

// appLike: whoever scanned here, or has us on the home screen, comes back to
// this very page for the next sign-in.
const appLike = () => source?.via === "scanner" || matchMedia("(display-mode: standalone)").matches;

const now = () => Date.now() + offset;
const left = () => Math.max(0, Math.ceil(request.expires_at - now() / 1000));
const minutes = (s) => `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
const seconds = ({ wait }) => Math.ceil((wait || 5000) / 1000);

const endActs = { retry: () => again(), takeover: () => claim(source, true), scan: () => askScan(source?.via === "scanner") };
wire("deny", () => deny("denied", "other"));
wire("approve", approve);
wire("not-me", () => deny("not_me", "not_me"));
wire("more-time", moreTime);
wire("end-first", (button) => endActs[button.dataset.act]());
wireForm("code-form", typed);
wire("type-scan", () => askScan(true));
$("match").addEventListener("keydown", (e) => e.key === "Enter" && $("approve").click());
addEventListener("hashchange", () => location.hash && begin());
document.addEventListener("visibilitychange", tick);
setInterval(tick, 1000);
begin();
