// The worker that says in words that there is no network (web/phoneapp).

const address = "/sw.js";
const scope = "/m"; // and so /me; no page of a sign-in on this device

// keepOffline installs it. Without one nothing is lost but those words.
export function keepOffline() {
  if (!navigator.serviceWorker) return;
  // The policy of the page allows this one policy of trusted types, which
  // gives this one address, whatever it is given.
  const trusted = globalThis.trustedTypes?.createPolicy("latchkey-worker", { createScriptURL: () => address });
  navigator.serviceWorker.register(trusted?.createScriptURL("") ?? address, { scope, updateViaCache: "none" }).catch(() => {});
}
