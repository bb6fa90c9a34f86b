// Follows one QR session on the server: makes it, polls it, acts on it.

import { call, forget, Problem, randomKey, remembered } from "./api.js";

const sessions = "/v1/login/sessions";
const final = ["denied", "cancelled", "expired", "consumed"];
const slow = 4000; // ms until a call in progress counts as slow

// Session reports what happens through its handlers:
//   view(view)        a view that is not older than the last one
//   problem(problem)  an error that ended the session for this page
//   trouble(name)     "offline", "slow" or "" (all is well); polling goes on
//   wait(problem)     no session yet; it is asked for again by itself
export class Session {
  #login;
  #on;
  #mode = "qr";
  #view = null;
  #offset = 0; // server's clock minus ours, ms
  #pace = 1; // stretches the polling interval after slow_down
  #failures = 0;
  #turn = 0; // counts sessions: answers for a former one are dropped
  #polling = 0; // the turn of the poll in progress
  #stopped = false;
  #notBefore = 0; // our clock, ms: Retry-After
  #timer = 0;

  constructor(login, handlers) {
    this.#login = login;
    this.#on = handlers;
    document.addEventListener("visibilitychange", () => this.#wake());
    addEventListener("online", () => {
      this.#notBefore = 0;
      this.#wake();
    });
    addEventListener("offline", () => this.#trouble("offline"));
    addEventListener("pageshow", (e) => e.persisted && this.#resume());
  }

  // now is the server's time in ms.
  now() {
    return Date.now() + this.#offset;
  }

  // start makes the session. A reload in the same tab comes back to the same
  // one, unless that has ended or a fresh one is wanted. Once the mode is
  // "passkey", no session shows a code any more.
  async start({ fresh = false, mode = this.#mode } = {}) {
    this.#mode = mode;
    const name = "create:" + this.#login;
    if (fresh) forget(name);
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    this.#view = null;
    this.#stopped = false;
    this.#pace = 1;
    const body = { login: this.#login, mode, login_hint: null, client: client() };
    try {
      const view = await this.#ask(turn, sessions, { body, key: remembered(name, () => randomKey(16)) });
      if (!view) return;
      if (!fresh && ["denied", "cancelled", "expired"].includes(view.status)) return this.start({ fresh: true });
      this.#take(view);
    } catch (problem) {
      if (turn !== this.#turn) return;
      if (!problem.passing) return this.#end(problem);
      this.#backOff(problem);
      this.#on.wait(problem);
      this.#wake();
    }
  }

  // act performs "cancel", "extend" or "user-code" and returns the answer;
  // false where the session does not allow it (any more), null where it came
  // to nothing. Both are followed by a look at the present state.
  async act(action) {
    const turn = this.#turn;
    if (!this.#view) return null;
    try {
      const answer = await this.#ask(turn, this.#path("/" + action), { body: {} });
      if (answer?.sid) this.#take(answer);
      return answer;
    } catch (problem) {
      if (turn !== this.#turn) return null;
      const refused = problem.code === "wrong_state";
      if (problem.passing) this.#backOff(problem);
      else if (!refused) this.#end(problem);
      this.#wake();
      return refused ? false : null;
    }
  }

  // send performs an action whose problems are the caller's.
  async send(action, body) {
    if (!this.#view) throw new Problem("busy");
    const answer = await this.#ask(this.#turn, this.#path("/" + action), { body });
    if (answer?.sid) this.#take(answer);
    return answer;
  }

  async #poll() {
    const turn = this.#turn;
    if (this.#polling === turn || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#polling = turn;
    try {
      const view = await this.#ask(turn, this.#path(""));
      if (view) this.#take(view);
    } catch (problem) {
      if (turn !== this.#turn) return;
      if (!problem.passing) return this.#end(problem);
      if (problem.code !== "slow_down") this.#trouble(navigator.onLine ? "slow" : "offline");
      this.#backOff(problem);
      this.#wake();
    } finally {
      if (this.#polling === turn) this.#polling = 0;
    }
  }

  // look polls before its time.
  look() {
    this.#wake();
  }

  // stop ends polling: the page is about to leave.
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  // finishKey is the same for every try to finish this session.
  finishKey() {
    return remembered("finish:" + this.sid, () => randomKey(16));
  }

  get mode() {
    return this.#mode;
  }

  get sid() {
    return this.#view?.sid ?? "";
  }

  #path(rest) {
    return `${sessions}/${this.sid}${rest}`;
  }

  // #ask calls the server, tells when that takes long, and reads its clock.
  // Null: the answer is for a session that was given up meanwhile.
  async #ask(turn, path, options) {
    const sent = Date.now();
    const hint = setTimeout(() => this.#trouble("slow"), slow);
    let answer;
    try {
      answer = await call(path, options);
    } finally {
      clearTimeout(hint);
    }
    if (turn !== this.#turn) return null;
    this.#failures = 0;
    this.#notBefore = 0;
    this.#trouble("");
    if (answer.server_time) this.#offset = answer.server_time - (sent + Date.now()) / 2;
    return answer;
  }

  #take(view) {
    if (this.#stopped) return;
    if (this.#view && view.v < this.#view.v) return this.#schedule(this.#view.poll_after_ms);
    if (view.v !== this.#view?.v) this.#pace = 1;
    this.#view = view;
    if (final.includes(view.status)) this.#stopped = true;
    this.#on.view(view);
    this.#schedule(view.poll_after_ms);
  }

  #end(problem) {
    if (this.#stopped) return;
    this.stop();
    this.#trouble("");
    this.#on.problem(problem);
  }

  // #trouble is silent once nothing is waited for.
  #trouble(name) {
    this.#on.trouble(this.#stopped ? "" : name);
  }

  #schedule(ms) {
    clearTimeout(this.#timer);
    if (this.#stopped || document.hidden) return;
    const jitter = 1 + Math.random() / 10;
    this.#timer = setTimeout(() => this.#poll(), (ms || 2000) * this.#pace * jitter);
  }

  // #wake goes on at once, or as soon as the server allows it; nothing goes on
  // while the page is hidden.
  #wake() {
    clearTimeout(this.#timer);
    const creating = !this.#view && !this.#failures;
    if (this.#stopped || document.hidden || creating) return;
    const wait = Math.max(0, this.#notBefore - Date.now());
    this.#timer = setTimeout(() => (this.#view ? this.#poll() : this.start()), wait);
  }

  // #resume wakes a page that the back button brought back from the cache.
  #resume() {
    this.#stopped = final.includes(this.#view?.status);
    this.#wake();
  }

  // #backOff sets the time of the next try: what the server asks for, else in
  // 2, 4, 8 and then 15 seconds.
  #backOff(problem) {
    this.#failures++;
    if (problem.code === "slow_down") this.#pace *= 2;
    this.#notBefore = Date.now() + (problem.wait || Math.min(1000 * 2 ** this.#failures, 15_000));
  }
}

function client() {
  const data = navigator.userAgentData;
  const brands = data?.brands.filter((b) => !/not.?a.?brand/i.test(b.brand)).map((b) => `${b.brand} ${b.version}`);
  return { lang: navigator.language, uadata: data && { platform: data.platform, brands } };
}
