// Recovery codes on the screen: shown once; to be copied, saved or printed
// before the person goes on.

import { t } from "./i18n.js";
import { $, say, wire, wrong } from "./panes.js";

// showCodes fills the list; done is called once the person says that the codes
// are saved.
export function showCodes(codes, done) {
  const list = $("codes-list");
  list.replaceChildren(...codes.map((code) => {
    const item = document.createElement("li");
    const text = document.createElement("bdi");
    text.textContent = code;
    item.append(text);
    return item;
  }));
  $("codes-saved").checked = false;
  wrong("codes-saved", "");
  finished = done;
  text = `${t("shared.codes_file", { host: location.host })}\n\n${codes.join("\n")}\n`;
  URL.revokeObjectURL($("codes-save").href);
  $("codes-save").href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
}

let finished = () => {};
let text = "";

wire("codes-copy", async () => {
  try {
    await navigator.clipboard.writeText(text);
    say(t("shared.codes_copied"));
  } catch {
    getSelection().selectAllChildren($("codes-list"));
  }
});
wire("codes-print", () => print());
wire("codes-done", () => {
  if (!$("codes-saved").checked) return wrong("codes-saved", t("shared.codes_not_saved"));
  $("codes-list").replaceChildren();
  URL.revokeObjectURL($("codes-save").href);
  $("codes-save").removeAttribute("href");
  text = "";
  finished();
});
