// Shows the state of the sign-in: panels, words, title, focus, and what a
// screen reader is told. Only text and attributes are ever written.

import { fill } from "./fill.js";
import { buttons, errors, labels, passkeyErrors, states, trouble } from "./strings.js";

const $ = (id) => document.getElementById(id);

export class View {
  #app;
  #state = "";
  #acted = false;
  #act;
  #here = false; // the passkey of this device comes first, the code second

  // act(name) is called for every button, by the name of its label. passkeys
  // tells whether the browser can use them.
  constructor(app, act, passkeys) {
    this.#app = app;
    this.#act = act;
    if (passkeys && $("here")) this.#offerPasskey();
    for (const [id, name] of Object.entries({ "cannot-scan": "cannotScan", "hide-code": "hideCode", "more-time": "moreTime", cancel: "cancel" })) {
      this.#wire($(id), () => name);
    }
    for (const id of ["notice-first", "notice-second"]) this.#wire($(id), () => $(id).dataset.act);
    document.addEventListener("keydown", (e) => this.#enter(e));
    new IntersectionObserver(([box]) => {
      $("below").hidden = this.#state !== "waiting" || this.#here || box.intersectionRatio > 0.97;
    }, { threshold: [0.5, 0.97, 1] }).observe($("qr"));
  }

  get state() {
    return this.#state;
  }

  // show changes to a state of strings.js. values fill its texts; without
  // canGoBack there is no button that answers the application.
  show(state, values = {}, { canGoBack = false } = {}) {
    if (state === this.#state) return;
    this.#render(state, states[state], values, canGoBack);
  }

  // problem shows an error in place of the state.
  problem({ code, detail, wait }) {
    const known = errors[code] ?? { ...errors.other, words: detail || errors.other.words };
    const text = { title: known.heading + " - {app}", icon: "alert", ...known };
    this.#render("problem", text, { n: String(Math.ceil(wait / 1000) || 5) }, false);
  }

  trouble(name) {
    const text = trouble[name] ?? "";
    if ($("trouble").textContent === text) return;
    $("trouble").textContent = text;
    $("trouble").hidden = !text;
    if (text) this.say(text);
  }

  // say tells a screen reader, politely.
  say(text) {
    if ($("status").textContent !== text) $("status").textContent = text;
  }

  // later shows the Continue button of a state that goes on by itself.
  later() {
    if (this.#state === "approved") $("notice-first").hidden = false;
  }

  // hasPasskey tells whether a passkey is offered at all.
  get hasPasskey() {
    return Boolean($("passkey") && !$("passkey").hidden);
  }

  // passkeyProblem tells what went wrong with a passkey; without a problem, it
  // takes that back.
  passkeyProblem({ code, detail } = {}) {
    const text = code ? fill(passkeyErrors[code] ?? (detail || passkeyErrors.other), { app: this.#app }) : "";
    $("passkey-error").textContent = text;
    $("passkey-error").hidden = !text;
  }

  // onlyPasskey takes the code away: this application does not accept it.
  onlyPasskey() {
    this.#here = true;
    $("other-device").hidden = true;
    $("here-words").textContent = fill(labels.passkeyOnly, { app: this.#app });
    if (!onPhone()) $("here-go").textContent = labels.usePasskey;
  }

  // otherDevice shows the code in place of the passkey of this device.
  otherDevice() {
    this.#here = false;
    this.passkeyProblem();
    $("here").hidden = true;
    $("scan").hidden = false;
    $("scan-title").focus();
    this.say(states.waiting.status);
  }

  // showUserCode puts a code to type in place of the steps; more tells whether
  // another one may be asked for.
  showUserCode(code, address, more) {
    $("typed-code").textContent = code;
    $("typed-address").textContent = address;
    $("typed").hidden = false;
    $("typed-error").hidden = true;
    document.querySelector(".how").hidden = true;
    $("cannot-scan").textContent = labels.otherCode;
    $("cannot-scan").hidden = !more;
    $("typed-title").focus();
    this.say(fill(labels.typeThis, { time: code }));
  }

  noMoreCodes() {
    $("typed-error").textContent = labels.noMoreCodes;
    $("typed-error").hidden = false;
    $("cannot-scan").hidden = true;
  }

  toggleCode() {
    const hide = $("cover").hidden;
    $("cover").textContent = labels.codeHidden;
    $("cover").hidden = !hide;
    $("hide-code").textContent = hide ? labels.showCode : labels.hideCode;
    this.say(hide ? labels.codeHidden : labels.codeShown);
  }

  // time shows what is left, or nothing for null.
  time(left, canExtend) {
    $("time").hidden = left === null;
    if (left !== null) $("clock").textContent = minutes(left);
    const offer = canExtend && left !== null && left <= 30;
    if (!offer && document.activeElement === $("more-time")) this.#heading().focus();
    $("more-time").hidden = !offer;
  }

  #render(state, text, values, canGoBack) {
    const focused = document.activeElement;
    this.#state = state;

    const all = { app: this.#app, device: labels.anyPhone, ...values };
    const scanning = state === "waiting" || state === "starting";
    if (scanning) this.#resetScan(state);
    else {
      $("notice-title").textContent = fill(text.heading, all);
      $("notice-words").textContent = fill(text.words, all);
      $("notice").querySelector("use").setAttribute("href", "#icon-" + text.icon);
      this.#button("notice-first", text.first, all, state === "approved");
      this.#button("notice-second", text.second === "goBack" && !canGoBack ? "" : text.second, all);
    }
    $("scan").hidden = !scanning || this.#here;
    if ($("here")) $("here").hidden = !scanning || !this.#here;
    if ($("here")) this.passkeyProblem();
    $("notice").hidden = scanning;
    $("below").hidden = true;
    $("cancel").hidden = !["starting", "waiting", "connected"].includes(state);
    $("cancel").parentElement.hidden = !["starting", "waiting", "connected", "confirm"].includes(state);
    document.title = fill(text.title, all);
    const status = text.status ?? (text.heading ? `${text.heading}. ${text.words}` : "");
    this.say(fill(scanning && this.#here ? labels.hereReady : status, all));
    if (this.#acted || focused.closest("[hidden]")) this.#heading().focus();
    this.#acted = false;
  }

  #heading() {
    if (!$("notice").hidden) return $("notice-title");
    return $(this.#here ? "here-title" : "scan-title");
  }

  #offerPasskey() {
    this.#here = onPhone();
    $("passkey").hidden = false;
    for (const [id, name] of Object.entries({ "here-go": "passkey", passkey: "passkey", "other-device": "otherDevice" })) {
      this.#wire($(id), () => name);
    }
  }

  #resetScan(state) {
    $("typed").hidden = true;
    $("typed-error").hidden = true;
    document.querySelector(".how").hidden = false;
    $("cannot-scan").hidden = false;
    $("cannot-scan").textContent = labels.cannotScan;
    $("hide-code").textContent = labels.hideCode;
    $("cover").textContent = labels.preparing;
    $("cover").hidden = state === "waiting";
  }

  #button(id, name, values, later) {
    $(id).dataset.act = name ?? "";
    $(id).textContent = name ? fill(buttons[name], values) : "";
    $(id).hidden = !name || Boolean(later);
  }

  // A button is busy until its act is over: a second press does nothing.
  #wire(button, name) {
    button.addEventListener("click", async () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      this.#acted = true;
      button.setAttribute("aria-disabled", "true");
      try {
        await this.#act(name());
      } finally {
        button.removeAttribute("aria-disabled");
        this.#acted = false;
      }
    });
  }

  // Enter, with the focus nowhere, asks for a new code where that is offered.
  #enter(event) {
    const first = $("notice-first");
    const offered = !$("notice").hidden && !first.hidden && ["newCode", "again"].includes(first.dataset.act);
    if (event.key === "Enter" && document.activeElement === document.body && offered) first.click();
  }
}

// onPhone: a phone or tablet, which has its passkeys at hand and no second
// camera to scan its own screen with.
function onPhone() {
  return matchMedia("(pointer: coarse) and (max-width: 64em)").matches;
}

function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
