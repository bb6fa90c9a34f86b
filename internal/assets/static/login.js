// The login page: joins what the server says (session.js), what the person
// sees (view.js) and the picture (qr.js).

import { Autofill } from "./autofill.js";
import { t } from "./i18n.js";
import { disown, get, supported } from "./passkey.js";
import { FrameClock } from "./qr.js";
import { Session } from "./session.js";
import { View } from "./view.js";

const { login, app, mode } = document.getElementById("login").dataset;
const form = document.getElementById("finish");
const maxUserCodes = 3; // per session
const over = ["wrong_state", "session_expired", "login_expired", "session_unknown", "not_your_browser"]; // a look tells more
const spokenAt = [60, 30, 10]; // seconds left

let view = null; // the newest view of the server
let confirmed = false; // the person chose Continue
let ending = ""; // how to tell a cancellation that is ours
let extended = false;
let userCodes = 0;
let spoken = Infinity;
let asking = false; // for a passkey, in the browser's own window

const screen = new View(app, (name) => acts[name]?.(), supported());
const session = new Session(login, { view: render, problem: fail, trouble: (name) => screen.trouble(name), wait: (p) => screen.problem(p) });
const frames = new FrameClock(document.querySelector("#qr svg"), () => session.now());
const autofill = screen.hasPasskey && new Autofill({
  box: document.getElementById("autofill"),
  field: document.getElementById("autofill-name"),
  options: () => session.send("passkey/options", {}),
  chosen: approve,
  entered: () => document.getElementById("passkey").click(),
});

const acts = {
  again: begin,
  newCode: begin,
  reload: () => location.reload(),
  moreTime: async () => {
    const after = await session.act("extend");
    if (after === null) return;
    extended = true;
    tick();
    if (after) screen.say(t("login.more_time_given", { time: document.getElementById("clock").textContent }));
  },
  cancel: () => cancel("cancelled"),
  notMe: () => cancel("notMe"),
  proceed: () => {
    confirmed = true;
    finish();
  },
  goBack: submit,
  passkey,
  otherDevice: () => {
    screen.otherDevice();
    offerPasskeys();
  },
  hideCode: () => screen.toggleCode(),
  cannotScan: async () => {
    const code = await session.act("user-code");
    if (code === false) screen.noMoreCodes();
    if (!code) return;
    userCodes++;
    screen.showUserCode(code.user_code, code.verification_uri.replace(/^\w+:\/\//, ""), userCodes < maxUserCodes);
  },
};

// begin gives up what was and asks for a new code.
function begin() {
  reset();
  return session.start({ fresh: true });
}

function reset() {
  view = null;
  confirmed = false;
  ending = "";
  extended = false;
  userCodes = 0;
  spoken = Infinity;
}

// cancel ends the session. A cancellation that the application wants to hear
// of is answered at once, but not one because a stranger scanned the code.
async function cancel(why) {
  ending = why;
  if (autofill) autofill.stop();
  const after = await session.act("cancel");
  if (!after) ending = "";
  else if (after.return && why === "cancelled") submit();
}

// render shows a view. The state is told again only when it changes.
function render(next) {
  if (next.expires_at !== view?.expires_at) spoken = Infinity;
  view = next;
  frames.set(view.frames ?? []);
  if (stateOf(view) === "approved") return finish();
  screen.show(stateOf(view), { device: view.device?.kind, name: view.continue_as, number: view.match }, { canGoBack: view.return });
  screen.remember(view.remembered?.display);
  offerPasskeys();
  tick();
}

// offerPasskeys does so at the field as long as a passkey could sign in: for a
// new code again, and after More time, because what is signed says how long it
// is valid.
function offerPasskeys() {
  if (!autofill || asking) return;
  if (view && screen.scanning && !ending) autofill.arm(`${view.sid} ${view.expires_at}`);
  else autofill.stop();
}

function stateOf({ status, hint, match, return: answers }) {
  switch (status) {
    case "created":
      return "waiting";
    case "scanned":
      return match ? "number" : "connected";
    case "denied":
      return hint === "number_mismatch" ? hint : status;
    case "approved":
      return hint === "confirm_user" && !confirmed ? "confirm" : "approved";
    case "cancelled":
      if (hint === "contested") return "contested";
      return ending === "cancelled" && answers ? "returning" : ending || "stopped";
    default:
      return status; // expired, consumed
  }
}

// passkey asks for one in this browser, without a phone.
async function passkey() {
  screen.passkeyProblem();
  asking = true;
  try {
    if (autofill) await autofill.stop();
    const options = await session.send("passkey/options", {});
    if (options) await approve(options, await get(options));
  } catch (problem) {
    refused(problem);
  } finally {
    asking = false;
    offerPasskeys();
  }
}

// approve signs in with what a passkey signed.
async function approve(options, assertion) {
  try {
    await session.send("passkey", { assertion });
  } catch (problem) {
    if (problem.code === "credential_unknown") disown(options.rpId, assertion.id);
    refused(problem);
    if (autofill) autofill.stop();
    offerPasskeys();
  }
}

function refused(problem) {
  if (over.includes(problem.code)) session.look();
  else screen.passkeyProblem(problem);
}

function fail(problem) {
  if (problem.code === "policy_passkey_required" && screen.hasPasskey && session.mode === "qr") {
    screen.onlyPasskey();
    return session.start({ fresh: true, mode: "passkey" });
  }
  view = null;
  frames.set([]);
  screen.problem(problem);
  screen.remember();
  offerPasskeys();
  tick();
}

// finish goes on to the application; Continue appears if that takes long.
function finish() {
  session.stop();
  if (autofill) autofill.stop();
  frames.set([]);
  screen.show("approved");
  screen.remember();
  tick();
  setTimeout(() => screen.later(), 2000);
  submit();
}

// submit lets the server answer the application: with the sign-in, or with
// the news that there is none.
function submit() {
  session.stop();
  form.elements.sid.value = session.sid;
  form.elements.finish_key.value = session.finishKey();
  form.submit();
}

// tick updates the countdown, says the last of it aloud, and looks whether an
// expiry was noticed on the other side.
function tick() {
  const counting = ["waiting", "connected", "number", "confirm"].includes(screen.state) && view;
  if (!counting) return screen.time(null, false);
  const left = Math.max(0, Math.ceil(view.expires_at - session.now() / 1000));
  const canExtend = screen.state === "waiting" && !extended;
  screen.time(left, canExtend);
  const due = spokenAt.findLast((at) => left <= at && at < spoken);
  if (due && left > 0) {
    spoken = due;
    screen.say(t(canExtend && left <= 30 ? "shared.seconds_left_more" : "shared.seconds_left", { n: left }));
  }
  if (left === 0 && spoken > 0) {
    spoken = 0;
    session.look();
  }
}

setInterval(tick, 1000);
screen.show("starting");
if (mode === "passkey" && screen.hasPasskey) { // a code would be refused
  screen.onlyPasskey();
  session.start({ mode });
} else session.start();
