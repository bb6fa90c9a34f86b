// Offers to put us on the home screen: by a button where the browser lets a page
// ask, in words on iPhone and iPad. The elements are those of the template
// "install", hidden until there is something to offer.

import { t } from "./i18n.js";
import { $, put, say, wire } from "./panes.js";

let question = null; // of the browser, kept until the person taps

// offerInstall is to be called once, as soon as the page runs: browsers ask
// early. Where we are installed already, or cannot be, it shows nothing.
export function offerInstall() {
  if (installed()) return;
  if ("standalone" in navigator) return offer(t("install.words_ios"));
  addEventListener("beforeinstallprompt", (event) => {
    event.preventDefault();
    question = event;
    offer(t("install.words"));
    $("install-go").hidden = false;
  });
  addEventListener("appinstalled", () => {
    $("install").hidden = true;
    say(t("install.done"));
  });
  wire("install-go", async () => {
    question.prompt();
    const { outcome } = await question.userChoice;
    if (outcome === "accepted") $("install").hidden = true;
    else $("install-go").hidden = true; // it may be asked once
  });
}

function offer(words) {
  put("install-words", words);
  $("install").hidden = false;
}

function installed() {
  return navigator.standalone === true || matchMedia("(display-mode: standalone)").matches;
}
