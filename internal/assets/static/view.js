// Shows the state of the sign-in: panels, words, title, focus, and what a
// screen reader is told. Only text and attributes are ever written.

import { has, t } from "./i18n.js";
import { problemWords } from "./problems.js";
import { errorButtons, states } from "./states.js";

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

  // show changes to a state of states.js. values fill its texts; without
  // canGoBack there is no button that answers the application.
  show(state, values = {}, { canGoBack = false } = {}) {
    if (state === this.#state) return;
    this.#render(state, "login.states." + state, states[state], values, canGoBack);
  }

  // problem shows an error in place of the state.
  problem({ code, detail, wait }) {
    const known = has(`login.errors.${code}.heading`);
    const looks = { icon: "alert", first: known ? errorButtons[code] ?? "newCode" : "newCode", words: known ? "" : detail };
    this.#render("problem", "login.errors." + (known ? code : "other"), looks, { n: Math.ceil(wait / 1000) || 5 }, false);
  }

  trouble(name) {
    const text = name ? t("login.trouble." + name) : "";
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

  // scanning: the code is what the page offers, the passkey of this device is not.
  get scanning() {
    return this.#state === "waiting" && !this.#here;
  }

  // remember tells who used this browser last, while somebody may begin. Later
  // the page says who it is.
  remember(name) {
    const begins = ["starting", "waiting"].includes(this.#state);
    document.querySelector("#remembered bdi").textContent = name ?? "";
    $("remembered").hidden = !name || !begins;
  }

  // passkeyProblem tells what went wrong with a passkey; without a problem, it
  // takes that back.
  passkeyProblem(problem) {
    const text = problem ? problemWords("login", problem, { app: this.#app }) : "";
    $("passkey-error").textContent = text;
    $("passkey-error").hidden = !text;
  }

  // onlyPasskey takes the code away: this application does not accept it.
  onlyPasskey() {
    this.#here = true;
    $("other-device").hidden = true;
    $("here-words").textContent = t("login.passkey_only", { app: this.#app });
    if (!onPhone()) $("here-go").textContent = t("login.use_passkey");
  }

  // otherDevice shows the code in place of the passkey of this device.
  otherDevice() {
    this.#here = false;
    this.passkeyProblem();
    $("here").hidden = true;
    $("scan").hidden = false;
    $("scan-title").focus();
    this.say(t("login.states.waiting.status"));
  }

  // showUserCode puts a code to type in place of the steps; more tells whether
  // another one may be asked for.
  showUserCode(code, address, more) {
    $("typed-code").textContent = code;
    $("typed-address").textContent = address;
    $("typed").hidden = false;
    $("typed-error").hidden = true;
    document.querySelector(".how").hidden = true;
    $("cannot-scan").textContent = t("login.other_code");
    $("cannot-scan").hidden = !more;
    $("typed-title").focus();
    this.say(t("login.type_this", { code }));
  }

  noMoreCodes() {
    $("typed-error").textContent = t("login.no_more_codes");
    $("typed-error").hidden = false;
    $("cannot-scan").hidden = true;
  }

  toggleCode() {
    const hide = $("cover").hidden;
    $("cover").textContent = t("login.code_hidden");
    $("cover").hidden = !hide;
    $("hide-code").textContent = hide ? t("login.show_code") : t("login.hide_code");
    this.say(hide ? t("login.code_hidden") : t("login.code_shown"));
  }

  // time shows what is left, or nothing for null.
  time(left, canExtend) {
    $("time").hidden = left === null;
    if (left !== null) $("clock").textContent = minutes(left);
    const offer = canExtend && left !== null && left <= 30;
    if (!offer && document.activeElement === $("more-time")) this.#heading().focus();
    $("more-time").hidden = !offer;
  }

  #render(state, key, { icon, first, second, words }, values, canGoBack) {
    const focused = document.activeElement;
    this.#state = state;

    const all = { app: this.#app, ...values, device: values.device || t("login.any_phone") };
    const text = (part) => (has(`${key}.${part}`) ? t(`${key}.${part}`, all) : "");
    const heading = text("heading");
    const scanning = state === "waiting" || state === "starting";
    if (scanning) this.#resetScan(state);
    else {
      $("notice-title").textContent = heading;
      $("notice-words").textContent = words || text("words");
      $("notice").querySelector("use").setAttribute("href", "#icon-" + icon);
      this.#button("notice-first", first, all, state === "approved");
      this.#button("notice-second", second === "goBack" && !canGoBack ? "" : second, all);
    }
    document.querySelector("#number bdi").textContent = state === "number" ? spaced(values.number) : "";
    $("number").hidden = state !== "number";
    $("scan").hidden = !scanning || this.#here;
    if ($("here")) $("here").hidden = !scanning || !this.#here;
    if ($("here")) this.passkeyProblem();
    $("notice").hidden = scanning;
    $("below").hidden = true;
    $("cancel").hidden = !["starting", "waiting", "connected", "number"].includes(state);
    $("cancel").parentElement.hidden = !["starting", "waiting", "connected", "number", "confirm"].includes(state);
    document.title = text("title") || t("login.title", { heading, app: this.#app });
    const status = text("status") || [heading, words || text("words")].filter(Boolean).join(". ");
    this.say(scanning && this.#here ? t("login.here_ready") : status);
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
    $("cannot-scan").textContent = t("login.cannot_scan");
    $("hide-code").textContent = t("login.hide_code");
    $("cover").textContent = t("login.preparing");
    $("cover").hidden = state === "waiting";
  }

  #button(id, name, values, later) {
    $(id).dataset.act = name ?? "";
    $(id).textContent = name ? t("login.buttons." + name, values) : "";
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

// spaced parts a number for reading, half and half where it is long.
function spaced(number) {
  return number.length > 4 ? `${number.slice(0, number.length / 2)}\u2009${number.slice(number.length / 2)}` : number;
}

function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
