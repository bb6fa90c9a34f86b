// Shows what becomes of each application while it is signed out, and goes back
// to the one that asked when all have confirmed. The page works without this.

import { call } from "./api.js";

const $ = (id) => document.getElementById(id);
const pause = 700; // ms between two looks
const id = $("logout").dataset.id;
const words = Object.fromEntries([...document.querySelectorAll("[data-words]")].map((e) => [e.dataset.words, e.textContent]));

// show writes what an answer of the API says.
function show({ outcomes }) {
  document.querySelectorAll(".outcome").forEach((e, n) => {
    if (e.dataset.outcome === outcomes[n]) return;
    e.dataset.outcome = outcomes[n];
    e.textContent = words[outcomes[n]];
  });
}

// end says how it went. Where somebody is still signed in somewhere, the person
// reads that before going on.
function end(partial) {
  const how = partial ? "partial" : "over";
  document.title = $("title").textContent = $("title").dataset[how];
  $("words").textContent = $("words").dataset[how];
  $("icon").setAttribute("href", partial ? "#icon-alert" : "#icon-done");
  if (partial) $("title").focus();
  else $("back")?.submit();
}

async function watch() {
  for (;;) {
    try {
      const state = await call("/v1/logout?l=" + encodeURIComponent(id));
      show(state);
      if (!state.pending) return end(state.partial);
    } catch (problem) {
      if (!problem.passing) return location.reload();
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

watch();
