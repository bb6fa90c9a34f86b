// Passkey autofill (WebAuthn Level 3, conditional mediation): a request waits
// in the browser, which offers this person's passkeys at the field. Nobody is
// asked anything until one of them is chosen.
//
// What is to be signed comes from the server, once for each code: the request
// has to wait before the field gets the focus, because browsers offer passkeys
// at that moment only. It is a read there, as a poll is, and writes nothing.

import { conditional, get } from "./passkey.js";

export class Autofill {
  #available;
  #options;
  #chosen;
  #name = ""; // of what the request is for; "" without one
  #unused = ""; // a name whose request failed
  #stop = null;
  #over = Promise.resolve(); // when the last request is

  // options() answers what is to be signed, chosen(options, assertion) takes
  // the signature, entered() is called for the key Enter, which means a passkey
  // too. box is shown around the field where browsers can do this.
  constructor({ box, field, options, chosen, entered }) {
    this.#options = options;
    this.#chosen = chosen;
    this.#available = conditional().then((yes) => {
      box.hidden = !yes;
      return yes;
    });
    field.addEventListener("focus", () => this.#again());
    field.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && entered());
  }

  // arm lets a request wait, unless one of this name does.
  arm(name) {
    if (name === this.#name) return;
    this.stop();
    this.#name = name;
    this.#stop = new AbortController();
    this.#over = this.#wait(this.#stop.signal, this.#over);
  }

  // stop takes the request back; browsers allow one at a time. It is over when
  // the promise is.
  stop() {
    this.#name = this.#unused = "";
    this.#stop?.abort();
    return this.#over;
  }

  async #wait(signal, before) {
    await before;
    if (!(await this.#available) || signal.aborted) return;
    let options, assertion;
    try {
      options = await this.#options();
      if (!options || signal.aborted) return;
      assertion = await get(options, { signal, mediation: "conditional" });
    } catch {
      // Nobody chose anything, so nobody is told. Not at once again either:
      // what failed without a person would do so for ever.
      if (!signal.aborted) this.#unused = this.#name;
      return;
    }
    if (!signal.aborted) await this.#chosen(options, assertion);
  }

  #again() {
    const name = this.#unused;
    if (!name) return;
    this.stop();
    this.arm(name);
  }
}
